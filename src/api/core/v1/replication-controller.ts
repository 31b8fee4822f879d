/** ReplicationController: the predecessor of ReplicaSet. */

import { defaultPodTemplate } from '#api/core/v1/pod-defaults.ts'
import { dropGatedFields } from '#api/core/v1/pod-gates.ts'
import { PodTemplateSpec } from '#api/core/v1/pod-spec.ts'
import { workloadWarnings } from '#api/core/v1/pod-warnings.ts'
import { labelsText, templateColumns } from '#api/core/v1/template-columns.ts'
import { nonNegative } from '#api/core/v1/validation/checks.ts'
import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import { validateCounts, validateOwnedTemplate } from '#api/core/v1/validation/pod-template.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import {
  always,
  int32,
  int64,
  list,
  map,
  object,
  optional,
  pointer,
  type Schema,
  string,
  type TypeOf,
  time,
} from '#schema/words.ts'

const replicationControllerSpec = object('io.k8s.api.core.v1.ReplicationControllerSpec', {
  replicas: pointer(1, int32(), { default: 1, publishedDefault: 1, doc: 'Number of pods that are wanted.' }),
  minReadySeconds: optional(4, int32(), { publishedDefault: 0, doc: 'Seconds that a pod must be ready to count as available.' }),
  selector: optional(2, map(string(), { atomic: true }), { doc: 'Labels of its pods.' }),
  template: pointer(3, PodTemplateSpec, { doc: 'What new pods are made from.' }),
})
export interface ReplicationControllerSpec extends TypeOf<typeof replicationControllerSpec> {}
export const ReplicationControllerSpec: Schema<ReplicationControllerSpec> = replicationControllerSpec

const replicationControllerCondition = object('io.k8s.api.core.v1.ReplicationControllerCondition', {
  type: always(1, string()),
  status: always(2, string()),
  lastTransitionTime: always(3, time()),
  reason: optional(4, string()),
  message: optional(5, string()),
})
export interface ReplicationControllerCondition extends TypeOf<typeof replicationControllerCondition> {}
export const ReplicationControllerCondition: Schema<ReplicationControllerCondition> = replicationControllerCondition

const replicationControllerStatus = object('io.k8s.api.core.v1.ReplicationControllerStatus', {
  replicas: always(1, int32()),
  fullyLabeledReplicas: optional(2, int32()),
  readyReplicas: optional(4, int32()),
  availableReplicas: optional(5, int32()),
  observedGeneration: optional(3, int64()),
  conditions: optional(6, list(ReplicationControllerCondition, { listType: 'map', mapKeys: ['type'], mergeKey: 'type' })),
})
export interface ReplicationControllerStatus extends TypeOf<typeof replicationControllerStatus> {}
export const ReplicationControllerStatus: Schema<ReplicationControllerStatus> = replicationControllerStatus

const kind = defineKind({
  group: '',
  version: 'v1',
  kind: 'ReplicationController',
  plural: 'replicationcontrollers',
  scope: 'Namespaced',
  doc: 'A replication controller keeps a number of pods alive; ReplicaSet has replaced it.',
  schemaName: 'io.k8s.api.core.v1.ReplicationController',
  shortNames: ['rc'],
  categories: ['all'],
  storagePrefix: 'controllers',
  status: true,
  fields: {
    spec: always(2, ReplicationControllerSpec, { doc: 'What is wanted.' }),
    status: always(3, ReplicationControllerStatus, { doc: 'What was observed; written by the system.' }),
  },
  /** The template's labels are the controller's and its selector's, where these have none. */
  defaults({ spec, metadata }) {
    if (!spec.template) return
    defaultPodTemplate(spec.template)
    const { labels } = spec.template.metadata
    if (!labels) return
    if (isEmpty(spec.selector)) spec.selector = { ...labels }
    if (isEmpty(metadata.labels)) metadata.labels = { ...labels }
  },
  prepare(controller, old) {
    controller.status = old ? old.status : { replicas: 0 }
    if (controller.spec.template) dropGatedFields(controller.spec.template.spec, old?.spec.template?.spec)
  },
  validate({ metadata, spec }, at) {
    const here = at.child('spec')
    const { template, selector = {} } = spec
    const labels = template?.metadata.labels ?? {}
    const selects = Object.entries(selector).every(([key, value]) => labels[key] === value)
    return [
      ...validateFinalizers(metadata, at),
      ...nonNegative(spec.minReadySeconds, here.child('minReadySeconds')),
      isEmpty(selector) && here.child('selector').required(),
      ...nonNegative(spec.replicas, here.child('replicas')),
      ...(template
        ? validateOwnedTemplate(template, here.child('template'), { kind: 'ReplicationController', selects })
        : [here.child('template').required()]),
    ]
  },
  validateStatusUpdate: ({ status }, _, at) =>
    validateCounts(status, at.child('status'), [
      'replicas',
      'fullyLabeledReplicas',
      'readyReplicas',
      'availableReplicas',
      'observedGeneration',
    ]),
  warnings: (object, old) => workloadWarnings(object, old, true),
  scale: { specReplicas: 'spec.replicas', statusReplicas: 'status.replicas', selector: 'spec.selector' },
  columns: [
    { name: 'Desired', type: 'integer', doc: 'Pods that are wanted.', value: ({ spec }) => spec.replicas },
    { name: 'Current', type: 'integer', doc: 'Pods that there are.', value: ({ status }) => status.replicas },
    { name: 'Ready', type: 'integer', doc: 'Pods that are ready.', value: ({ status }) => status.readyReplicas ?? 0 },
    age,
    ...templateColumns,
    { name: 'Selector', priority: 1, doc: 'Labels of the pods.', value: ({ spec }) => labelsText(spec.selector) },
  ],
  selectable: { 'status.replicas': ({ status }) => String(status.replicas) },
})

function isEmpty(labels: Readonly<Record<string, string>> | undefined): boolean {
  return !labels || Object.keys(labels).length === 0
}

export interface ReplicationController extends ObjectOf<typeof kind> {}
export const ReplicationController: Kind<'ReplicationController', ReplicationController> = kind
