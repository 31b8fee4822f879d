/** MetricStatus: what an autoscaler measured last. */

import { always, int32, object, pointer, quantity, type Schema, string, type TypeOf } from '#schema/words.ts'
import { CrossVersionObjectReference, MetricIdentifier } from './metric-spec.ts'

const metricValueStatus = object('io.k8s.api.autoscaling.v2.MetricValueStatus', {
  value: pointer(1, quantity()),
  averageValue: pointer(2, quantity()),
  averageUtilization: pointer(3, int32()),
})
export interface MetricValueStatus extends TypeOf<typeof metricValueStatus> {}
export const MetricValueStatus: Schema<MetricValueStatus> = metricValueStatus

const objectMetricStatus = object('io.k8s.api.autoscaling.v2.ObjectMetricStatus', {
  metric: always(1, MetricIdentifier, { isRequired: true }),
  current: always(2, MetricValueStatus, { isRequired: true }),
  describedObject: always(3, CrossVersionObjectReference, { isRequired: true }),
})
export interface ObjectMetricStatus extends TypeOf<typeof objectMetricStatus> {}
export const ObjectMetricStatus: Schema<ObjectMetricStatus> = objectMetricStatus

const podsMetricStatus = object('io.k8s.api.autoscaling.v2.PodsMetricStatus', {
  metric: always(1, MetricIdentifier, { isRequired: true }),
  current: always(2, MetricValueStatus, { isRequired: true }),
})
export interface PodsMetricStatus extends TypeOf<typeof podsMetricStatus> {}
export const PodsMetricStatus: Schema<PodsMetricStatus> = podsMetricStatus

const resourceMetricStatus = object('io.k8s.api.autoscaling.v2.ResourceMetricStatus', {
  name: always(1, string()),
  current: always(2, MetricValueStatus, { isRequired: true }),
})
export interface ResourceMetricStatus extends TypeOf<typeof resourceMetricStatus> {}
export const ResourceMetricStatus: Schema<ResourceMetricStatus> = resourceMetricStatus

const containerResourceMetricStatus = object('io.k8s.api.autoscaling.v2.ContainerResourceMetricStatus', {
  name: always(1, string()),
  current: always(2, MetricValueStatus, { isRequired: true }),
  container: always(3, string()),
})
export interface ContainerResourceMetricStatus extends TypeOf<typeof containerResourceMetricStatus> {}
export const ContainerResourceMetricStatus: Schema<ContainerResourceMetricStatus> = containerResourceMetricStatus

const externalMetricStatus = object('io.k8s.api.autoscaling.v2.ExternalMetricStatus', {
  metric: always(1, MetricIdentifier, { isRequired: true }),
  current: always(2, MetricValueStatus, { isRequired: true }),
})
export interface ExternalMetricStatus extends TypeOf<typeof externalMetricStatus> {}
export const ExternalMetricStatus: Schema<ExternalMetricStatus> = externalMetricStatus

const metricStatus = object('io.k8s.api.autoscaling.v2.MetricStatus', {
  type: always(1, string()),
  object: pointer(2, ObjectMetricStatus),
  pods: pointer(3, PodsMetricStatus),
  resource: pointer(4, ResourceMetricStatus),
  containerResource: pointer(7, ContainerResourceMetricStatus),
  external: pointer(5, ExternalMetricStatus),
})
export interface MetricStatus extends TypeOf<typeof metricStatus> {}
export const MetricStatus: Schema<MetricStatus> = metricStatus
