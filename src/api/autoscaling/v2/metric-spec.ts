/** MetricSpec: what an autoscaler measures, and the value it wants. */
import { LabelSelector } from '#api/meta/v1/label-selector.ts'
import { always, int32, object, optional, pointer, quantity, type Schema, string, type TypeOf } from '#schema/words.ts'

const crossVersionObjectReference = object('io.k8s.api.autoscaling.v2.CrossVersionObjectReference', {
  kind: always(1, string()),
  name: always(2, string()),
  apiVersion: optional(3, string()),
})
export interface CrossVersionObjectReference extends TypeOf<typeof crossVersionObjectReference> {}
export const CrossVersionObjectReference: Schema<CrossVersionObjectReference> = crossVersionObjectReference

const metricIdentifier = object('io.k8s.api.autoscaling.v2.MetricIdentifier', {
  name: always(1, string()),
  selector: pointer(2, LabelSelector),
})
export interface MetricIdentifier extends TypeOf<typeof metricIdentifier> {}
export const MetricIdentifier: Schema<MetricIdentifier> = metricIdentifier

const metricTarget = object('io.k8s.api.autoscaling.v2.MetricTarget', {
  type: always(1, string()),
  value: pointer(2, quantity()),
  averageValue: pointer(3, quantity()),
  averageUtilization: pointer(4, int32()),
})
export interface MetricTarget extends TypeOf<typeof metricTarget> {}
export const MetricTarget: Schema<MetricTarget> = metricTarget

const objectMetricSource = object('io.k8s.api.autoscaling.v2.ObjectMetricSource', {
  describedObject: always(1, CrossVersionObjectReference, { isRequired: true }),
  target: always(2, MetricTarget, { isRequired: true }),
  metric: always(3, MetricIdentifier, { isRequired: true }),
})
export interface ObjectMetricSource extends TypeOf<typeof objectMetricSource> {}
export const ObjectMetricSource: Schema<ObjectMetricSource> = objectMetricSource

const podsMetricSource = object('io.k8s.api.autoscaling.v2.PodsMetricSource', {
  metric: always(1, MetricIdentifier, { isRequired: true }),
  target: always(2, MetricTarget, { isRequired: true }),
})
export interface PodsMetricSource extends TypeOf<typeof podsMetricSource> {}
export const PodsMetricSource: Schema<PodsMetricSource> = podsMetricSource

const resourceMetricSource = object('io.k8s.api.autoscaling.v2.ResourceMetricSource', {
  name: always(1, string()),
  target: always(2, MetricTarget, { isRequired: true }),
})
export interface ResourceMetricSource extends TypeOf<typeof resourceMetricSource> {}
export const ResourceMetricSource: Schema<ResourceMetricSource> = resourceMetricSource

const containerResourceMetricSource = object('io.k8s.api.autoscaling.v2.ContainerResourceMetricSource', {
  name: always(1, string()),
  target: always(2, MetricTarget, { isRequired: true }),
  container: always(3, string()),
})
export interface ContainerResourceMetricSource extends TypeOf<typeof containerResourceMetricSource> {}
export const ContainerResourceMetricSource: Schema<ContainerResourceMetricSource> = containerResourceMetricSource

const externalMetricSource = object('io.k8s.api.autoscaling.v2.ExternalMetricSource', {
  metric: always(1, MetricIdentifier, { isRequired: true }),
  target: always(2, MetricTarget, { isRequired: true }),
})
export interface ExternalMetricSource extends TypeOf<typeof externalMetricSource> {}
export const ExternalMetricSource: Schema<ExternalMetricSource> = externalMetricSource

const metricSpec = object('io.k8s.api.autoscaling.v2.MetricSpec', {
  type: always(1, string()),
  object: pointer(2, ObjectMetricSource),
  pods: pointer(3, PodsMetricSource),
  resource: pointer(4, ResourceMetricSource),
  containerResource: pointer(7, ContainerResourceMetricSource),
  external: pointer(5, ExternalMetricSource),
})
export interface MetricSpec extends TypeOf<typeof metricSpec> {}
export const MetricSpec: Schema<MetricSpec> = metricSpec
