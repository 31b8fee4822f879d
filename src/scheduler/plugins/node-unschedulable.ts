/** NodeUnschedulable keeps pods off cordoned nodes, unless they tolerate the taint that stands for it. */
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { definePlugin, unresolvable } from '../framework/plugin.ts'
import { tolerated } from '../framework/tolerations.ts'

const cordoned = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' } as const

export const nodeUnschedulable = definePlugin({
  name: 'NodeUnschedulable',
  requeueOn: [
    {
      kind: Node,
      when: ['added', 'taintsChanged'],
      helps: (_pod, before: Node | undefined, after: Node) =>
        !after.spec.unschedulable && (!before || !!before.spec.unschedulable),
    },
    { kind: Pod, when: ['tolerationsChanged'], helps: ({ spec }) => tolerated(spec.tolerations, cordoned) },
  ],

  filter({ pod }, { node }) {
    if (!node.spec.unschedulable || tolerated(pod.spec.tolerations, cordoned)) return undefined
    return unresolvable('node(s) were unschedulable')
  },

  signature: ({ spec }) => (spec.tolerations?.length ? JSON.stringify(spec.tolerations) : ''),
})
