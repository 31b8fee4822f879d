/** NodeResourcesFit keeps pods off nodes without room for their requests, and prefers the emptier ones (LeastAllocated). */
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { definePlugin, maxNodeScore } from '../framework/plugin.ts'
import { amountOf, podRequests } from '../framework/resources.ts'
import type { NodeInfo, Resources } from '../framework/snapshot.ts'

interface State {
  readonly requests: Resources
  readonly nonZero: Resources
}

export const nodeResourcesFit = definePlugin<State>({
  name: 'NodeResourcesFit',
  requeueOn: [
    { kind: Pod, when: ['deleted', 'scaledDown'] },
    { kind: Node, when: ['added', 'allocatableChanged'] },
  ],

  prepare: (pod) => ({ state: { requests: podRequests(pod), nonZero: podRequests(pod, { nonZero: true }) } }),

  filter({ state }, node) {
    const lacking = insufficient(state.requests, node)
    if (lacking.length === 0) return undefined
    const reasons = lacking.map(({ reason }) => reason)
    return { message: reasons.join(', '), reasons, unresolvable: lacking.some(({ never }) => never) }
  },

  score({ state }, node) {
    const shares = (['cpu', 'memory'] as const).flatMap((name) => {
      const capacity = node.allocatable[name]
      if (capacity === 0) return []
      const wanted = node.nonZeroRequested[name] + state.nonZero[name]
      return [wanted > capacity ? 0 : Math.trunc(((capacity - wanted) * maxNodeScore) / capacity)]
    })
    return shares.length === 0 ? 0 : Math.trunc(shares.reduce((sum, share) => sum + share, 0) / shares.length)
  },

  signature: ({ spec }) =>
    JSON.stringify([
      spec.containers.map(({ resources }) => resources?.requests),
      spec.initContainers?.map(({ resources, restartPolicy }) => [resources?.requests, restartPolicy]),
      spec.resources?.requests,
      spec.overhead,
    ]),
})

/** What the node has too little of, in upstream's order; `never` where even the empty node would not do. */
export function insufficient(requests: Resources, node: NodeInfo): { reason: string; never: boolean }[] {
  const lacking: { reason: string; never: boolean }[] = []
  if (node.pods.length + 1 > node.allocatable.pods) lacking.push({ reason: 'Too many pods', never: node.allocatable.pods < 1 })
  const check = (name: string) => {
    const wanted = amountOf(requests, name)
    if (wanted === 0) return
    const capacity = amountOf(node.allocatable, name)
    if (wanted > capacity - amountOf(node.requested, name))
      lacking.push({ reason: `Insufficient ${name}`, never: wanted > capacity })
  }
  for (const name of ['cpu', 'memory', 'ephemeral-storage', ...requests.others.keys()]) check(name)
  return lacking
}
