/** The claims that a pod's volumes stand for, and pods found by them. */
import { Pod } from '#api/core/v1/pod.ts'
import type { Ref } from '#client/client.ts'
import { keyOf } from '#client/indexed-store.ts'
import type { Caches, Index } from '../runtime/controller.ts'

/** Names in the pod's namespace; an ephemeral volume has a claim of its own. */
export function claimsOfPod({ metadata, spec }: Pod): readonly string[] {
  return (spec.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
    if (persistentVolumeClaim) return [persistentVolumeClaim.claimName]
    return ephemeral ? [`${metadata.name}-${name}`] : []
  })
}

export const podsByClaim: Index = {
  kind: Pod,
  name: 'claim',
  keys: (pod: Pod) => claimsOfPod(pod).map((name) => keyOf({ name, namespace: pod.metadata.namespace })),
}

export function podsWithClaim(caches: Caches<typeof Pod>, { name, namespace }: Ref): readonly Pod[] {
  return caches.indexed(Pod, { index: podsByClaim.name, value: keyOf({ name, namespace }) })
}
