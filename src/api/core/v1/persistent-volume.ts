/** PersistentVolume: a piece of storage of the cluster. */
import { NodeSelector } from '#api/core/v1/affinity.ts'
import { ObjectReference } from '#api/core/v1/object-reference.ts'
import { volumeColumns } from '#api/core/v1/persistent-volume-columns.ts'
import { PersistentVolumeSource } from '#api/core/v1/persistent-volume-source.ts'
import {
  preparePersistentVolume,
  preparePersistentVolumeStatus,
  volumeWarnings,
} from '#api/core/v1/persistent-volume-strategy.ts'
import { roundUp } from '#api/core/v1/pod-defaults.ts'
import { validateVolume, validateVolumeStatusUpdate, validateVolumeUpdate } from '#api/core/v1/validation/persistent-volume.ts'
import { defineKind, type Kind, type KubeObject, type ObjectOf } from '#schema/kind.ts'
import {
  always,
  embedded,
  known,
  list,
  map,
  object,
  optional,
  pointer,
  quantity,
  type Schema,
  string,
  type TypeOf,
  time,
} from '#schema/words.ts'

const volumeNodeAffinity = object('io.k8s.api.core.v1.VolumeNodeAffinity', {
  required: pointer(1, NodeSelector),
})
export interface VolumeNodeAffinity extends TypeOf<typeof volumeNodeAffinity> {}
export const VolumeNodeAffinity: Schema<VolumeNodeAffinity> = volumeNodeAffinity

const persistentVolumeSpec = object('io.k8s.api.core.v1.PersistentVolumeSpec', {
  capacity: optional(1, map(quantity()), { doc: 'What the volume holds.' }),
  ...embedded(2, PersistentVolumeSource),
  accessModes: optional(
    3,
    list(known('ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'), { listType: 'atomic' }),
    { doc: 'How the volume may be mounted.' },
  ),
  claimRef: pointer(4, ObjectReference, { isGranular: true, doc: 'The claim that has the volume.' }),
  persistentVolumeReclaimPolicy: optional(5, known('Delete', 'Recycle', 'Retain'), {
    default: 'Retain',
    doc: 'Retain, Delete or Recycle: what becomes of the volume when its claim is gone.',
  }),
  storageClassName: optional(6, string(), { doc: 'Class of storage that the volume belongs to.' }),
  mountOptions: optional(7, list(string(), { listType: 'atomic' }), { doc: 'Options for mounting.' }),
  volumeMode: pointer(8, known('Block', 'Filesystem'), { default: 'Filesystem', doc: 'Filesystem or Block.' }),
  nodeAffinity: pointer(9, VolumeNodeAffinity, { doc: 'Nodes that reach the volume.' }),
  volumeAttributesClassName: pointer(10, string(), { doc: 'Class of attributes that may be changed.' }),
})
export interface PersistentVolumeSpec extends TypeOf<typeof persistentVolumeSpec> {}
export const PersistentVolumeSpec: Schema<PersistentVolumeSpec> = persistentVolumeSpec

const persistentVolumeStatus = object('io.k8s.api.core.v1.PersistentVolumeStatus', {
  phase: optional(1, known('Available', 'Bound', 'Failed', 'Pending', 'Released'), {
    default: 'Pending',
    doc: 'Pending, Available, Bound, Released or Failed.',
  }),
  message: optional(2, string(), { doc: 'Why, for people.' }),
  reason: optional(3, string(), { doc: 'Why, for programs.' }),
  lastPhaseTransitionTime: pointer(4, time(), { doc: 'When the phase last changed.' }),
})
export interface PersistentVolumeStatus extends TypeOf<typeof persistentVolumeStatus> {}
export const PersistentVolumeStatus: Schema<PersistentVolumeStatus> = persistentVolumeStatus

/** A volume's parts, for the functions that its definition is made of. */
export interface VolumeParts extends KubeObject {
  spec: PersistentVolumeSpec
  status: PersistentVolumeStatus
}

const kind = defineKind({
  group: '',
  version: 'v1',
  kind: 'PersistentVolume',
  plural: 'persistentvolumes',
  scope: 'Cluster',
  doc: 'A persistent volume is a piece of storage that outlives the pods that use it.',
  schemaName: 'io.k8s.api.core.v1.PersistentVolume',
  shortNames: ['pv'],
  status: true,
  fields: {
    spec: always(2, PersistentVolumeSpec, { doc: 'What the volume is.' }),
    status: always(3, PersistentVolumeStatus, { doc: 'What was observed; written by the system.' }),
  },
  generationFrom: [],
  defaults: ({ spec }) => roundUp(spec.capacity),
  prepare: preparePersistentVolume,
  prepareStatus: preparePersistentVolumeStatus,
  validate: validateVolume,
  validateUpdate: validateVolumeUpdate,
  validateStatusUpdate: validateVolumeStatusUpdate,
  warnings: volumeWarnings,
  columns: volumeColumns,
})

export interface PersistentVolume extends ObjectOf<typeof kind> {}
export const PersistentVolume: Kind<'PersistentVolume', PersistentVolume> = kind
