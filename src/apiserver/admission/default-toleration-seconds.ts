/** DefaultTolerationSeconds: pods stay five minutes on a node that is not ready or out of reach, unless they say otherwise. */
import type { Pod } from '#api/core/v1/pod.ts'
import type { AdmissionPlugin } from './plugin.ts'

const seconds = 300
const keys = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']

export const defaultTolerationSeconds: AdmissionPlugin = {
  name: 'DefaultTolerationSeconds',
  handles: ({ operation, kind, subresource }) =>
    (operation === 'CREATE' || operation === 'UPDATE') && kind.plural === 'pods' && kind.group === '' && !subresource,
  mutate({ object }) {
    const { spec } = object as Pod
    const tolerations = spec.tolerations ?? []
    const missing = keys.filter(
      (wanted) => !tolerations.some(({ key, effect }) => (!key || key === wanted) && (!effect || effect === 'NoExecute')),
    )
    if (missing.length === 0) return
    const added = missing.map((key) => ({
      key,
      operator: 'Exists' as const,
      effect: 'NoExecute' as const,
      tolerationSeconds: seconds,
    }))
    spec.tolerations = [...tolerations, ...added]
  },
}
