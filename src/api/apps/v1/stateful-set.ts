/** StatefulSet: pods with names and storage of their own, started and replaced in order. */

import {
  validateStatefulSet,
  validateStatefulSetStatus,
  validateStatefulSetUpdate,
} from '#api/apps/v1/stateful-set-validation.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { defaultPodTemplate, roundUp } from '#api/core/v1/pod-defaults.ts'
import { dropGatedFields } from '#api/core/v1/pod-gates.ts'
import { PodTemplateSpec } from '#api/core/v1/pod-spec.ts'
import { workloadWarnings } from '#api/core/v1/pod-warnings.ts'
import { fractionWarnings } from '#api/core/v1/quantity-warnings.ts'
import { templateColumns } from '#api/core/v1/template-columns.ts'
import { LabelSelector } from '#api/meta/v1/label-selector.ts'
import { root } from '#schema/field-error.ts'
import { age, defineKind, type Kind, type KubeObject, type ObjectOf } from '#schema/kind.ts'
import {
  always,
  int32,
  int64,
  intOrString,
  known,
  list,
  object,
  optional,
  pointer,
  type Schema,
  string,
  type TypeOf,
  time,
} from '#schema/words.ts'

const rollingUpdateStatefulSetStrategy = object('io.k8s.api.apps.v1.RollingUpdateStatefulSetStrategy', {
  partition: pointer(1, int32(), { doc: 'Ordinal from which on pods are updated.' }),
  maxUnavailable: pointer(2, intOrString(), { doc: 'How many pods may be missing, as a number or a percentage.' }),
})
export interface RollingUpdateStatefulSetStrategy extends TypeOf<typeof rollingUpdateStatefulSetStrategy> {}
export const RollingUpdateStatefulSetStrategy: Schema<RollingUpdateStatefulSetStrategy> = rollingUpdateStatefulSetStrategy

const statefulSetUpdateStrategy = object('io.k8s.api.apps.v1.StatefulSetUpdateStrategy', {
  type: optional(1, known('OnDelete', 'RollingUpdate'), {
    default: 'RollingUpdate',
    doc: 'RollingUpdate, or OnDelete, which waits until somebody deletes a pod.',
  }),
  rollingUpdate: pointer(2, RollingUpdateStatefulSetStrategy, { doc: 'How far a rolling update may go.' }),
})
export interface StatefulSetUpdateStrategy extends TypeOf<typeof statefulSetUpdateStrategy> {}
export const StatefulSetUpdateStrategy: Schema<StatefulSetUpdateStrategy> = statefulSetUpdateStrategy

const statefulSetPersistentVolumeClaimRetentionPolicy = object(
  'io.k8s.api.apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy',
  {
    whenDeleted: optional(1, string(), {
      default: 'Retain',
      doc: 'Retain or Delete: what becomes of claims when the set is deleted.',
    }),
    whenScaled: optional(2, string(), {
      default: 'Retain',
      doc: 'Retain or Delete: what becomes of claims of pods that scaling down removed.',
    }),
  },
)
export interface StatefulSetPersistentVolumeClaimRetentionPolicy
  extends TypeOf<typeof statefulSetPersistentVolumeClaimRetentionPolicy> {}
export const StatefulSetPersistentVolumeClaimRetentionPolicy: Schema<StatefulSetPersistentVolumeClaimRetentionPolicy> =
  statefulSetPersistentVolumeClaimRetentionPolicy

const statefulSetOrdinals = object('io.k8s.api.apps.v1.StatefulSetOrdinals', {
  start: always(1, int32(), { isRequired: false, doc: 'The first ordinal.' }),
})
export interface StatefulSetOrdinals extends TypeOf<typeof statefulSetOrdinals> {}
export const StatefulSetOrdinals: Schema<StatefulSetOrdinals> = statefulSetOrdinals

const statefulSetSpec = object('io.k8s.api.apps.v1.StatefulSetSpec', {
  replicas: pointer(1, int32(), { default: 1, doc: 'Number of pods that are wanted.' }),
  selector: pointer(2, LabelSelector, { isRequired: true, doc: 'Labels of its pods; cannot be changed.' }),
  template: always(3, PodTemplateSpec, { isRequired: true, doc: 'What new pods are made from.' }),
  volumeClaimTemplates: optional(4, list(PersistentVolumeClaim.schema, { listType: 'atomic' }), {
    doc: 'Claims that every pod gets one of.',
  }),
  serviceName: always(5, string(), { isRequired: false, doc: 'Headless service that gives the pods their names.' }),
  podManagementPolicy: optional(6, known('OrderedReady', 'Parallel'), {
    default: 'OrderedReady',
    doc: 'OrderedReady starts one pod after the other, Parallel all at once.',
  }),
  updateStrategy: always(7, StatefulSetUpdateStrategy, { doc: 'How pods of an old template are replaced.' }),
  revisionHistoryLimit: pointer(8, int32(), { default: 10, doc: 'Number of old revisions to keep for a rollback.' }),
  minReadySeconds: optional(9, int32(), { doc: 'Seconds that a pod must be ready to count as available.' }),
  persistentVolumeClaimRetentionPolicy: pointer(10, StatefulSetPersistentVolumeClaimRetentionPolicy, {
    default: () => ({}),
    doc: 'What becomes of claims that are no longer needed.',
  }),
  ordinals: pointer(11, StatefulSetOrdinals, { doc: 'How pods are numbered.' }),
})
export interface StatefulSetSpec extends TypeOf<typeof statefulSetSpec> {}
export const StatefulSetSpec: Schema<StatefulSetSpec> = statefulSetSpec

const statefulSetCondition = object('io.k8s.api.apps.v1.StatefulSetCondition', {
  type: always(1, string()),
  status: always(2, string()),
  lastTransitionTime: always(3, time()),
  reason: optional(4, string()),
  message: optional(5, string()),
})
export interface StatefulSetCondition extends TypeOf<typeof statefulSetCondition> {}
export const StatefulSetCondition: Schema<StatefulSetCondition> = statefulSetCondition

const statefulSetStatus = object('io.k8s.api.apps.v1.StatefulSetStatus', {
  observedGeneration: optional(1, int64(), { doc: 'Generation of the spec that the status was computed from.' }),
  replicas: always(2, int32(), { doc: 'Pods that there are.' }),
  readyReplicas: optional(3, int32(), { doc: 'Pods that are ready.' }),
  currentReplicas: optional(4, int32(), { doc: 'Pods of the current revision.' }),
  updatedReplicas: optional(5, int32(), { doc: 'Pods of the newest revision.' }),
  currentRevision: optional(6, string(), { doc: 'Revision that pods are updated from.' }),
  updateRevision: optional(7, string(), { doc: 'Revision that pods are updated to.' }),
  collisionCount: pointer(9, int32(), { doc: 'How often the name of a new revision was taken.' }),
  conditions: optional(10, list(StatefulSetCondition, { listType: 'map', mapKeys: ['type'], mergeKey: 'type' }), {
    doc: 'Aspects of the set that hold or do not.',
  }),
  availableReplicas: always(11, int32(), { isRequired: false, doc: 'Pods that have been ready for long enough.' }),
})
export interface StatefulSetStatus extends TypeOf<typeof statefulSetStatus> {}
export const StatefulSetStatus: Schema<StatefulSetStatus> = statefulSetStatus

/** A set's parts, for the functions that its definition is made of. */
export interface StatefulSetParts extends KubeObject {
  spec: StatefulSetSpec
  status: StatefulSetStatus
}

const kind = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'StatefulSet',
  plural: 'statefulsets',
  scope: 'Namespaced',
  doc: 'A stateful set runs pods that keep their names and their storage.',
  schemaName: 'io.k8s.api.apps.v1.StatefulSet',
  shortNames: ['sts'],
  categories: ['all'],
  nameFormat: 'dnsLabel',
  status: true,
  fields: {
    spec: always(2, StatefulSetSpec, { doc: 'What is wanted.' }),
    status: always(3, StatefulSetStatus, { doc: 'What was observed; written by the system.' }),
  },
  defaults: defaultStatefulSet,
  prepare(set, old) {
    set.status = old ? old.status : { replicas: 0, availableReplicas: 0 }
    dropGatedFields(set.spec.template.spec, old?.spec.template.spec)
  },
  validateCreate: validateStatefulSet,
  validateUpdate: validateStatefulSetUpdate,
  validateStatusUpdate: ({ status }, old, at) => validateStatefulSetStatus(status, old.status, at.child('status')),
  warnings(set, old) {
    const { volumeClaimTemplates = [], revisionHistoryLimit } = set.spec
    const claimsAt = root.child('spec', 'volumeClaimTemplates')
    const advice = 'a negative value retains all historical revisions; a value >= 0 is recommended'
    return [
      ...workloadWarnings(set, old, false),
      ...volumeClaimTemplates.flatMap(({ spec }, index) =>
        fractionWarnings(spec.resources.requests, claimsAt.index(index).child('resources', 'requests'), ['storage']),
      ),
      ...(revisionHistoryLimit < 0 ? [`spec.revisionHistoryLimit: ${advice}`] : []),
    ]
  },
  scale: { specReplicas: 'spec.replicas', statusReplicas: 'status.replicas', selector: 'spec.selector' },
  columns: [
    {
      name: 'Ready',
      doc: 'Pods that are ready, of those wanted.',
      value: ({ spec, status }) => `${status.readyReplicas ?? 0}/${spec.replicas}`,
    },
    age,
    ...templateColumns,
  ],
})

function defaultStatefulSet({ spec }: StatefulSetParts): void {
  defaultPodTemplate(spec.template)
  const { updateStrategy } = spec
  if (updateStrategy.type === 'RollingUpdate') {
    updateStrategy.rollingUpdate = { partition: 0, maxUnavailable: 1, ...updateStrategy.rollingUpdate }
  }
  for (const claim of spec.volumeClaimTemplates ?? []) {
    // Server-side apply needs to know what a template is a template of.
    claim.apiVersion = 'v1'
    claim.kind = 'PersistentVolumeClaim'
    roundUp(claim.spec.resources.limits, claim.spec.resources.requests)
  }
}

export interface StatefulSet extends ObjectOf<typeof kind> {}
export const StatefulSet: Kind<'StatefulSet', StatefulSet> = kind
