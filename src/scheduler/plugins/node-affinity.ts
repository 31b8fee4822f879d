/** NodeAffinity keeps a pod to the nodes that its node selector and required affinity match, and weighs the preferred ones. */
import type { NodeAffinity } from '#api/core/v1/affinity.ts'
import { Node } from '#api/core/v1/node.ts'
import { matchesRequired, matchesSelector, matchesTerm } from '#api/core/v1/node-selector.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { namedNodes } from '../framework/node-selector.ts'
import { definePlugin, mostIsBest, type Plugin, unresolvable } from '../framework/plugin.ts'

export interface NodeAffinityArgs {
  /** Holds for all pods of the profile, beside their own. */
  readonly addedAffinity?: NodeAffinity
}

export function nodeAffinity({ addedAffinity }: NodeAffinityArgs = {}): Plugin {
  const enforced = addedAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  const added = addedAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
  const isAllowed = (node: Node) => !enforced || matchesSelector(enforced, node)
  const matches = (pod: Pod, node: Node) => isAllowed(node) && matchesRequired(pod, node)
  const preferredOf = ({ spec }: Pod) => spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
  return definePlugin({
    name: 'NodeAffinity',
    requeueOn: [
      {
        kind: Node,
        when: ['added', 'labelsChanged'],
        helps: (pod, before: Node | undefined, after: Node) => matches(pod, after) && !(before && matches(pod, before)),
      },
    ],

    prepare(pod) {
      const { nodeSelector, affinity } = pod.spec
      if (!enforced && !nodeSelector && !affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution) {
        return { skip: true }
      }
      const nodes = namedNodes(pod)
      if (!nodes) return {}
      return nodes.size === 0 ? { reject: unresolvable('pod affinity terms conflict') } : { nodes }
    },

    filter({ pod }, { node }) {
      if (!isAllowed(node)) return unresolvable("node(s) didn't match scheduler-enforced node affinity")
      return matchesRequired(pod, node) ? undefined : unresolvable("node(s) didn't match Pod's node affinity/selector")
    },

    prepareScore: ({ pod }) => ({ skip: added.length === 0 && preferredOf(pod).length === 0 }),

    score({ pod }, { node }) {
      let sum = 0
      for (const { preference, weight } of added) if (weight && matchesTerm(preference, node)) sum += weight
      for (const { preference, weight } of preferredOf(pod)) if (weight && matchesTerm(preference, node)) sum += weight
      return sum
    },

    normalize: (scores) => mostIsBest(scores),
    /** Pods that name their node have none in common with others. */
    signature(pod) {
      const { nodeSelector, affinity } = pod.spec
      const own = affinity?.nodeAffinity
      if (!nodeSelector && !own) return ''
      return namedNodes(pod) ? undefined : JSON.stringify([nodeSelector ?? {}, own ?? {}])
    },
  })
}
