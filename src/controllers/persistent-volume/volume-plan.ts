/** What is to be done about a volume next (upstream `syncVolume`, `reclaimVolume`). */
import type { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import type { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { annotations } from './match.ts'

export type VolumeStep =
  | { readonly do: 'phase'; readonly phase: 'Available' | 'Bound' | 'Released' }
  /** `keepsClaim`: the volume stays set aside for the claim of that name. */
  | { readonly do: 'unbind'; readonly keepsClaim: boolean }
  | { readonly do: 'fail'; readonly reason: string; readonly message: string }
  | { readonly do: 'nothing' }

/** `claim`: the one that the volume refers to, by UID; undefined where it is gone. */
export function planVolume(volume: PersistentVolume, claim: PersistentVolumeClaim | undefined): VolumeStep {
  const { claimRef, persistentVolumeReclaimPolicy: policy } = volume.spec
  if (!claimRef?.uid) return { do: 'phase', phase: 'Available' }
  if (!claim) return released(volume)
  if (!claim.spec.volumeName) return { do: 'nothing' }
  if (claim.spec.volumeName === volume.metadata.name) return { do: 'phase', phase: 'Bound' }
  const known = volume.metadata.annotations ?? {}
  if (known[annotations.provisionedBy] !== undefined && policy === 'Delete') return released(volume)
  return { do: 'unbind', keepsClaim: known[annotations.boundByController] === undefined }
}

function released({ metadata, spec, status }: PersistentVolume): VolumeStep {
  if (status.phase === 'Failed') return { do: 'nothing' }
  if (status.phase !== 'Released') return { do: 'phase', phase: 'Released' }
  if (spec.persistentVolumeReclaimPolicy === 'Recycle') {
    return { do: 'fail', reason: 'VolumeFailedRecycle', message: 'No recycler plugin found for the volume!' }
  }
  // What a provisioner made, it also deletes.
  const isOurs = metadata.annotations?.[annotations.provisionedBy] !== undefined || spec.csi !== undefined
  if (spec.persistentVolumeReclaimPolicy !== 'Delete' || isOurs) return { do: 'nothing' }
  const { hostPath } = spec
  if (hostPath) {
    // Upstream deletes below /tmp, on the machine of its controller; here nothing of a node's own files is ever deleted.
    const message = `host_path deleter only supports /tmp/.+ but received provided ${hostPath.path}`
    return { do: 'fail', reason: 'VolumeFailedDelete', message }
  }
  const why = 'no deletable volume plugin matched'
  const message = `error getting deleter volume plugin for volume ${JSON.stringify(metadata.name)}: ${why}`
  return { do: 'fail', reason: 'VolumeFailedDelete', message }
}
