/** NodeAffinity keeps a pod to the nodes that its node selector and required affinity match, and weighs the preferred ones. */
import { Node } from '#api/core/v1/node.ts'
import { matchesRequired, matchesTerm, namedNodes } from '../framework/node-selector.ts'
import { definePlugin, mostIsBest, unresolvable } from '../framework/plugin.ts'

export const nodeAffinity = definePlugin({
  name: 'NodeAffinity',
  requeueOn: [
    {
      kind: Node,
      when: ['added', 'labelsChanged'],
      helps: (pod, before: Node | undefined, after: Node) =>
        matchesRequired(pod, after) && !(before && matchesRequired(pod, before)),
    },
  ],

  prepare(pod) {
    const nodes = namedNodes(pod)
    if (!nodes) return {}
    return nodes.size === 0 ? { reject: unresolvable('pod affinity terms conflict') } : { nodes }
  },

  filter({ pod }, { node }) {
    return matchesRequired(pod, node) ? undefined : unresolvable("node(s) didn't match Pod's node affinity/selector")
  },

  prepareScore({ pod }) {
    return { skip: !pod.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution?.length }
  },

  score({ pod }, { node }) {
    const preferred = pod.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
    return preferred.filter(({ preference }) => matchesTerm(preference, node)).reduce((sum, { weight }) => sum + weight, 0)
  },

  normalize: mostIsBest,
  signature: ({ spec }) => JSON.stringify([spec.nodeSelector ?? {}, spec.affinity?.nodeAffinity ?? {}]),
})
