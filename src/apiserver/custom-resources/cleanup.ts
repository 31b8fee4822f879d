/** The end of a definition: its objects are deleted first, and when the last one is gone it may go too (apiextensions' `crd_finalizer.go`). */
import { CustomResourceDefinition, cleanupFinalizer } from '#api/apiextensions/v1/custom-resource-definition.ts'
import { isTrue } from '#api/apiextensions/v1/custom-resource-definition-status.ts'
import { edit } from '#client/client.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { hasReason } from '#schema/status-error.ts'
import type { Registry } from '../registry/registry.ts'
import { withCondition } from './conditions.ts'

/** Resolves when there is nothing more to do for this definition; throws what is to be tried again. */
export async function cleanup(registry: Registry, definition: CustomResourceDefinition, signal: AbortSignal): Promise<void> {
  if (!definition.metadata.finalizers?.includes(cleanupFinalizer)) return
  const began = await tell(registry, definition, {
    status: 'True',
    reason: 'InstanceDeletionInProgress',
    message: 'CustomResource deletion is in progress',
  })
  const outcome = isTrue(began, 'Established')
    ? await deleteInstances(registry, began, signal)
    : { reason: 'NeverEstablished', message: 'resource was never established' }
  if (!outcome) return
  const ended = edit(await registry.client.get(CustomResourceDefinition, began))
  if (ended.metadata.uid !== began.metadata.uid) return
  const status = withCondition(ended.status, { type: 'Terminating', status: 'False', ...outcome }, registry.clock.now())
  await registry.client.update(CustomResourceDefinition, { ...ended, status } as never, { subresource: 'status' })
  const last = edit(await registry.client.get(CustomResourceDefinition, began))
  last.metadata.finalizers = (last.metadata.finalizers ?? []).filter((name) => name !== cleanupFinalizer)
  await registry.client.update(CustomResourceDefinition, last as never)
}

async function tell(
  { client, clock }: Registry,
  definition: CustomResourceDefinition,
  condition: { status: 'True' | 'False'; reason: string; message: string },
): Promise<CustomResourceDefinition> {
  const status = withCondition(definition.status, { type: 'Terminating', ...condition }, clock.now())
  if (status === definition.status) return definition
  return client.update(CustomResourceDefinition, { ...definition, status } as never, { subresource: 'status' })
}

interface Outcome {
  readonly reason: string
  readonly message: string
}

/** Undefined where the server stops meanwhile. */
async function deleteInstances(
  registry: Registry,
  { spec }: CustomResourceDefinition,
  signal: AbortSignal,
): Promise<Outcome | undefined> {
  const { group, names, versions } = spec
  const kind = versions
    .map(({ name }) => registry.kinds.find({ group, version: name, resource: names.plural }))
    .find((found) => found?.def.custom)
  const done = { reason: 'InstanceDeletionCompleted', message: 'removed all instances' }
  if (!kind) return done
  const gone = await untilEmpty(registry, kind, signal)
  return gone ? done : undefined
}

/** Deletes what is there and what somebody still brings, until a look finds nothing. */
async function untilEmpty(registry: Registry, kind: Kind, signal: AbortSignal): Promise<boolean> {
  const storage = await registry.storage(kind)
  await storage.cache.catchUp()
  const rows = () => storage.cache.list(storage.prefix())
  const namespaces = new Set(rows().map((row) => namespaceOf(row.decoded)))
  for (const namespace of namespaces) {
    try {
      await registry.client.deleteCollection(kind, { ...(namespace && { namespace }) })
    } catch (error) {
      if (!hasReason(error, 'NotFound')) throw error
    }
  }
  await storage.cache.catchUp()
  if (rows().length === 0) return true
  return new Promise((resolve) => {
    const stop = new AbortController()
    const look = () => {
      if (rows().length > 0 && !signal.aborted) return
      stop.abort()
      resolve(!signal.aborted)
    }
    signal.addEventListener('abort', look, { once: true })
    storage.cache.watch({ prefix: storage.prefix(), signal: stop.signal }, look)
    look()
  })
}

function namespaceOf(object: KubeObject | undefined): string {
  return object?.metadata.namespace ?? ''
}
