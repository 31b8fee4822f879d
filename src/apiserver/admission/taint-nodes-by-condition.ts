/** TaintNodesByCondition: a new node takes no pods until the node lifecycle controller has seen it ready. */
import type { Node } from '#api/core/v1/node.ts'
import type { AdmissionPlugin } from './plugin.ts'

export const notReady = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' } as const

export const taintNodesByCondition: AdmissionPlugin = {
  name: 'TaintNodesByCondition',
  handles: ({ operation, kind, subresource }) =>
    operation === 'CREATE' && kind.plural === 'nodes' && kind.group === '' && !subresource,
  mutate({ object }) {
    const { spec } = object as Node
    const taints = spec.taints ?? []
    if (taints.some(({ key, effect }) => key === notReady.key && effect === notReady.effect)) return
    spec.taints = [...taints, { ...notReady }]
  },
}
