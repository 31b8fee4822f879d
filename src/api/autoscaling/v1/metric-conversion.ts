/** Metrics between the form of autoscaling/v1, which only annotations hold, and that of v2. */
import type { MetricSpec, MetricTarget } from '#api/autoscaling/v2/metric-spec.ts'
import type { MetricStatus } from '#api/autoscaling/v2/metric-status.ts'

export function specFromStored({ type, object, pods, resource, containerResource, external }: MetricSpec): unknown {
  return present({
    type,
    object: object && {
      target: object.describedObject,
      metricName: object.metric.name,
      targetValue: object.target.value ?? '0',
      selector: object.metric.selector,
      averageValue: object.target.averageValue,
    },
    pods: pods && {
      metricName: pods.metric.name,
      targetAverageValue: pods.target.averageValue ?? '0',
      selector: pods.metric.selector,
    },
    resource: resource && { name: resource.name, ...utilization(resource.target) },
    containerResource: containerResource && {
      name: containerResource.name,
      ...utilization(containerResource.target),
      container: containerResource.container,
    },
    external: external && {
      metricName: external.metric.name,
      metricSelector: external.metric.selector,
      targetValue: external.target.value,
      targetAverageValue: external.target.averageValue,
    },
  })
}

export function specToStored({ type, object, pods, resource, containerResource, external }: any): MetricSpec {
  return present({
    type,
    object: object && {
      describedObject: object.target,
      target: amount(object.averageValue === undefined ? object.targetValue : undefined, object.averageValue),
      metric: { name: object.metricName, selector: object.selector },
    },
    pods: pods && {
      metric: { name: pods.metricName, selector: pods.selector },
      target: amount(undefined, pods.targetAverageValue),
    },
    resource: resource && { name: resource.name, target: resourceTarget(resource) },
    containerResource: containerResource && {
      name: containerResource.name,
      target: resourceTarget(containerResource),
      container: containerResource.container,
    },
    external: external && {
      metric: { name: external.metricName, selector: external.metricSelector },
      target: amount(external.targetValue, external.targetAverageValue),
    },
  }) as MetricSpec
}

export function statusFromStored({ type, object, pods, resource, containerResource, external }: MetricStatus): unknown {
  return present({
    type,
    object: object && {
      target: object.describedObject,
      metricName: object.metric.name,
      currentValue: object.current.value ?? '0',
      selector: object.metric.selector,
      averageValue: object.current.averageValue,
    },
    pods: pods && {
      metricName: pods.metric.name,
      currentAverageValue: pods.current.averageValue ?? '0',
      selector: pods.metric.selector,
    },
    resource: resource && { name: resource.name, ...measured(resource.current) },
    containerResource: containerResource && {
      name: containerResource.name,
      ...measured(containerResource.current),
      container: containerResource.container,
    },
    external: external && {
      metricName: external.metric.name,
      metricSelector: external.metric.selector,
      currentValue: external.current.value ?? '0',
      currentAverageValue: external.current.averageValue,
    },
  })
}

export function statusToStored({ type, object, pods, resource, containerResource, external }: any): MetricStatus {
  const current = (held: any) => ({
    value: held.currentValue,
    averageValue: held.currentAverageValue ?? held.averageValue,
    averageUtilization: held.currentAverageUtilization,
  })
  return present({
    type,
    object: object && {
      metric: { name: object.metricName, selector: object.selector },
      current: current(object),
      describedObject: object.target,
    },
    pods: pods && { metric: { name: pods.metricName, selector: pods.selector }, current: current(pods) },
    resource: resource && { name: resource.name, current: current(resource) },
    containerResource: containerResource && {
      name: containerResource.name,
      current: current(containerResource),
      container: containerResource.container,
    },
    external: external && {
      metric: { name: external.metricName, selector: external.metricSelector },
      current: current(external),
    },
  }) as MetricStatus
}

function amount(value: string | undefined, averageValue: string | undefined): MetricTarget {
  return { type: averageValue === undefined ? 'Value' : 'AverageValue', value, averageValue }
}

function resourceTarget({ targetAverageUtilization, targetAverageValue }: any): MetricTarget {
  const type = targetAverageUtilization === undefined ? 'AverageValue' : 'Utilization'
  return { type, averageUtilization: targetAverageUtilization, averageValue: targetAverageValue }
}

function utilization({ averageUtilization, averageValue }: MetricTarget): object {
  return { targetAverageUtilization: averageUtilization, targetAverageValue: averageValue }
}

/** v1 always writes the value here. */
function measured({ averageUtilization, averageValue = '0' }: Partial<MetricTarget>): object {
  return { currentAverageUtilization: averageUtilization, currentAverageValue: averageValue }
}

/** Without what is undefined, at every depth. */
function present<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T
}
