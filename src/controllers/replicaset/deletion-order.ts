/** Which pods a ReplicaSet loses first when it has too many (`ActivePodsWithRanks`). */
import type { Pod } from '#api/core/v1/pod.ts'
import { isReady, readySince } from '../pod-state.ts'

export interface Crowd {
  readonly now: number
  /** Active pods of the same owner, also those of its other ReplicaSets. */
  readonly related: readonly Pod[]
}

/** The pods to delete, cheapest to lose first. */
export function planDeletion(pods: readonly Pod[], surplus: number, { now, related }: Crowd): readonly Pod[] {
  if (surplus >= pods.length) return pods
  const perNode = new Map<string, number>()
  for (const { spec } of related) perNode.set(spec.nodeName ?? '', (perNode.get(spec.nodeName ?? '') ?? 0) + 1)
  const rank = ({ spec }: Pod) => perNode.get(spec.nodeName ?? '') ?? 0
  return pods.toSorted((a, b) => compare(a, b, { now, rank })).slice(0, surplus)
}

function compare(a: Pod, b: Pod, { now, rank }: { now: number; rank: (pod: Pod) => number }): number {
  return (
    number(Boolean(a.spec.nodeName)) - number(Boolean(b.spec.nodeName)) ||
    phaseOrder(a) - phaseOrder(b) ||
    number(isReady(a)) - number(isReady(b)) ||
    deletionCost(a) - deletionCost(b) ||
    rank(b) - rank(a) ||
    youngerFirst(readySince(a), readySince(b), { now, a, b, both: isReady(a) && isReady(b) }) ||
    restarts(b, false) - restarts(a, false) ||
    restarts(b, true) - restarts(a, true) ||
    youngerFirst(createdAt(a), createdAt(b), { now, a, b, both: true })
  )
}

const number = (flag: boolean) => (flag ? 1 : 0)

const order: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 }
const phaseOrder = ({ status }: Pod) => order[status?.phase ?? ''] ?? 0

/** `controller.kubernetes.io/pod-deletion-cost`; what is no 32-bit integer counts as 0. */
function deletionCost({ metadata }: Pod): number {
  const text = metadata.annotations?.['controller.kubernetes.io/pod-deletion-cost'] ?? ''
  const cost = /^(0|-?[1-9][0-9]*)$/.test(text) ? Number(text) : 0
  return cost >= -(2 ** 31) && cost < 2 ** 31 ? cost : 0
}

/**
 * Ages are compared by their order of magnitude (KEP-2185), and alike ones by UID, which is chance: so that the
 * youngest need not all stand on one node or in one zone. No time at all counts as youngest.
 */
function youngerFirst(
  first: number | undefined,
  second: number | undefined,
  { now, a, b, both }: { now: number; a: Pod; b: Pod; both: boolean },
): number {
  if (!both || first === second) return 0
  if (first === undefined) return -1
  if (second === undefined) return 1
  return magnitude(now - first) - magnitude(now - second) || (a.metadata.uid < b.metadata.uid ? -1 : 1)
}

/** Powers of two of nanoseconds. */
function magnitude(age: number): number {
  return age > 0 ? Math.trunc(Math.log2(age * 1e6)) : -1
}

function createdAt({ metadata }: Pod): number | undefined {
  return metadata.creationTimestamp ? Date.parse(metadata.creationTimestamp) : undefined
}

/** The most restarts of a container, or of a sidecar (an init container that restarts always). */
function restarts({ spec, status }: Pod, sidecars: boolean): number {
  const statuses = sidecars ? status?.initContainerStatuses : status?.containerStatuses
  const names = new Set(spec.initContainers?.filter(({ restartPolicy }) => restartPolicy === 'Always').map(({ name }) => name))
  const counted = (statuses ?? []).filter(({ name }) => !sidecars || names.has(name))
  return Math.max(0, ...counted.map(({ restartCount }) => restartCount))
}
