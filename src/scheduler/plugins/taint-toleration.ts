/** TaintToleration keeps pods off nodes whose taints they do not tolerate, and prefers nodes with fewer soft ones. */
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { definePlugin, fewestIsBest, unresolvable } from '../framework/plugin.ts'
import { tolerated } from '../framework/tolerations.ts'

export const taintToleration = definePlugin({
  name: 'TaintToleration',
  requeueOn: [
    {
      kind: Node,
      when: ['added', 'taintsChanged'],
      helps: (pod, before: Node | undefined, after: Node) => !untolerated(pod, after) && !(before && !untolerated(pod, before)),
    },
    { kind: Pod, when: ['tolerationsChanged'] },
  ],

  filter({ pod }, { node }) {
    return untolerated(pod, node) ? unresolvable('node(s) had untolerated taint(s)') : undefined
  },

  score({ pod }, { node }) {
    const { taints } = node.spec
    if (!taints?.length) return 0
    const tolerations = (pod.spec.tolerations ?? []).filter(({ effect }) => !effect || effect === 'PreferNoSchedule')
    return taints.filter((taint) => taint.effect === 'PreferNoSchedule' && !tolerated(tolerations, taint)).length
  },

  normalize: (scores) => fewestIsBest(scores),
  signature: ({ spec }) => (spec.tolerations?.length ? JSON.stringify(spec.tolerations) : ''),
})

function untolerated({ spec }: Pod, { spec: { taints } }: Node): boolean {
  if (!taints?.length) return false
  return taints.some((taint) => taint.effect !== 'PreferNoSchedule' && !tolerated(spec.tolerations, taint))
}
