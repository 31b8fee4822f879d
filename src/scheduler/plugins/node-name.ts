/** NodeName keeps a pod that asks for one node by name off all others. */
import { Node } from '#api/core/v1/node.ts'
import { definePlugin, unresolvable } from '../framework/plugin.ts'

export const nodeName = definePlugin({
  name: 'NodeName',
  requeueOn: [{ kind: Node, when: ['added'] }],

  filter({ pod }, node) {
    if (!pod.spec.nodeName || pod.spec.nodeName === node.name) return undefined
    return unresolvable("node(s) didn't match the requested node name")
  },

  signature: (pod) => pod.spec.nodeName ?? '',
})
