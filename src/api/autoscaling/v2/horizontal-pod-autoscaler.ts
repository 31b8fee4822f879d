/** HorizontalPodAutoscaler: as many replicas as the load needs; the stored form of both versions. */
import { autoscalerColumns } from '#api/autoscaling/v2/autoscaler-columns.ts'
import { defaultAutoscaler } from '#api/autoscaling/v2/autoscaler-defaults.ts'
import {
  validateAutoscaler,
  validateAutoscalerStatus,
  validateAutoscalerUpdate,
} from '#api/autoscaling/v2/autoscaler-validation.ts'
import { CrossVersionObjectReference, MetricSpec } from '#api/autoscaling/v2/metric-spec.ts'
import { MetricStatus } from '#api/autoscaling/v2/metric-status.ts'
import { defineKind, type Kind, type KubeObject, type ObjectOf } from '#schema/kind.ts'
import {
  always,
  int32,
  int64,
  list,
  object,
  optional,
  pointer,
  quantity,
  type Schema,
  string,
  type TypeOf,
  time,
} from '#schema/words.ts'

const hPAScalingPolicy = object('io.k8s.api.autoscaling.v2.HPAScalingPolicy', {
  type: always(1, string()),
  value: always(2, int32()),
  periodSeconds: always(3, int32()),
})
export interface HPAScalingPolicy extends TypeOf<typeof hPAScalingPolicy> {}
export const HPAScalingPolicy: Schema<HPAScalingPolicy> = hPAScalingPolicy

const hPAScalingRules = object('io.k8s.api.autoscaling.v2.HPAScalingRules', {
  stabilizationWindowSeconds: pointer(3, int32()),
  selectPolicy: pointer(1, string()),
  policies: optional(2, list(HPAScalingPolicy, { listType: 'atomic' })),
  tolerance: pointer(4, quantity()),
})
export interface HPAScalingRules extends TypeOf<typeof hPAScalingRules> {}
export const HPAScalingRules: Schema<HPAScalingRules> = hPAScalingRules

const horizontalPodAutoscalerBehavior = object('io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerBehavior', {
  scaleUp: pointer(1, HPAScalingRules),
  scaleDown: pointer(2, HPAScalingRules),
})
export interface HorizontalPodAutoscalerBehavior extends TypeOf<typeof horizontalPodAutoscalerBehavior> {}
export const HorizontalPodAutoscalerBehavior: Schema<HorizontalPodAutoscalerBehavior> = horizontalPodAutoscalerBehavior

const horizontalPodAutoscalerSpec = object('io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerSpec', {
  scaleTargetRef: always(1, CrossVersionObjectReference, { isRequired: true, doc: 'What is scaled.' }),
  minReplicas: pointer(2, int32(), { default: 1, doc: 'The least number of replicas.' }),
  maxReplicas: always(3, int32(), { doc: 'The greatest number of replicas.' }),
  metrics: optional(4, list(MetricSpec, { listType: 'atomic' }), { doc: 'What is measured, and which values are wanted.' }),
  behavior: pointer(5, HorizontalPodAutoscalerBehavior, { doc: 'How fast to scale up and down.' }),
})
export interface HorizontalPodAutoscalerSpec extends TypeOf<typeof horizontalPodAutoscalerSpec> {}
export const HorizontalPodAutoscalerSpec: Schema<HorizontalPodAutoscalerSpec> = horizontalPodAutoscalerSpec

const horizontalPodAutoscalerCondition = object('io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerCondition', {
  type: always(1, string()),
  status: always(2, string()),
  lastTransitionTime: always(3, time()),
  reason: optional(4, string()),
  message: optional(5, string()),
})
export interface HorizontalPodAutoscalerCondition extends TypeOf<typeof horizontalPodAutoscalerCondition> {}
export const HorizontalPodAutoscalerCondition: Schema<HorizontalPodAutoscalerCondition> = horizontalPodAutoscalerCondition

const horizontalPodAutoscalerStatus = object('io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerStatus', {
  observedGeneration: pointer(1, int64(), { doc: 'Generation of the spec that the status was computed from.' }),
  lastScaleTime: pointer(2, time(), { doc: 'When the number of replicas changed last.' }),
  currentReplicas: optional(3, int32(), { doc: 'Replicas that there are.' }),
  desiredReplicas: always(4, int32(), { doc: 'Replicas that are wanted.' }),
  currentMetrics: always(5, list(MetricStatus, { listType: 'atomic' }), {
    isRequired: false,
    nullWhenEmpty: true,
    doc: 'What was measured last.',
  }),
  conditions: optional(6, list(HorizontalPodAutoscalerCondition, { listType: 'map', mapKeys: ['type'], mergeKey: 'type' }), {
    doc: 'Aspects of the autoscaler that hold or do not.',
  }),
})
export interface HorizontalPodAutoscalerStatus extends TypeOf<typeof horizontalPodAutoscalerStatus> {}
export const HorizontalPodAutoscalerStatus: Schema<HorizontalPodAutoscalerStatus> = horizontalPodAutoscalerStatus

/** An autoscaler's parts, for the functions that its definition is made of. */
export interface AutoscalerParts extends KubeObject {
  spec: HorizontalPodAutoscalerSpec
  status: HorizontalPodAutoscalerStatus
}

const kind = defineKind({
  group: 'autoscaling',
  version: 'v2',
  kind: 'HorizontalPodAutoscaler',
  plural: 'horizontalpodautoscalers',
  scope: 'Namespaced',
  doc: 'A horizontal pod autoscaler changes the number of replicas of something with its load.',
  schemaName: 'io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler',
  shortNames: ['hpa'],
  categories: ['all'],
  status: true,
  fields: {
    spec: always(2, HorizontalPodAutoscalerSpec, { isRequired: true, doc: 'What is wanted.' }),
    status: always(3, HorizontalPodAutoscalerStatus, { doc: 'What was observed; written by the system.' }),
  },
  generationFrom: [],
  defaults: defaultAutoscaler,
  prepare(autoscaler, old) {
    autoscaler.status = old ? old.status : { desiredReplicas: 0, currentMetrics: [] }
  },
  validateCreate: validateAutoscaler,
  validateUpdate: validateAutoscalerUpdate,
  validateStatusUpdate: ({ status }, _, at) => validateAutoscalerStatus(status, at.child('status')),
  columns: autoscalerColumns,
})

export interface HorizontalPodAutoscaler extends ObjectOf<typeof kind> {}
export const HorizontalPodAutoscaler: Kind<'HorizontalPodAutoscaler', HorizontalPodAutoscaler> = kind
