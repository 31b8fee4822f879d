/** ReplicaSet: keeps a number of identical pods alive. */

import { validateWorkload } from '#api/apps/v1/workload.ts'
import { defaultPodTemplate } from '#api/core/v1/pod-defaults.ts'
import { dropGatedFields } from '#api/core/v1/pod-gates.ts'
import { PodTemplateSpec } from '#api/core/v1/pod-spec.ts'
import { workloadWarnings } from '#api/core/v1/pod-warnings.ts'
import { templateColumns } from '#api/core/v1/template-columns.ts'
import { nonNegative } from '#api/core/v1/validation/checks.ts'
import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import { validateCounts } from '#api/core/v1/validation/pod-template.ts'
import { LabelSelector } from '#api/meta/v1/label-selector.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { labelSelectorText } from '#schema/selector.ts'
import {
  always,
  int32,
  int64,
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

const replicaSetSpec = object('io.k8s.api.apps.v1.ReplicaSetSpec', {
  replicas: pointer(1, int32(), { default: 1, doc: 'Number of pods that are wanted.' }),
  minReadySeconds: optional(4, int32(), { doc: 'Seconds that a pod must be ready to count as available.' }),
  selector: pointer(2, LabelSelector, { isRequired: true, doc: 'Labels of its pods; cannot be changed.' }),
  template: always(3, PodTemplateSpec, { doc: 'What new pods are made from.' }),
})
export interface ReplicaSetSpec extends TypeOf<typeof replicaSetSpec> {}
export const ReplicaSetSpec: Schema<ReplicaSetSpec> = replicaSetSpec

const replicaSetCondition = object('io.k8s.api.apps.v1.ReplicaSetCondition', {
  type: always(1, string()),
  status: always(2, known('False', 'True', 'Unknown')),
  lastTransitionTime: always(3, time()),
  reason: optional(4, string()),
  message: optional(5, string()),
})
export interface ReplicaSetCondition extends TypeOf<typeof replicaSetCondition> {}
export const ReplicaSetCondition: Schema<ReplicaSetCondition> = replicaSetCondition

const replicaSetStatus = object('io.k8s.api.apps.v1.ReplicaSetStatus', {
  replicas: always(1, int32(), { doc: 'Pods that there are.' }),
  fullyLabeledReplicas: optional(2, int32(), { doc: 'Pods that have all labels of the template.' }),
  readyReplicas: optional(4, int32(), { doc: 'Pods that are ready.' }),
  availableReplicas: optional(5, int32(), { doc: 'Pods that have been ready for long enough.' }),
  terminatingReplicas: pointer(7, int32(), { doc: 'Pods that are ending.' }),
  observedGeneration: optional(3, int64(), { doc: 'Generation of the spec that the status was computed from.' }),
  conditions: optional(6, list(ReplicaSetCondition, { listType: 'map', mapKeys: ['type'], mergeKey: 'type' }), {
    doc: 'Aspects of the set that hold or do not.',
  }),
})
export interface ReplicaSetStatus extends TypeOf<typeof replicaSetStatus> {}
export const ReplicaSetStatus: Schema<ReplicaSetStatus> = replicaSetStatus

const kind = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'ReplicaSet',
  plural: 'replicasets',
  scope: 'Namespaced',
  doc: 'A replica set keeps a number of identical pods alive; deployments manage them.',
  schemaName: 'io.k8s.api.apps.v1.ReplicaSet',
  shortNames: ['rs'],
  categories: ['all'],
  status: true,
  fields: {
    spec: always(2, ReplicaSetSpec, { doc: 'What is wanted.' }),
    status: always(3, ReplicaSetStatus, { doc: 'What was observed; written by the system.' }),
  },
  defaults: ({ spec }) => defaultPodTemplate(spec.template),
  prepare(set, old) {
    set.status = old ? old.status : { replicas: 0 }
    dropGatedFields(set.spec.template.spec, old?.spec.template.spec)
  },
  immutable: ['spec.selector'],
  validate: ({ metadata, spec }, at) => [
    ...validateFinalizers(metadata, at),
    ...nonNegative(spec.replicas, at.child('spec', 'replicas')),
    ...nonNegative(spec.minReadySeconds, at.child('spec', 'minReadySeconds')),
    ...validateWorkload(spec, at.child('spec')),
  ],
  validateStatusUpdate: ({ status }, _, at) =>
    validateCounts(status, at.child('status'), [
      'replicas',
      'fullyLabeledReplicas',
      'readyReplicas',
      'availableReplicas',
      'observedGeneration',
      'terminatingReplicas',
    ]),
  warnings: (object, old) => workloadWarnings(object, old, true),
  scale: { specReplicas: 'spec.replicas', statusReplicas: 'status.replicas', selector: 'spec.selector' },
  columns: [
    { name: 'Desired', type: 'integer', doc: 'Pods that are wanted.', value: ({ spec }) => spec.replicas },
    { name: 'Current', type: 'integer', doc: 'Pods that there are.', value: ({ status }) => status.replicas },
    { name: 'Ready', type: 'integer', doc: 'Pods that are ready.', value: ({ status }) => status.readyReplicas ?? 0 },
    age,
    ...templateColumns,
    {
      name: 'Selector',
      priority: 1,
      doc: 'Labels of the pods.',
      value: ({ spec }) => labelSelectorText(spec.selector ?? {}) || '<none>',
    },
  ],
})

export interface ReplicaSet extends ObjectOf<typeof kind> {}
export const ReplicaSet: Kind<'ReplicaSet', ReplicaSet> = kind
