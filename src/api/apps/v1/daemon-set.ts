/** DaemonSet: one pod on every node, or on every node of some sort. */

import { validateDaemonSet, validateDaemonSetStatus } from '#api/apps/v1/daemon-set-validation.ts'
import { defaultPodTemplate } from '#api/core/v1/pod-defaults.ts'
import { dropGatedFields } from '#api/core/v1/pod-gates.ts'
import { PodTemplateSpec } from '#api/core/v1/pod-spec.ts'
import { workloadWarnings } from '#api/core/v1/pod-warnings.ts'
import { labelsText, templateColumns } from '#api/core/v1/template-columns.ts'
import { LabelSelector } from '#api/meta/v1/label-selector.ts'
import { semanticEqual } from '#schema/equal.ts'
import { age, defineKind, type Kind, type KubeObject, type ObjectOf } from '#schema/kind.ts'
import { formatLabelSelector } from '#schema/selector.ts'
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

const rollingUpdateDaemonSet = object('io.k8s.api.apps.v1.RollingUpdateDaemonSet', {
  maxUnavailable: pointer(1, intOrString(), { doc: 'How many pods may be missing, as a number or a percentage.' }),
  maxSurge: pointer(2, intOrString(), { doc: 'How many nodes may run an old and a new pod at once.' }),
})
export interface RollingUpdateDaemonSet extends TypeOf<typeof rollingUpdateDaemonSet> {}
export const RollingUpdateDaemonSet: Schema<RollingUpdateDaemonSet> = rollingUpdateDaemonSet

const daemonSetUpdateStrategy = object('io.k8s.api.apps.v1.DaemonSetUpdateStrategy', {
  type: optional(1, known('OnDelete', 'RollingUpdate'), {
    default: 'RollingUpdate',
    doc: 'RollingUpdate, or OnDelete, which waits until somebody deletes a pod.',
  }),
  rollingUpdate: pointer(2, RollingUpdateDaemonSet, { doc: 'How far a rolling update may go at a time.' }),
})
export interface DaemonSetUpdateStrategy extends TypeOf<typeof daemonSetUpdateStrategy> {}
export const DaemonSetUpdateStrategy: Schema<DaemonSetUpdateStrategy> = daemonSetUpdateStrategy

const daemonSetSpec = object('io.k8s.api.apps.v1.DaemonSetSpec', {
  selector: pointer(1, LabelSelector, { isRequired: true, doc: 'Labels of its pods; cannot be changed.' }),
  template: always(2, PodTemplateSpec, { isRequired: true, doc: 'What new pods are made from; its node selector says where.' }),
  updateStrategy: always(3, DaemonSetUpdateStrategy, { doc: 'How old pods are replaced by new ones.' }),
  minReadySeconds: optional(4, int32(), { doc: 'Seconds that a pod must be ready to count as available.' }),
  revisionHistoryLimit: pointer(6, int32(), { default: 10, doc: 'Number of old revisions to keep for a rollback.' }),
})
export interface DaemonSetSpec extends TypeOf<typeof daemonSetSpec> {}
export const DaemonSetSpec: Schema<DaemonSetSpec> = daemonSetSpec

const daemonSetCondition = object('io.k8s.api.apps.v1.DaemonSetCondition', {
  type: always(1, string()),
  status: always(2, string()),
  lastTransitionTime: always(3, time()),
  reason: optional(4, string()),
  message: optional(5, string()),
})
export interface DaemonSetCondition extends TypeOf<typeof daemonSetCondition> {}
export const DaemonSetCondition: Schema<DaemonSetCondition> = daemonSetCondition

const daemonSetStatus = object('io.k8s.api.apps.v1.DaemonSetStatus', {
  currentNumberScheduled: always(1, int32(), { doc: 'Nodes that run a pod and should.' }),
  numberMisscheduled: always(2, int32(), { doc: 'Nodes that run a pod and should not.' }),
  desiredNumberScheduled: always(3, int32(), { doc: 'Nodes that should run a pod.' }),
  numberReady: always(4, int32(), { doc: 'Nodes with a pod that is ready.' }),
  observedGeneration: optional(5, int64(), { doc: 'Generation of the spec that the status was computed from.' }),
  updatedNumberScheduled: optional(6, int32(), { doc: 'Nodes with a pod of the newest template.' }),
  numberAvailable: optional(7, int32(), { doc: 'Nodes with a pod that has been ready for long enough.' }),
  numberUnavailable: optional(8, int32(), { doc: 'Nodes without such a pod.' }),
  collisionCount: pointer(9, int32(), { doc: 'How often the name of a new revision was taken.' }),
  conditions: optional(10, list(DaemonSetCondition, { listType: 'map', mapKeys: ['type'], mergeKey: 'type' }), {
    doc: 'Aspects of the set that hold or do not.',
  }),
})
export interface DaemonSetStatus extends TypeOf<typeof daemonSetStatus> {}
export const DaemonSetStatus: Schema<DaemonSetStatus> = daemonSetStatus

/** A set's parts, for the functions that its definition is made of. */
export interface DaemonSetParts extends KubeObject {
  spec: DaemonSetSpec
  status: DaemonSetStatus
}

const kind = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'DaemonSet',
  plural: 'daemonsets',
  scope: 'Namespaced',
  doc: 'A daemon set runs one pod on every node that its template fits.',
  schemaName: 'io.k8s.api.apps.v1.DaemonSet',
  shortNames: ['ds'],
  categories: ['all'],
  status: true,
  fields: {
    spec: always(2, DaemonSetSpec, { doc: 'What is wanted.' }),
    status: always(3, DaemonSetStatus, { doc: 'What was observed; written by the system.' }),
  },
  defaults({ spec: { template, updateStrategy } }) {
    defaultPodTemplate(template)
    if (updateStrategy.type !== 'RollingUpdate') return
    updateStrategy.rollingUpdate = { maxUnavailable: 1, maxSurge: 0, ...updateStrategy.rollingUpdate }
  },
  prepare: prepareDaemonSet,
  immutable: ['spec.selector'],
  validate: ({ metadata, spec }, at) => validateDaemonSet(metadata, spec, at),
  validateStatusUpdate: ({ status }, old, at) => validateDaemonSetStatus(status, old.status, at.child('status')),
  warnings: (object, old) => workloadWarnings(object, old, false),
  columns: [
    {
      name: 'Desired',
      type: 'integer',
      doc: 'Nodes that should run a pod.',
      value: ({ status }) => status.desiredNumberScheduled,
    },
    { name: 'Current', type: 'integer', doc: 'Nodes that run one.', value: ({ status }) => status.currentNumberScheduled },
    { name: 'Ready', type: 'integer', doc: 'Nodes with a pod that is ready.', value: ({ status }) => status.numberReady },
    {
      name: 'Up-to-date',
      type: 'integer',
      doc: 'Nodes with a pod of the newest template.',
      value: ({ status }) => status.updatedNumberScheduled ?? 0,
    },
    {
      name: 'Available',
      type: 'integer',
      doc: 'Nodes with a pod that has been ready for long enough.',
      value: ({ status }) => status.numberAvailable ?? 0,
    },
    {
      name: 'Node Selector',
      doc: 'Labels of the nodes.',
      value: ({ spec }) => labelsText(spec.template.spec.nodeSelector),
    },
    age,
    ...templateColumns,
    { name: 'Selector', priority: 1, doc: 'Labels of the pods.', value: ({ spec }) => formatLabelSelector(spec.selector) },
  ],
})

const generationAnnotation = 'deprecated.daemonset.template.generation'

/** Upstream counts changes of the template in a field of its internal type, which v1 shows as an annotation. */
function prepareDaemonSet(set: DaemonSetParts, old: DaemonSetParts | undefined): void {
  set.status = old ? old.status : noStatus
  dropGatedFields(set.spec.template.spec, old?.spec.template.spec)
  const before = (old ?? set).metadata.annotations?.[generationAnnotation]
  const generation = /^-?\d+$/.test(before ?? '') ? Number(before) : 0
  const isNew = old !== undefined && !semanticEqual(set.spec.template, old.spec.template)
  const next = old ? generation + Number(isNew) : Math.max(generation, 1)
  set.metadata.annotations = { ...set.metadata.annotations, [generationAnnotation]: String(next) }
}

const noStatus: DaemonSetStatus = Object.freeze({
  currentNumberScheduled: 0,
  numberMisscheduled: 0,
  desiredNumberScheduled: 0,
  numberReady: 0,
})

export interface DaemonSet extends ObjectOf<typeof kind> {}
export const DaemonSet: Kind<'DaemonSet', DaemonSet> = kind
