/** LimitPodHardAntiAffinityTopology: pods keep others off a node, but off nothing larger. */
import type { Pod } from '#api/core/v1/pod.ts'
import type { AdmissionPlugin } from '../plugin.ts'
import { refuse } from '../refuse.ts'

const allowed = 'kubernetes.io/hostname'

export const limitPodHardAntiAffinityTopology: AdmissionPlugin = {
  name: 'LimitPodHardAntiAffinityTopology',
  handles: ({ operation, kind, subresource }) =>
    kind.plural === 'pods' && kind.group === '' && !subresource && (operation === 'CREATE' || operation === 'UPDATE'),
  validate(request) {
    const { affinity } = (request.object as Pod).spec
    for (const { topologyKey } of affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []) {
      if (topologyKey === allowed) continue
      const what = 'affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey'
      throw refuse(request, `${what} ${topologyKey} but only key ${allowed} is allowed`)
    }
  },
}
