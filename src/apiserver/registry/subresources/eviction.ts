/** Eviction (`policy/v1`): deletes a pod on behalf of somebody who empties a node. */
import { Pod } from '#api/core/v1/pod.ts'
import { Eviction } from '#api/policy/v1/eviction.ts'
import { badRequest, conflict, hasReason } from '#schema/status-error.ts'
import type { Request, Response } from '../../request.ts'
import { admitMutating, admitValidating } from '../admit.ts'
import { deleteContext, deleteObject } from '../delete.ts'
import { type DeleteOptions, deleteOptions, type WriteOptions, writeOptions } from '../options.ts'
import { readObject } from '../read-object.ts'
import type { Registry } from '../registry.ts'
import { ensureNamespace } from '../strategy.ts'
import { type WriteContext, writeContext } from '../write-context.ts'
import { writeLoop } from '../write-loop.ts'
import { spendBudget, stillProcessed } from './eviction-budget.ts'
import { withCondition } from './pod-condition.ts'

/** The deletion itself passes no admission of its own, as upstream. */
export async function evict(registry: Registry, request: Request): Promise<Response> {
  const { name, namespace } = request.info
  const options = writeOptions(request.query, 'CreateOptions')
  const eviction = (await readObject(request, Eviction, { kinds: registry.kinds, options })) as Eviction
  ensureNamespace(eviction, namespace)
  const context = writeContext(registry, request, { kind: Pod, options })
  await admitMutating(context, { operation: 'CREATE', object: eviction })
  if (eviction.metadata.name !== name) throw badRequest('name in URL does not match name in Eviction object')
  await admitValidating(context, { operation: 'CREATE', object: eviction })
  await evictWithin(context, withDryRun(eviction, options))
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }
  return { type: 'object', status: 201, object: status }
}

/** Asks the pod's budget first; again where the pod changed while that was decided and no budget is in play. */
async function evictWithin(context: WriteContext, options: DeleteOptions): Promise<void> {
  const { registry, namespace, name } = context
  for (let before = ''; ; ) {
    const pod = await registry.client.get(Pod, { name, namespace })
    const { onlyThisState, budget } = await spendBudget(registry, pod, (options.dryRun ?? []).length > 0)
    if (!onlyThisState || options.preconditions?.resourceVersion) return markAndDelete(context, options)
    const { resourceVersion = '' } = pod.metadata
    try {
      return await markAndDelete(context, { ...options, preconditions: { ...options.preconditions, resourceVersion } })
    } catch (error) {
      if (!hasReason(error, 'Conflict') || before === resourceVersion) throw error
      if (budget) throw stillProcessed(budget)
      before = resourceVersion
    }
  }
}

/** KEP-3329: the pod says why it goes, for controllers that look at it while it does. */
async function markAndDelete(context: WriteContext, options: DeleteOptions): Promise<void> {
  const { registry, request, name } = context
  let how = options
  if ((options.dryRun ?? []).length === 0) {
    const next = (current: Pod): Pod => {
      checkPreconditions(current, options)
      const wanted = {
        type: 'DisruptionTarget',
        status: 'True',
        reason: 'EvictionByEvictionAPI',
        message: 'Eviction API: evicting',
      }
      const conditions = withCondition(current, wanted, registry.clock.now())
      return { ...structuredClone(current), status: { ...structuredClone(current.status), conditions } }
    }
    const { object } = await writeLoop({ context, part: 'status', next, admits: false })
    const { resourceVersion } = object.metadata
    if (options.preconditions?.resourceVersion) {
      how = { ...options, preconditions: { ...options.preconditions, resourceVersion } }
    }
  }
  await deleteObject(deleteContext(registry, request, { kind: Pod, options: how, name }), how, { admits: false })
}

/** The texts are those of upstream's `addConditionAndDeletePod`. */
function checkPreconditions({ metadata }: Pod, { preconditions }: DeleteOptions): void {
  const refuse = (why: string) => conflict({ group: '', plural: 'Pod' }, metadata.name, why)
  const { uid, resourceVersion } = preconditions ?? {}
  if (uid && uid !== metadata.uid) {
    const found = `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid})`
    throw refuse(`${found}. The object might have been deleted and then recreated`)
  }
  if (resourceVersion && resourceVersion !== metadata.resourceVersion) {
    const record = `the ResourceVersion in record (${metadata.resourceVersion})`
    throw refuse(
      `the ResourceVersion in the precondition (${resourceVersion}) does not match ${record}. The object might have been modified`,
    )
  }
}

function withDryRun({ deleteOptions: given }: Eviction, { dryRun }: WriteOptions): DeleteOptions {
  const options = deleteOptions(given ?? {}, new URLSearchParams())
  return dryRun && !options.dryRun ? { ...options, dryRun: ['All'] } : options
}
