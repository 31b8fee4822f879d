/** Rules for what an autoscaler measures (upstream `validateMetrics`). */
import { referenceErrors } from '#api/autoscaling/v2/metric-reference.ts'
import type { MetricIdentifier, MetricSpec, MetricTarget } from '#api/autoscaling/v2/metric-spec.ts'
import { dnsLabel, formatted } from '#api/core/v1/validation/checks.ts'
import { containerResourceName } from '#api/core/v1/validation/resources.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isPathSegmentName } from '#schema/formats.ts'
import { compareQuantity } from '#schema/quantity.ts'

export function validateMetrics(metrics: readonly MetricSpec[], minReplicas: number, at: Path): FieldError[] {
  const errors = metrics.flatMap((metric, index) => metricErrors(metric, at.index(index)))
  const isAwake = metrics.some(({ type }) => type === 'Object' || type === 'External')
  if (minReplicas !== 0 || isAwake) return errors
  const message = 'must specify at least one Object or External metric to support scaling to zero replicas'
  return [...errors, at.forbidden(message)]
}

type SourceName = 'object' | 'external' | 'pods' | 'resource' | 'containerResource'
type Rule<K extends SourceName> = (source: NonNullable<MetricSpec[K]>, at: Path) => FieldError[]

/** In upstream's order, which decides which of two sources is looked at. */
const rules: { readonly [K in SourceName]: Rule<K> } = {
  object: ({ describedObject, metric, target }, at) => [
    ...referenceErrors(describedObject, at.child('describedObject'), { isGrouped: false }),
    ...identifierErrors(metric, at.child('metric')),
    ...targetErrors(target, at.child('target')),
    ...oneOf(target, at, 'must set either a target value or averageValue'),
  ],
  external: ({ metric, target }, at) => [
    ...identifierErrors(metric, at.child('metric')),
    ...targetErrors(target, at.child('target')),
    ...oneOf(target, at, 'must set either a target value for metric or a per-pod target'),
    ...(target.value !== undefined && target.averageValue !== undefined
      ? [at.child('target', 'value').forbidden('may not set both a target value for metric and a per-pod target')]
      : []),
  ],
  pods: ({ metric, target }, at) => [
    ...identifierErrors(metric, at.child('metric')),
    ...targetErrors(target, at.child('target')),
    ...(target.averageValue === undefined
      ? [at.child('target', 'averageValue').required('must specify a positive target averageValue')]
      : []),
  ],
  resource: ({ name, target }, at) => [
    ...(name ? [] : [at.child('name').required('must specify a resource name')]),
    ...utilizationErrors(target, at.child('target')),
  ],
  containerResource: ({ name, container, target }, at) => [
    ...(name ? containerResourceName(name, at.child('name')) : [at.child('name').required('must specify a resource name')]),
    ...(container ? dnsLabel(container, at.child('container')) : [at.child('container').required('must specify a container')]),
    ...utilizationErrors(target, at.child('target')),
  ],
}

const types = ['ContainerResource', 'External', 'Object', 'Pods', 'Resource']

function metricErrors(metric: MetricSpec, at: Path): FieldError[] {
  const { type } = metric
  const here = at.child('type')
  const isKnown = types.includes(type)
  const errors = type ? [] : [here.required('must specify a metric source type')]
  if (!isKnown) errors.push(here.notSupported(type, types))
  const present = (Object.keys(rules) as SourceName[]).filter((name) => metric[name] !== undefined)
  const [first] = present
  if (first) errors.push(...(rules[first] as Rule<any>)(metric[first], at.child(first)))
  const expected = (type.charAt(0).toLowerCase() + type.slice(1)) as SourceName
  if (!isKnown) errors.push(here.notSupported(type, types))
  else if (!metric[expected]) errors.push(at.child(expected).required('must populate information for the given metric source'))
  if (present.length === 1) return errors
  const others = present.filter((name) => name !== expected)
  return [...errors, ...others.map((name) => at.child(name).forbidden('must populate the given metric source only'))]
}

function identifierErrors({ name }: MetricIdentifier, at: Path): FieldError[] {
  const here = at.child('name')
  return name ? formatted(isPathSegmentName, name, here) : [here.required('must specify a metric name')]
}

function targetErrors({ type, value, averageValue, averageUtilization }: MetricTarget, at: Path): FieldError[] {
  const errors = type ? [] : [at.child('type').required('must specify a metric target type')]
  if (!['Utilization', 'Value', 'AverageValue'].includes(type)) {
    errors.push(at.child('type').invalid(type, 'must be either Utilization, Value, or AverageValue'))
  }
  for (const [name, amount] of Object.entries({ value, averageValue })) {
    if (amount !== undefined && compareQuantity(amount, '0') <= 0) errors.push(at.child(name).invalid(amount, 'must be positive'))
  }
  if (averageUtilization === undefined || averageUtilization >= 1) return errors
  return [...errors, at.child('averageUtilization').invalid(averageUtilization, 'must be greater than 0')]
}

function oneOf({ value, averageValue }: MetricTarget, at: Path, message: string): FieldError[] {
  return value === undefined && averageValue === undefined ? [at.child('target', 'averageValue').required(message)] : []
}

function utilizationErrors(target: MetricTarget, at: Path): FieldError[] {
  const { averageUtilization, averageValue } = target
  const errors = targetErrors(target, at)
  if (averageUtilization === undefined && averageValue === undefined) {
    errors.push(at.child('averageUtilization').required('must set either a target raw value or a target utilization'))
  }
  if (averageUtilization !== undefined && averageValue !== undefined) {
    errors.push(at.child('averageValue').forbidden('may not set both a target raw value and a target utilization'))
  }
  return errors
}
