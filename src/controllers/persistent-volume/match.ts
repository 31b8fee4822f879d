/** Which volume suits a claim (upstream `component-helpers/storage/volume` and `pv_controller_base.go`). */
import type { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import type { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { classAnnotation } from '#api/core/v1/persistent-volume-columns.ts'
import { selects } from '#api/meta/v1/label-selector.ts'
import { compareQuantity } from '#schema/quantity.ts'

export const annotations = {
  bindCompleted: 'pv.kubernetes.io/bind-completed',
  boundByController: 'pv.kubernetes.io/bound-by-controller',
  provisionedBy: 'pv.kubernetes.io/provisioned-by',
  provisioner: 'volume.kubernetes.io/storage-provisioner',
  betaProvisioner: 'volume.beta.kubernetes.io/storage-provisioner',
  selectedNode: 'volume.kubernetes.io/selected-node',
} as const

export function classOf({ metadata, spec }: PersistentVolume | PersistentVolumeClaim): string {
  return metadata.annotations?.[classAnnotation] ?? spec.storageClassName ?? ''
}

/** Whether the volume is set aside for this claim, by its UID where it names one. */
export function isFor({ spec: { claimRef } }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
  if (!claimRef || claimRef.name !== metadata.name || claimRef.namespace !== metadata.namespace) return false
  return !claimRef.uid || claimRef.uid === metadata.uid
}

/** Why the volume cannot serve the claim that names it; the texts stand in events. */
export function mismatch(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  if (isTooSmall(volume, claim)) return 'requested PV is too small'
  if (classOf(volume) !== classOf(claim)) return 'storageClassName does not match'
  if (!sameAttributes(volume, claim)) return 'volumeAttributesClassName does not match'
  if (modeOf(volume) !== modeOf(claim)) return 'incompatible volumeMode'
  return hasModes(volume, claim) ? undefined : 'incompatible accessMode'
}

/**
 * A volume that was set aside for the claim, else the smallest that suits it, with the fewest access modes beyond those wanted.
 * With `delayed` only the former: which other volume it is to be depends on where the pod goes.
 */
export function bestMatch(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  delayed: boolean,
): PersistentVolume | undefined {
  const usable = volumes.filter(
    (volume) =>
      (!volume.spec.claimRef || isFor(volume, claim)) &&
      !volume.metadata.deletionTimestamp &&
      !isTooSmall(volume, claim) &&
      modeOf(volume) === modeOf(claim) &&
      sameAttributes(volume, claim) &&
      hasModes(volume, claim),
  )
  const reserved = usable.find((volume) => isFor(volume, claim))
  if (reserved || delayed) return reserved
  const free = usable.filter(
    (volume) =>
      volume.status.phase === 'Available' &&
      classOf(volume) === classOf(claim) &&
      (!claim.spec.selector || selects(claim.spec.selector, volume.metadata.labels)),
  )
  const modes = ({ spec }: PersistentVolume) => spec.accessModes?.length ?? 0
  return free.sort((a, b) => modes(a) - modes(b) || compareQuantity(sizeOf(a), sizeOf(b)))[0]
}

function isTooSmall(volume: PersistentVolume, { spec }: PersistentVolumeClaim): boolean {
  return compareQuantity(sizeOf(volume), spec.resources?.requests?.storage ?? '0') < 0
}

export function sizeOf({ spec }: PersistentVolume): string {
  return spec.capacity?.storage ?? '0'
}

function modeOf({ spec }: PersistentVolume | PersistentVolumeClaim): string {
  return spec.volumeMode ?? 'Filesystem'
}

function sameAttributes({ spec }: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  return (spec.volumeAttributesClassName ?? '') === (claim.spec.volumeAttributesClassName ?? '')
}

function hasModes({ spec }: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  return (claim.spec.accessModes ?? []).every((mode) => spec.accessModes?.includes(mode))
}
