/** PersistentVolumeClaim: a wish for storage, which one persistent volume fulfils. */

import { claimColumns } from '#api/core/v1/persistent-volume-columns.ts'
import { classAnnotationWarnings, preparePersistentVolumeClaim } from '#api/core/v1/persistent-volume-strategy.ts'
import { roundUp } from '#api/core/v1/pod-defaults.ts'
import { fractionWarnings } from '#api/core/v1/quantity-warnings.ts'
import { validateClaim, validateClaimStatusUpdate, validateClaimUpdate } from '#api/core/v1/validation/persistent-volume-claim.ts'
import { PersistentVolumeClaimSpec } from '#api/core/v1/volume.ts'
import { root } from '#schema/field-error.ts'
import { defineKind, type Kind, type KubeObject, type ObjectOf } from '#schema/kind.ts'
import {
  always,
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

const persistentVolumeClaimCondition = object('io.k8s.api.core.v1.PersistentVolumeClaimCondition', {
  type: always(1, string()),
  status: always(2, string()),
  lastProbeTime: always(3, time()),
  lastTransitionTime: always(4, time()),
  reason: optional(5, string()),
  message: optional(6, string()),
})
export interface PersistentVolumeClaimCondition extends TypeOf<typeof persistentVolumeClaimCondition> {}
export const PersistentVolumeClaimCondition: Schema<PersistentVolumeClaimCondition> = persistentVolumeClaimCondition

const modifyVolumeStatus = object('io.k8s.api.core.v1.ModifyVolumeStatus', {
  targetVolumeAttributesClassName: optional(1, string()),
  status: always(2, known('InProgress', 'Infeasible', 'Pending')),
})
export interface ModifyVolumeStatus extends TypeOf<typeof modifyVolumeStatus> {}
export const ModifyVolumeStatus: Schema<ModifyVolumeStatus> = modifyVolumeStatus

const persistentVolumeClaimStatus = object('io.k8s.api.core.v1.PersistentVolumeClaimStatus', {
  phase: optional(1, known('Bound', 'Lost', 'Pending'), { default: 'Pending', doc: 'Pending, Bound or Lost.' }),
  accessModes: optional(
    2,
    list(known('ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'), { listType: 'atomic' }),
    { doc: 'How the bound volume may be mounted.' },
  ),
  capacity: optional(3, map(quantity()), { doc: 'What the bound volume holds.' }),
  conditions: optional(4, list(PersistentVolumeClaimCondition, { listType: 'map', mapKeys: ['type'], mergeKey: 'type' }), {
    doc: 'Aspects of the claim that hold or do not.',
  }),
  allocatedResources: optional(5, map(quantity()), { doc: 'What a resize asks for.' }),
  allocatedResourceStatuses: optional(
    7,
    map(
      known(
        'ControllerResizeInProgress',
        'ControllerResizeInfeasible',
        'NodeResizeInProgress',
        'NodeResizeInfeasible',
        'NodeResizePending',
      ),
    ),
    { isGranular: true, doc: 'How a resize goes.' },
  ),
  currentVolumeAttributesClassName: pointer(8, string(), { doc: 'The class that the volume has.' }),
  modifyVolumeStatus: pointer(9, ModifyVolumeStatus, { doc: 'How a change of the class goes.' }),
})
export interface PersistentVolumeClaimStatus extends TypeOf<typeof persistentVolumeClaimStatus> {}
export const PersistentVolumeClaimStatus: Schema<PersistentVolumeClaimStatus> = persistentVolumeClaimStatus

/** A claim's parts, for the functions that its definition is made of. */
export interface ClaimParts extends KubeObject {
  spec: PersistentVolumeClaimSpec
  status: PersistentVolumeClaimStatus
}

const kind = defineKind({
  group: '',
  version: 'v1',
  kind: 'PersistentVolumeClaim',
  plural: 'persistentvolumeclaims',
  scope: 'Namespaced',
  doc: 'A persistent volume claim asks for storage and stands for the volume that it gets.',
  schemaName: 'io.k8s.api.core.v1.PersistentVolumeClaim',
  shortNames: ['pvc'],
  status: true,
  fields: {
    spec: always(2, PersistentVolumeClaimSpec, { doc: 'What is wanted.' }),
    status: always(3, PersistentVolumeClaimStatus, { doc: 'What was observed; written by the system.' }),
  },
  generationFrom: [],
  defaults({ spec, status }) {
    roundUp(spec.resources.limits, spec.resources.requests, status.capacity, status.allocatedResources)
  },
  prepare: preparePersistentVolumeClaim,
  validate: validateClaim,
  validateUpdate: validateClaimUpdate,
  validateStatusUpdate: validateClaimStatusUpdate,
  warnings: ({ metadata, spec }) => [
    ...classAnnotationWarnings(metadata),
    ...fractionWarnings(spec.resources.requests, root.child('spec', 'resources', 'requests'), ['storage']),
  ],
  columns: claimColumns,
})

export interface PersistentVolumeClaim extends ObjectOf<typeof kind> {}
export const PersistentVolumeClaim: Kind<'PersistentVolumeClaim', PersistentVolumeClaim> = kind
