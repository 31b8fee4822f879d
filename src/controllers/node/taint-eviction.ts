/** Taint eviction controller: drives pods off nodes with NoExecute taints that they do not tolerate, or not for longer. */
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import type { Taint, Toleration } from '#api/core/v1/taint.ts'
import type { Ref } from '#client/client.ts'
import { keyOf } from '#client/indexed-store.ts'
import { semanticEqual } from '#schema/equal.ts'
import { markDisrupted } from '../pod-failure.ts'
import { type Caches, type Cluster, defineController } from '../runtime/controller.ts'
import { podsByNode, podsOn } from './pods-by-node.ts'

export const taintEvictionController = defineController({
  name: 'taint-eviction-controller',
  account: 'node-controller',
  component: 'taint-eviction-controller',
  for: Pod,
  when: ({ object, old }) => Boolean((object ?? old)?.spec.nodeName) && !(object && old && staysAlike(object, old)),
  reads: [Node],
  writes: [Pod],
  indexes: [podsByNode],
  watches: [
    {
      kind: Node,
      when: ({ object, old }) => !semanticEqual(evicting(object), evicting(old)),
      visits: ({ metadata }: Node, caches: Caches<typeof Pod>) => podsOn(caches, metadata.name).map((pod) => pod.metadata),
    },
  ],

  async reconcile(pod, cluster) {
    const node = pod.spec.nodeName ? cluster.get(Node, { name: pod.spec.nodeName }) : undefined
    const due = planEviction(pod, evicting(node))
    if (due === undefined) return cancel(cluster, pod.metadata)
    const left = due - cluster.clock.now()
    if (left > 0) {
      scheduledBy(cluster).set(keyOf(pod.metadata), pod)
      return { after: left / 1000 }
    }
    scheduledBy(cluster).delete(keyOf(pod.metadata))
    tell(cluster, pod, 'Marking for deletion')
    const disruption = { reason: 'DeletionByTaintManager', message: 'Taint manager: deleting due to NoExecute taint' }
    await markDisrupted(cluster, pod, disruption)
    await cluster.delete(Pod, pod)
  },

  async reconcileAbsent(at, cluster) {
    cancel(cluster, at)
  },
})

type PodCluster = Cluster<typeof Pod | typeof Node, typeof Pod>

/** Pods that are to go at some time, by key, as a running controller remembers them. */
const scheduled = new WeakMap<object, Map<string, Pod>>()

function scheduledBy(cluster: PodCluster): Map<string, Pod> {
  const known = scheduled.get(cluster) ?? new Map<string, Pod>()
  scheduled.set(cluster, known)
  return known
}

function cancel(cluster: PodCluster, at: Ref): void {
  const pod = scheduledBy(cluster).get(keyOf(at))
  if (!pod) return
  scheduledBy(cluster).delete(keyOf(at))
  tell(cluster, pod, 'Cancelling deletion of')
}

function tell(cluster: PodCluster, pod: Pod, what: string): void {
  const { namespace, name } = pod.metadata
  cluster.event(pod, { type: 'Normal', reason: 'TaintManagerEviction', message: `${what} Pod ${namespace}/${name}` })
}

/** Of a pod only its node and what it tolerates matter here. */
function staysAlike(pod: Pod, old: Pod): boolean {
  return pod.spec.nodeName === old.spec.nodeName && semanticEqual(pod.spec.tolerations, old.spec.tolerations)
}

function evicting(node: Node | undefined): readonly Taint[] {
  return node?.spec.taints?.filter(({ effect }) => effect === 'NoExecute') ?? []
}

/**
 * When the pod has to go, in milliseconds since the epoch; undefined when it may stay. Time runs from the youngest taint, or from
 * the pod's creation on a node that was tainted before, so that a restart of this controller gives no extra time.
 */
export function planEviction({ metadata, spec }: Pod, taints: readonly Taint[]): number | undefined {
  if (taints.length === 0 || metadata.deletionTimestamp) return undefined
  const created = Date.parse(metadata.creationTimestamp)
  const start = Math.max(created, ...taints.map(({ timeAdded }) => (timeAdded ? Date.parse(timeAdded) : created)))
  const used = taints.map((taint) => spec.tolerations?.filter((toleration) => tolerates(toleration, taint)) ?? [])
  if (used.some((tolerations) => tolerations.length === 0)) return 0
  const limits = used
    .flat()
    .map(({ tolerationSeconds }) => tolerationSeconds)
    .filter((seconds) => seconds !== undefined)
  return limits.length > 0 ? start + Math.max(0, Math.min(...limits.map(Number))) * 1000 : undefined
}

/** No key matches every key, no effect every effect. `Gt` and `Lt` compare integers (KEP-5471). */
export function tolerates({ key, operator = 'Equal', value = '', effect }: Toleration, taint: Taint): boolean {
  if (effect && effect !== taint.effect) return false
  if (key && key !== taint.key) return false
  if (operator === 'Exists') return true
  if (operator === 'Equal') return value === (taint.value ?? '')
  const integer = /^-?\d+$/
  if (!integer.test(value) || !integer.test(taint.value ?? '')) return false
  const difference = BigInt(taint.value ?? '') - BigInt(value)
  return operator === 'Gt' ? difference > 0n : difference < 0n
}
