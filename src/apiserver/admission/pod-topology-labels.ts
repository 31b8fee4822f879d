/** PodTopologyLabels: pods learn zone and region of the node that they are bound to (KEP-4742). */
import { Node } from '#api/core/v1/node.ts'
import type { AdmissionPlugin } from './plugin.ts'

const copied = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region']

export const podTopologyLabels: AdmissionPlugin = {
  name: 'PodTopologyLabels',
  handles: ({ operation, kind, subresource }) =>
    operation === 'CREATE' && kind.plural === 'pods' && kind.group === '' && (subresource === '' || subresource === 'binding'),
  mutate({ object, subresource }, { lister }) {
    const { target } = object
    if (subresource === 'binding' && target?.kind && target.kind !== 'Node') return
    const name = subresource === 'binding' ? target?.name : object.spec.nodeName
    const labels = name ? lister.get(Node, name)?.metadata.labels : undefined
    const own = Object.fromEntries(copied.flatMap((key) => (labels?.[key] === undefined ? [] : [[key, labels[key] as string]])))
    if (Object.keys(own).length > 0) object.metadata.labels = { ...object.metadata.labels, ...own }
  },
}
