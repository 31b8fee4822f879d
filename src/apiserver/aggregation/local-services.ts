/** An APIService for every version that this server serves itself (`autoregister`), so that clients see who serves what. */
import { APIService } from '#api/apiregistration/v1/api-service.ts'
import { semanticEqual } from '#schema/equal.ts'
import type { Kind } from '#schema/kind.ts'
import { hasReason } from '#schema/status-error.ts'
import type { Registry } from '../registry/registry.ts'
import { priorityOf } from './priorities.ts'

const managed = 'kube-aggregator.kubernetes.io/automanaged'

const onStart = 'onstart'
const retryAfter = 1_000

/**
 * Follows upstream's table (`checkAPIService`): those of built-in kinds are made, put right or removed once, at the start, and left to clients
 * from then on; those of custom resources are kept as they ought to be. Who takes the label off has taken the object over.
 */
export function registerLocal(registry: Registry, signal: AbortSignal): void {
  const { kinds, lister, clock, onError } = registry
  const sync = syncer(registry, signal)
  let isBusy = false
  let isStale = false
  const run = () => {
    isStale = true
    if (isBusy || signal.aborted) return
    isBusy = true
    const again = async () => {
      while (isStale && !signal.aborted) {
        isStale = false
        await sync()
      }
    }
    again().then(
      () => void (isBusy = false),
      (error) => {
        isBusy = false
        if (signal.aborted) return
        onError?.(error, 'registering API services')
        clock.after(retryAfter, run)
      },
    )
  }
  // Many kinds come at once.
  let isDue = false
  const soon = () => {
    if (isDue) return
    isDue = true
    queueMicrotask(() => {
      isDue = false
      run()
    })
  }
  kinds.onChange(soon)
  lister.onChange?.(APIService, soon)
  run()
}

/** Goes over all of them once. What it throws is to be tried again. */
function syncer({ kinds, lister, client }: Registry, signal: AbortSignal): () => Promise<void> {
  const atStart = new Set(lister.list(APIService).map(({ metadata }) => metadata.name))
  const synced = new Set<string>()
  const syncOne = async (name: string, desired: Wanted | undefined) => {
    const current = lister.get(APIService, name)
    const label = current?.metadata.labels?.[managed]
    const isOnce = (desired?.metadata.labels[managed] ?? label) === onStart
    if ((isOnce && synced.has(name)) || (current && !label)) return
    if (label === onStart && !atStart.has(name)) return
    if (!current) return void (desired && (await client.create(APIService, desired, { signal }).catch(unless('AlreadyExists'))))
    const forgiven = unless('NotFound', 'Conflict')
    if (!desired)
      await client.delete(APIService, current.metadata, { preconditions: { uid: current.metadata.uid } }).catch(forgiven)
    else if (!semanticEqual(current.spec, desired.spec))
      await client.update(APIService, { ...current, spec: desired.spec }, { signal }).catch(forgiven)
  }
  return async () => {
    const wanted = wantedServices(kinds.all())
    const names = new Set([...wanted.keys(), ...lister.list(APIService).map(({ metadata }) => metadata.name)])
    for (const name of names) {
      await syncOne(name, wanted.get(name))
      synced.add(name)
    }
  }
}

interface Wanted {
  readonly metadata: { readonly name: string; readonly labels: Record<string, string> }
  readonly spec: APIService['spec']
}

function wantedServices(kinds: readonly Kind[]): Map<string, Wanted> {
  const wanted = kinds.map(({ group, version, apiVersion, def }) => {
    const priority = priorityOf(apiVersion)
    const metadata = { name: `${version}.${group}`, labels: { [managed]: def.custom ? 'true' : onStart } }
    const spec = { ...(group && { group }), version, groupPriorityMinimum: priority.group, versionPriority: priority.version }
    return [metadata.name, { metadata, spec }] as [string, Wanted]
  })
  return new Map(wanted.filter(([name]) => name !== 'v1.apiregistration.k8s.io'))
}

function unless(...reasons: Parameters<typeof hasReason>[1][]): (error: unknown) => void {
  return (error) => {
    if (!hasReason(error, ...reasons)) throw error
  }
}
