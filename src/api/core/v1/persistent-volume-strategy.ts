/** What happens to volumes and claims on their way in (upstream `registry/core/persistentvolume`, `.../persistentvolumeclaim`). */
import { nodeTermWarnings } from '#api/core/v1/node-label-warnings.ts'
import type { VolumeParts } from '#api/core/v1/persistent-volume.ts'
import type { ClaimParts } from '#api/core/v1/persistent-volume-claim.ts'
import { classAnnotation } from '#api/core/v1/persistent-volume-columns.ts'
import type { PersistentVolumeClaimSpec } from '#api/core/v1/volume.ts'
import { root } from '#schema/field-error.ts'

export function preparePersistentVolume(volume: VolumeParts, old: VolumeParts | undefined): void {
  volume.status = old ? old.status : { phase: 'Pending', lastPhaseTransitionTime: volume.metadata.creationTimestamp }
}

/** KEP-3762: whoever changes the phase may say when it was; else it is now. */
export function preparePersistentVolumeStatus(volume: VolumeParts, old: VolumeParts, now: string): void {
  const { status } = volume
  if (status.phase === old.status.phase) return
  const { lastPhaseTransitionTime: said } = status
  if (said === undefined || said === old.status.lastPhaseTransitionTime) status.lastPhaseTransitionTime = now
}

export function preparePersistentVolumeClaim(claim: ClaimParts, old: ClaimParts | undefined): void {
  claim.status = old ? old.status : { phase: 'Pending' }
  // Of a feature that is off, CrossNamespaceVolumeDataSource.
  if (claim.spec.dataSourceRef?.namespace && !old?.spec.dataSourceRef?.namespace) delete claim.spec.dataSourceRef
  if (!old?.spec.dataSource && !old?.spec.dataSourceRef) dropForeignSource(claim.spec)
  alignSources(claim.spec)
}

/** KEP-1495: what else was written to the older field was always dropped; the newer one keeps it. */
function dropForeignSource(spec: PersistentVolumeClaimSpec): void {
  const { dataSource, dataSourceRef } = spec
  if (!dataSource || dataSourceRef) return
  const isClaim = dataSource.kind === 'PersistentVolumeClaim' && !dataSource.apiGroup
  const isSnapshot = dataSource.kind === 'VolumeSnapshot' && dataSource.apiGroup === 'snapshot.storage.k8s.io'
  if (!isClaim && !isSnapshot) delete spec.dataSource
}

/** Both fields say the same, unless the reference leads to another namespace. */
function alignSources(spec: PersistentVolumeClaimSpec): void {
  const { dataSource, dataSourceRef } = spec
  if (dataSourceRef?.namespace) return
  if (dataSource && !dataSourceRef) spec.dataSourceRef = { ...dataSource }
  else if (dataSourceRef && !dataSource) {
    const { namespace: _, ...source } = dataSourceRef
    spec.dataSource = source
  }
}

export function classAnnotationWarnings({ annotations = {} }: { annotations?: Record<string, string> | undefined }): string[] {
  if (annotations[classAnnotation] === undefined) return []
  return [`metadata.annotations[${classAnnotation}]: deprecated since v1.8; use "storageClassName" attribute instead`]
}

const mountAnnotation = 'volume.beta.kubernetes.io/mount-options'
const retired = [
  ['photonPersistentDisk', 'spec.photonPersistentDisk: deprecated in v1.11, non-functional in v1.16+'],
  ['scaleIO', 'spec.scaleIO: deprecated in v1.16, non-functional in v1.22+'],
  ['storageos', 'spec.storageOS: deprecated in v1.22, non-functional in v1.25+'],
  ['glusterfs', 'spec.glusterfs: deprecated in v1.25, non-functional in v1.26+'],
  ['rbd', 'spec.rbd: deprecated in v1.28, non-functional in v1.31+'],
  ['cephfs', 'spec.cephfs: deprecated in v1.28, non-functional in v1.31+'],
] as const

export function volumeWarnings({ metadata, spec }: VolumeParts): string[] {
  const warnings = classAnnotationWarnings(metadata)
  if (metadata.annotations?.[mountAnnotation] !== undefined) {
    warnings.push(`metadata.annotations[${mountAnnotation}]: deprecated since v1.31; use "mountOptions" attribute instead`)
  }
  if (spec.persistentVolumeReclaimPolicy === 'Recycle') {
    const advice = 'Instead, the recommended approach is to use dynamic provisioning.'
    warnings.push(`spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. ${advice}`)
  }
  const terms = spec.nodeAffinity?.required?.nodeSelectorTerms ?? []
  const termsAt = root.child('spec', 'nodeAffinity', 'required', 'nodeSelectorTerms')
  warnings.push(...terms.flatMap((term, index) => nodeTermWarnings(term, termsAt.index(index), false)))
  return [...warnings, ...retired.flatMap(([field, warning]) => (spec[field] ? [warning] : []))]
}
