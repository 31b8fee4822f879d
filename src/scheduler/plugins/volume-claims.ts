/** The claims for volumes of a pod, with the volumes and classes behind them. */
import { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { StorageClass } from '#api/storage/v1/storage-class.ts'
import { type Rejection, unresolvable } from '../framework/plugin.ts'
import { claimNameOf } from '../framework/pod-facts.ts'
import type { Snapshot } from '../framework/snapshot.ts'

export type FoundClaims = { readonly reject: Rejection } | { readonly claims: readonly PersistentVolumeClaim[] }

/** All claims that the pod uses, or why it has to wait for one. */
export function claimsOf(pod: Pod, { objects }: Snapshot): FoundClaims {
  const claims: PersistentVolumeClaim[] = []
  const { namespace = '' } = pod.metadata
  for (const volume of pod.spec.volumes ?? []) {
    const name = claimNameOf(pod, volume)
    if (name === undefined) continue
    const claim = objects.get(PersistentVolumeClaim, { name, namespace })
    if (!claim) {
      return {
        reject: unresolvable(
          volume.ephemeral
            ? `waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"`
            : `persistentvolumeclaim "${name}" not found`,
        ),
      }
    }
    if (claim.status.phase === 'Lost') {
      return {
        reject: unresolvable(
          `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec.volumeName ?? ''}"`,
        ),
      }
    }
    if (claim.metadata.deletionTimestamp) return { reject: unresolvable(`persistentvolumeclaim "${name}" is being deleted`) }
    if (
      volume.ephemeral &&
      !claim.metadata.ownerReferences?.some(({ uid, controller }) => controller && uid === pod.metadata.uid)
    ) {
      const message = `PVC ${namespace}/${name} was not created for pod ${namespace}/${pod.metadata.name} (pod is not owner)`
      return { reject: unresolvable(message) }
    }
    claims.push(claim)
  }
  return { claims }
}

/** Annotation of a claim: where its volume is to be made. */
export const selectedNode = 'volume.kubernetes.io/selected-node'

/** Has a volume, and the binding is complete from both sides. */
export function isFullyBound({ spec, metadata }: PersistentVolumeClaim): boolean {
  return !!spec.volumeName && metadata.annotations?.['pv.kubernetes.io/bind-completed'] !== undefined
}

/** Of a claim or a volume. */
export function classOf({ spec, metadata }: PersistentVolumeClaim | PersistentVolume): string {
  return metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? spec.storageClassName ?? ''
}

/** Whether the volume is only chosen when the pod's node is known. */
export function waitsForConsumer(claim: PersistentVolumeClaim, { objects }: Snapshot): boolean {
  const found = objects.get(StorageClass, { name: classOf(claim) })
  return found?.volumeBindingMode === 'WaitForFirstConsumer'
}

export function volumeOf({ spec }: PersistentVolumeClaim, { objects }: Snapshot): PersistentVolume | undefined {
  return spec.volumeName ? objects.get(PersistentVolume, { name: spec.volumeName }) : undefined
}

export function usesClaims({ spec }: Pod): boolean {
  return !!spec.volumes?.some(({ persistentVolumeClaim, ephemeral }) => persistentVolumeClaim || ephemeral)
}
