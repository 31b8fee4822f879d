/** HorizontalPodAutoscaler in the older version, which knows of CPU alone; stored as the newer one. */
import { fromStored, toStored } from '#api/autoscaling/v1/autoscaler-conversion.ts'
import { autoscalerColumns } from '#api/autoscaling/v2/autoscaler-columns.ts'
import {
  validateAutoscaler,
  validateAutoscalerStatus,
  validateAutoscalerUpdate,
} from '#api/autoscaling/v2/autoscaler-validation.ts'
import { HorizontalPodAutoscaler as Stored } from '#api/autoscaling/v2/horizontal-pod-autoscaler.ts'
import { type Column, defineKind, type Kind, type KubeObject, type ObjectOf } from '#schema/kind.ts'
import { always, int32, int64, object, optional, pointer, type Schema, string, type TypeOf, time } from '#schema/words.ts'

const crossVersionObjectReference = object(
  'io.k8s.api.autoscaling.v1.CrossVersionObjectReference',
  {
    kind: always(1, string()),
    name: always(2, string()),
    apiVersion: optional(3, string()),
  },
  { atomic: true },
)
export interface CrossVersionObjectReference extends TypeOf<typeof crossVersionObjectReference> {}
export const CrossVersionObjectReference: Schema<CrossVersionObjectReference> = crossVersionObjectReference

const horizontalPodAutoscalerSpec = object('io.k8s.api.autoscaling.v1.HorizontalPodAutoscalerSpec', {
  scaleTargetRef: always(1, CrossVersionObjectReference, { isRequired: true, doc: 'What is scaled.' }),
  minReplicas: pointer(2, int32(), { default: 1, doc: 'The least number of replicas.' }),
  maxReplicas: always(3, int32(), { doc: 'The greatest number of replicas.' }),
  targetCPUUtilizationPercentage: pointer(4, int32(), { doc: 'The use of CPU that is wanted, in percent of the requests.' }),
})
export interface HorizontalPodAutoscalerSpec extends TypeOf<typeof horizontalPodAutoscalerSpec> {}
export const HorizontalPodAutoscalerSpec: Schema<HorizontalPodAutoscalerSpec> = horizontalPodAutoscalerSpec

const horizontalPodAutoscalerStatus = object('io.k8s.api.autoscaling.v1.HorizontalPodAutoscalerStatus', {
  observedGeneration: pointer(1, int64(), { doc: 'Generation of the spec that the status was computed from.' }),
  lastScaleTime: pointer(2, time(), { doc: 'When the number of replicas changed last.' }),
  currentReplicas: always(3, int32(), { doc: 'Replicas that there are.' }),
  desiredReplicas: always(4, int32(), { doc: 'Replicas that are wanted.' }),
  currentCPUUtilizationPercentage: pointer(5, int32(), { doc: 'The use of CPU that was measured.' }),
})
export interface HorizontalPodAutoscalerStatus extends TypeOf<typeof horizontalPodAutoscalerStatus> {}
export const HorizontalPodAutoscalerStatus: Schema<HorizontalPodAutoscalerStatus> = horizontalPodAutoscalerStatus

/** An autoscaler's parts, for the functions that its definition is made of. */
export interface OldAutoscalerParts extends KubeObject {
  spec: HorizontalPodAutoscalerSpec
  status: HorizontalPodAutoscalerStatus
}

/** Both versions show the same table. */
const columns: readonly Column<OldAutoscalerParts>[] = autoscalerColumns.map((column) => ({
  ...column,
  value: (autoscaler, context) => column.value(toStored(autoscaler), context),
}))

const kind = defineKind({
  group: 'autoscaling',
  version: 'v1',
  kind: 'HorizontalPodAutoscaler',
  plural: 'horizontalpodautoscalers',
  scope: 'Namespaced',
  doc: 'A horizontal pod autoscaler changes the number of replicas of something with its load.',
  schemaName: 'io.k8s.api.autoscaling.v1.HorizontalPodAutoscaler',
  shortNames: ['hpa'],
  categories: ['all'],
  status: true,
  fields: {
    spec: always(2, HorizontalPodAutoscalerSpec, { isRequired: true, doc: 'What is wanted.' }),
    status: always(3, HorizontalPodAutoscalerStatus, { doc: 'What was observed; written by the system.' }),
  },
  generationFrom: [],
  storedAs: { kind: () => Stored, toStored, fromStored },
  prepare(autoscaler, old) {
    autoscaler.status = old ? old.status : { currentReplicas: 0, desiredReplicas: 0 }
  },
  validateCreate: (autoscaler, at) => validateAutoscaler(toStored(autoscaler), at),
  validateUpdate: (autoscaler, old, at) => validateAutoscalerUpdate(toStored(autoscaler), toStored(old), at),
  validateStatusUpdate: (autoscaler, _, at) => validateAutoscalerStatus(toStored(autoscaler).status, at.child('status')),
  columns,
})

export interface HorizontalPodAutoscaler extends ObjectOf<typeof kind> {}
export const HorizontalPodAutoscaler: Kind<'HorizontalPodAutoscaler', HorizontalPodAutoscaler> = kind
