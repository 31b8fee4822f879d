/** Binding: puts a pod on a node (`pods/binding`, and POST of a Binding, as upstream's pod storage does). */
import { Binding } from '#api/core/v1/binding.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { root } from '#schema/field-error.ts'
import { badRequest, conflict, invalid } from '#schema/status-error.ts'
import type { Request, Response } from '../../request.ts'
import { admitMutating, admitValidating } from '../admit.ts'
import { writeOptions } from '../options.ts'
import { readObject } from '../read-object.ts'
import type { Registry } from '../registry.ts'
import { ensureNamespace } from '../strategy.ts'
import { type WriteContext, writeContext } from '../write-context.ts'
import { writeLoop } from '../write-loop.ts'
import { withCondition } from './pod-condition.ts'

export async function createBinding(registry: Registry, request: Request): Promise<Response> {
  const options = writeOptions(request.query, 'CreateOptions')
  const binding = (await readObject(request, Binding, { kinds: registry.kinds, options })) as Binding
  const name = request.info.name || (binding.metadata.name ?? '')
  ensureNamespace(binding, request.info.namespace)
  if (binding.metadata.name && binding.metadata.name !== name) {
    throw badRequest(`name in URL does not match name in Binding object: ${name} != ${binding.metadata.name}`)
  }
  checkTarget(binding)
  const context = { ...writeContext(registry, request, { kind: Pod, options }), name, subresource: 'binding' }
  await admitMutating(context, { operation: 'CREATE', object: binding })
  await admitValidating(context, { operation: 'CREATE', object: binding })
  await assign(context, binding)
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }
  return { type: 'object', status: 201, object: status }
}

function checkTarget({ metadata, target }: Binding): void {
  const at = root.child('target')
  const errors = []
  if (target.kind && target.kind !== 'Node') errors.push(at.child('kind').notSupported(target.kind, ['Node', '<empty>']))
  if (!target.name) errors.push(at.child('name').required(''))
  if (errors.length > 0) throw invalid({ group: '', kind: 'Binding' }, metadata.name ?? '', errors)
}

/** The binding's labels and annotations go to the pod; topology labels without overwriting. */
async function assign(context: WriteContext, { metadata, target }: Binding): Promise<void> {
  const { name, registry } = context
  if (!name) throw badRequest('Name parameter required.')
  const refuse = (why: string) => conflict({ group: '', plural: 'pods/binding' }, name, why)
  const next = (current: Pod): Pod => {
    // The rest is shared with what nobody changes any more.
    const pod = { ...current, metadata: { ...current.metadata }, spec: { ...current.spec }, status: { ...current.status } }
    if (pod.metadata.deletionTimestamp) throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`)
    if (pod.spec.nodeName) throw refuse(`pod ${name} is already assigned to node ${JSON.stringify(pod.spec.nodeName)}`)
    if ((pod.spec.schedulingGates ?? []).length > 0) throw refuse(`pod ${name} has non-empty .spec.schedulingGates`)
    if (metadata.uid && metadata.uid !== pod.metadata.uid) {
      throw refuse(`Precondition failed: UID in precondition: ${metadata.uid}, UID in object meta: ${pod.metadata.uid}`)
    }
    pod.spec.nodeName = target.name
    pod.metadata.annotations = { ...pod.metadata.annotations, ...metadata.annotations }
    pod.metadata.labels = { ...metadata.labels, ...pod.metadata.labels }
    pod.status.conditions = withCondition(pod, { type: 'PodScheduled', status: 'True' }, registry.clock.now())
    // A hint that has served its purpose would only mislead (upstream's `ClearingNominatedNodeNameAfterBinding`).
    delete pod.status.nominatedNodeName
    delete (pod.metadata as { resourceVersion?: string }).resourceVersion
    return pod
  }
  await writeLoop({ context, part: 'raw', next, admits: false })
}
