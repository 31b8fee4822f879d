/** ExtendedResourceToleration: pods that ask for a device may run on the nodes that are kept for it. */
import type { Pod } from '#api/core/v1/pod.ts'
import { isExtendedResource } from '#api/core/v1/validation/resources.ts'
import { mergeTolerations } from '../merge-tolerations.ts'
import type { AdmissionPlugin } from '../plugin.ts'

export const extendedResourceToleration: AdmissionPlugin = {
  name: 'ExtendedResourceToleration',
  handles: ({ operation, kind, subresource }) =>
    kind.plural === 'pods' && kind.group === '' && !subresource && (operation === 'CREATE' || operation === 'UPDATE'),
  mutate({ object }) {
    const { spec } = object as Pod
    const containers = [...spec.containers, ...(spec.initContainers ?? [])]
    const names = containers.flatMap(({ resources }) => Object.keys(resources.requests ?? {})).filter(isExtendedResource)
    if (names.length === 0) return
    const wanted = [...new Set(names)].sort().map((key) => ({ key, operator: 'Exists' as const, effect: 'NoSchedule' as const }))
    spec.tolerations = mergeTolerations(spec.tolerations, wanted)
  },
}
