/** An APIService for every version that this server serves itself (`autoregister`), so that clients see who serves what. */
import { APIService } from '#api/apiregistration/v1/api-service.ts'
import { hasReason } from '#schema/status-error.ts'
import type { Registry } from '../registry/registry.ts'

const managed = 'kube-aggregator.kubernetes.io/automanaged'

/** Upstream's `APIVersionPriorities`: rank of the group, rank of the version. */
const priorities: Readonly<Record<string, readonly [number, number]>> = {
  '/v1': [18000, 1],
  'admissionregistration.k8s.io/v1': [16700, 15],
  'apiextensions.k8s.io/v1': [16700, 15],
  'apiregistration.k8s.io/v1': [18000, 15],
  'apps/v1': [17800, 15],
  'authentication.k8s.io/v1': [17700, 15],
  'authorization.k8s.io/v1': [17600, 15],
  'autoscaling/v1': [17500, 15],
  'autoscaling/v2': [17500, 30],
  'batch/v1': [17400, 15],
  'certificates.k8s.io/v1': [17300, 15],
  'coordination.k8s.io/v1': [16500, 15],
  'discovery.k8s.io/v1': [16200, 15],
  'events.k8s.io/v1': [17750, 15],
  'flowcontrol.apiserver.k8s.io/v1': [16100, 21],
  'metrics.k8s.io/v1beta1': [100, 100],
  'networking.k8s.io/v1': [17200, 15],
  'node.k8s.io/v1': [16300, 15],
  'policy/v1': [17100, 15],
  'rbac.authorization.k8s.io/v1': [17000, 15],
  'resource.k8s.io/v1': [16200, 20],
  'scheduling.k8s.io/v1': [16600, 15],
  'storage.k8s.io/v1': [16800, 15],
}

const customPriorities = [1000, 100] as const
const retryAfter = 1_000

/** What clients change is theirs; what is missing is made, and what nobody serves any more goes. */
export function registerLocal(registry: Registry, signal: AbortSignal): void {
  const { kinds, lister, client, clock, onError } = registry
  let isBusy = false
  let isStale = false
  const sync = async () => {
    const wanted = new Map<string, { readonly group: string; readonly version: string; readonly isCustom: boolean }>()
    for (const { group, version, def } of kinds.all())
      wanted.set(`${version}.${group}`, { group, version, isCustom: def.custom !== undefined })
    wanted.delete('v1.apiregistration.k8s.io')
    for (const [name, { group, version, isCustom }] of wanted) {
      if (lister.get(APIService, name)) continue
      const [groupPriorityMinimum, versionPriority] = priorities[`${group}/${version}`] ?? customPriorities
      const metadata = { name, labels: { [managed]: isCustom ? 'true' : 'onstart' } }
      const spec = { ...(group && { group }), version, groupPriorityMinimum, versionPriority }
      await client.create(APIService, { metadata, spec }, { signal }).catch(unless('AlreadyExists'))
    }
    for (const { metadata } of lister.list(APIService)) {
      if (metadata.labels?.[managed] !== 'true' || wanted.has(metadata.name)) continue
      await client.delete(APIService, metadata, { preconditions: { uid: metadata.uid } }).catch(unless('NotFound', 'Conflict'))
    }
  }
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

function unless(...reasons: Parameters<typeof hasReason>[1][]): (error: unknown) => void {
  return (error) => {
    if (!hasReason(error, ...reasons)) throw error
  }
}
