/** NodeResourcesBalancedAllocation prefers nodes where the pod would bring the shares of resources in use closer together. */
import { definePlugin, maxNodeScore, type Plugin } from '../framework/plugin.ts'
import { factsOf } from '../framework/pod-facts.ts'
import { amountOf } from '../framework/resources.ts'
import type { NodeInfo, Resources } from '../framework/snapshot.ts'
import { resourceSignature } from './node-resources-fit.ts'
import type { ResourceSpec } from './resource-scoring.ts'

export interface BalancedAllocationArgs {
  readonly resources?: readonly ResourceSpec[]
}

export function balancedAllocation(args: BalancedAllocationArgs = {}): Plugin<Resources> {
  const names = (args.resources ?? [{ name: 'cpu' }, { name: 'memory' }]).map(({ name }) => name)
  return definePlugin<Resources>({
    name: 'NodeResourcesBalancedAllocation',
    requeueOn: [],
    prepare: (pod) => ({ state: factsOf(pod).requests }),
    /** A pod that asks for nothing of this cannot unbalance anything. */
    prepareScore: ({ state }) => ({ skip: names.every((name) => amountOf(state, name) === 0) }),
    /** 75 where it changes nothing; never below 50. */
    score({ state }, node) {
      const change = balance(names, node, { asked: state, counts: 1 }) - balance(names, node, { asked: state, counts: 0 })
      return maxNodeScore / 2 + Math.trunc((maxNodeScore / 2 + change) / 2)
    },

    signature: resourceSignature,
  })
}

interface Looking {
  /** By the pod. */
  readonly asked: Resources
  /** Whether the pod is counted. */
  readonly counts: 0 | 1
}

function balance(names: readonly string[], node: NodeInfo, looking: Looking): number {
  return Math.trunc((1 - standardDeviation(shares(names, node, looking))) * maxNodeScore)
}

function shares(names: readonly string[], node: NodeInfo, { asked, counts }: Looking): number[] {
  const found: number[] = []
  for (const name of names) {
    const wanted = amountOf(asked, name)
    const isExtended = name !== 'cpu' && name !== 'memory' && name !== 'ephemeral-storage'
    const capacity = isExtended && wanted === 0 ? 0 : amountOf(node.allocatable, name)
    if (capacity > 0) found.push(Math.min(1, (amountOf(node.requested, name) + counts * wanted) / capacity))
  }
  return found
}

/** Of two shares it is half their distance, as upstream computes it. */
function standardDeviation(values: readonly number[]): number {
  if (values.length === 2) return Math.abs(((values[0] as number) - (values[1] as number)) / 2)
  if (values.length < 2) return 0
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
}
