/** Columns of PersistentVolumes and their claims (upstream `printPersistentVolume`, `printPersistentVolumeClaim`). */
import type { VolumeParts } from '#api/core/v1/persistent-volume.ts'
import type { ClaimParts } from '#api/core/v1/persistent-volume-claim.ts'
import { age, type Column, type KubeObject } from '#schema/kind.ts'

/** Where the class stood before there was a field for it. */
export const classAnnotation = 'volume.beta.kubernetes.io/storage-class'

export const volumeColumns: readonly Column<VolumeParts>[] = [
  { name: 'Capacity', doc: 'What the volume holds.', value: ({ spec }) => spec.capacity?.storage ?? '0' },
  { name: 'Access Modes', doc: 'How it may be mounted.', value: ({ spec }) => modesText(spec.accessModes) },
  {
    name: 'Reclaim Policy',
    doc: 'What becomes of it without its claim.',
    value: ({ spec }) => spec.persistentVolumeReclaimPolicy,
  },
  { name: 'Status', doc: 'Phase of the volume.', value: phaseText },
  {
    name: 'Claim',
    doc: 'The claim that has it.',
    value: ({ spec: { claimRef } }) => (claimRef ? `${claimRef.namespace ?? ''}/${claimRef.name ?? ''}` : ''),
  },
  {
    name: 'StorageClass',
    doc: 'Its class.',
    value: ({ metadata, spec }) => metadata.annotations?.[classAnnotation] ?? spec.storageClassName ?? '',
  },
  {
    name: 'VolumeAttributesClass',
    doc: 'Class of attributes that may be changed.',
    value: ({ spec }) => spec.volumeAttributesClassName ?? '<unset>',
  },
  { name: 'Reason', doc: 'Why it is in its phase.', value: ({ status }) => status.reason ?? '' },
  age,
  { name: 'VolumeMode', priority: 1, doc: 'Filesystem or Block.', value: ({ spec }) => spec.volumeMode ?? '<unset>' },
]

export const claimColumns: readonly Column<ClaimParts>[] = [
  { name: 'Status', doc: 'Phase of the claim.', value: phaseText },
  { name: 'Volume', doc: 'The volume that it has.', value: ({ spec }) => spec.volumeName ?? '' },
  {
    name: 'Capacity',
    doc: 'What the volume holds.',
    value: ({ spec, status }) => (spec.volumeName ? (status.capacity?.storage ?? '0') : ''),
  },
  {
    name: 'Access Modes',
    doc: 'How it may be mounted.',
    value: ({ spec, status }) => (spec.volumeName ? modesText(status.accessModes) : ''),
  },
  {
    name: 'StorageClass',
    doc: 'Its class.',
    value: ({ metadata, spec }) => metadata.annotations?.[classAnnotation] ?? spec.storageClassName ?? '',
  },
  {
    name: 'VolumeAttributesClass',
    doc: 'Class of attributes that may be changed.',
    value: ({ spec }) => spec.volumeAttributesClassName ?? '<unset>',
  },
  age,
  { name: 'VolumeMode', priority: 1, doc: 'Filesystem or Block.', value: ({ spec }) => spec.volumeMode ?? '<unset>' },
]

function phaseText({ metadata, status }: KubeObject & { status: { phase?: string | undefined } }): string {
  return metadata.deletionTimestamp ? 'Terminating' : (status.phase ?? '')
}

const shortModes = [
  ['ReadWriteOnce', 'RWO'],
  ['ReadOnlyMany', 'ROX'],
  ['ReadWriteMany', 'RWX'],
  ['ReadWriteOncePod', 'RWOP'],
] as const

function modesText(modes: readonly string[] = []): string {
  return shortModes.flatMap(([mode, short]) => (modes.includes(mode) ? [short] : [])).join(',')
}
