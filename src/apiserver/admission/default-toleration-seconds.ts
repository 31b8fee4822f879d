/** DefaultTolerationSeconds: pods stay five minutes on a node that is not ready or out of reach, unless they say otherwise. */
import type { Pod } from '#api/core/v1/pod.ts'
import type { AdmissionPlugin } from './plugin.ts'

const plugin: AdmissionPlugin = {
  name: 'DefaultTolerationSeconds',
  handles: ({ operation, kind, subresource }) =>
    (operation === 'CREATE' || operation === 'UPDATE') && kind.plural === 'pods' && kind.group === '' && !subresource,
}

export interface TolerationSeconds {
  readonly notReady: number
  readonly unreachable: number
}

export const defaultTolerationSeconds = defaultTolerationSecondsWith({ notReady: 300, unreachable: 300 })

export function defaultTolerationSecondsWith({ notReady, unreachable }: TolerationSeconds): AdmissionPlugin {
  const seconds = { 'node.kubernetes.io/not-ready': notReady, 'node.kubernetes.io/unreachable': unreachable }
  return { ...plugin, mutate: ({ object }) => tolerate(object as Pod, Object.entries(seconds)) }
}

function tolerate({ spec }: Pod, seconds: readonly (readonly [key: string, seconds: number])[]): void {
  const tolerations = spec.tolerations ?? []
  const missing = seconds.filter(
    ([wanted]) => !tolerations.some(({ key, effect }) => (!key || key === wanted) && (!effect || effect === 'NoExecute')),
  )
  if (missing.length === 0) return
  const added = missing.map(([key, tolerationSeconds]) => ({
    ...{ key, operator: 'Exists' as const, effect: 'NoExecute' as const },
    tolerationSeconds,
  }))
  spec.tolerations = [...tolerations, ...added]
}
