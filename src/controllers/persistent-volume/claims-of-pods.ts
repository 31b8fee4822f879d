/** The claims that a pod's volumes stand for. */
import type { Pod } from '#api/core/v1/pod.ts'

/** Names in the pod's namespace; an ephemeral volume has a claim of its own. */
export function claimsOfPod({ metadata, spec }: Pod): readonly string[] {
  return (spec.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
    if (persistentVolumeClaim) return [persistentVolumeClaim.claimName]
    return ephemeral ? [`${metadata.name}-${name}`] : []
  })
}
