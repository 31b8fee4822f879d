/** TaintToleration keeps pods off nodes whose taints they do not tolerate, and prefers nodes with fewer soft ones. */
import { Node } from '#api/core/v1/node.ts'
import { definePlugin, fewestIsBest, unresolvable } from '../framework/plugin.ts'
import { tolerated } from '../framework/tolerations.ts'

export const taintToleration = definePlugin({
  name: 'TaintToleration',
  requeueOn: [{ kind: Node, when: ['added', 'taintsChanged'] }],

  filter({ pod }, { node }) {
    const { taints = [] } = node.spec
    const hard = taints.find(
      ({ effect, ...taint }) => effect !== 'PreferNoSchedule' && !tolerated(pod.spec.tolerations, { effect, ...taint }),
    )
    return hard && unresolvable(`node(s) had untolerated taint(s)`)
  },

  score({ pod }, { node }) {
    const soft = (node.spec.taints ?? []).filter(({ effect }) => effect === 'PreferNoSchedule')
    const tolerations = (pod.spec.tolerations ?? []).filter(({ effect }) => !effect || effect === 'PreferNoSchedule')
    return soft.filter((taint) => !tolerated(tolerations, taint)).length
  },

  normalize: fewestIsBest,
  signature: (pod) => JSON.stringify(pod.spec.tolerations ?? []),
})
