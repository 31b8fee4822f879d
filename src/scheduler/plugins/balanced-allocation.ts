/** NodeResourcesBalancedAllocation prefers nodes where CPU and memory would be used to similar shares. */
import { definePlugin, maxNodeScore } from '../framework/plugin.ts'
import { podRequests } from '../framework/resources.ts'
import type { NodeInfo, Resources } from '../framework/snapshot.ts'

export const balancedAllocation = definePlugin<Resources>({
  name: 'NodeResourcesBalancedAllocation',
  requeueOn: [],

  /** A pod that asks for nothing cannot unbalance anything (upstream skips it as best-effort). */
  prepare(pod) {
    return { state: podRequests(pod) }
  },

  prepareScore: ({ state }) => ({ skip: state.cpu === 0 && state.memory === 0 }),

  score({ state }, node) {
    const deviation = standardDeviation(shares(node, state))
    return Math.trunc((1 - deviation) * maxNodeScore)
  },

  signature: () => '',
})

function shares(node: NodeInfo, more: Resources): number[] {
  return (['cpu', 'memory'] as const).flatMap((name) => {
    const capacity = node.allocatable[name]
    return capacity === 0 ? [] : [Math.min(1, (node.requested[name] + more[name]) / capacity)]
  })
}

/** Of two shares it is half their distance, as upstream computes it. */
function standardDeviation(values: readonly number[]): number {
  if (values.length === 2) return Math.abs(((values[0] as number) - (values[1] as number)) / 2)
  const mean = values.reduce((sum, value) => sum + value, 0) / (values.length || 1)
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length || 1))
}
