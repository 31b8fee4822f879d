/** One metric of an autoscaler: measured, and what it asks for (upstream `computeReplicasForMetric`). */
import type { MetricIdentifier, MetricSpec } from '#api/autoscaling/v2/metric-spec.ts'
import type { MetricStatus } from '#api/autoscaling/v2/metric-status.ts'
import { formatQuantity, milliValue } from '#schema/quantity.ts'
import { labelSelectorText } from '#schema/selector.ts'
import { type Described, externalMetric, type MetricSource, objectMetric, podsMetric, resourceMetrics } from './metrics.ts'
import {
  type Measured,
  type PodMetrics,
  replicasForAverage,
  replicasForShare,
  replicasForUtilization,
  replicasForValue,
} from './replica-calculator.ts'

export interface Around {
  readonly source: MetricSource
  /** Of the pods. */
  readonly selector: string
  readonly measured: Omit<Measured, 'metrics'>
  /** What the target says it has, where `measured.current` is what it is to have. */
  readonly statusReplicas: number
  describe(reference: { readonly apiVersion?: string | undefined; readonly kind: string; readonly name: string }): Described
}

export interface Evaluated {
  readonly replicas: number
  readonly name: string
  readonly status: MetricStatus
}

/** `reason` is that of the event and of the condition. */
export class MetricError extends Error {
  readonly reason: string
  /** What the event and the condition say; the message says more. */
  readonly detail: string

  constructor(reason: string, detail: string, message: string) {
    super(message)
    this.reason = reason
    this.detail = detail
  }
}

export async function evaluateMetric(spec: MetricSpec, around: Around): Promise<Evaluated> {
  switch (spec.type) {
    case 'Resource':
    case 'ContainerResource':
      return evaluateResource(spec, around)
    case 'Pods':
      return failingAs('FailedGetPodsMetric', 'failed to get pods metric value', () => evaluatePods(spec, around))
    case 'Object':
      return failingAs('FailedGetObjectMetric', 'failed to get object metric value', () => evaluateObject(spec, around))
    case 'External': {
      const about = `failed to get ${spec.external?.metric.name} external metric value`
      return failingAs('FailedGetExternalMetric', about, () => evaluateExternal(spec, around))
    }
    default: {
      const why = `unknown metric source type ${JSON.stringify(spec.type)}`
      throw new MetricError('InvalidMetricSourceType', why, why)
    }
  }
}

async function failingAs(reason: string, about: string, evaluate: () => Promise<Evaluated>): Promise<Evaluated> {
  try {
    return await evaluate()
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    throw new MetricError(reason, detail, `${about}: ${detail}`)
  }
}

function evaluateResource({ type, resource, containerResource }: MetricSpec, around: Around): Promise<Evaluated> {
  const source = containerResource ?? resource
  const container = containerResource?.container
  const isContainer = type === 'ContainerResource'
  const { name = '', target } = source ?? {}
  const about = `failed to get ${name} ${isContainer ? 'container' : 'resource'} metric value`
  return failingAs(isContainer ? 'FailedGetContainerResourceMetric' : 'FailedGetResourceMetric', about, async () => {
    const what = target?.averageValue === undefined ? 'utilization' : 'usage'
    if (target?.averageValue === undefined && target?.averageUtilization === undefined) {
      throw new Error(
        'invalid resource metric source: neither an average utilization target nor an average value (usage) target was set',
      )
    }
    const metrics = await resourceMetrics(around.source, { selector: around.selector, resource: name, container }).catch(
      (error) => {
        throw new Error(`failed to get ${name} ${what}: unable to get metrics for resource ${name}: ${error.message}`, {
          cause: error,
        })
      },
    )
    const wrap = <T>(run: () => T): T => {
      try {
        return run()
      } catch (error) {
        throw new Error(`failed to get ${name} ${what}: ${(error as Error).message}`, { cause: error })
      }
    }
    const measured = { ...around.measured, metrics }
    const current = (proposal: { value: number; utilization?: number }) => ({
      averageValue: milli(proposal.value),
      ...(proposal.utilization !== undefined && { averageUtilization: proposal.utilization }),
    })
    const isRaw = target.averageValue !== undefined
    const proposal = wrap(() =>
      target.averageValue === undefined
        ? replicasForUtilization(measured, { target: target.averageUtilization ?? 0, resource: name, container })
        : replicasForAverage(measured, milliValue(target.averageValue), name),
    )
    const status = isContainer
      ? { type, containerResource: { name, container: container ?? '', current: current(proposal) } }
      : { type, resource: { name, current: current(proposal) } }
    const kind = isContainer ? 'container resource' : 'resource'
    const label = isRaw ? `${name} ${kind}` : `${name} ${kind} utilization (percentage of request)`
    return { replicas: proposal.replicas, name: label, status }
  })
}

async function evaluatePods({ pods }: MetricSpec, around: Around): Promise<Evaluated> {
  const { metric, target } = pods!
  const asked = { metric: metric.name, selector: around.selector, metricSelector: selectorText(metric) }
  const metrics: PodMetrics = await podsMetric(around.source, asked).catch((error) => {
    throw new Error(`unable to get metric ${metric.name}: ${error.message}`, { cause: error })
  })
  const { replicas, value } = replicasForAverage({ ...around.measured, metrics }, milliValue(target.averageValue ?? '0'))
  const status = { type: 'Pods', pods: { metric, current: { averageValue: milli(value) } } }
  return { replicas, name: `pods metric ${metric.name}`, status }
}

async function evaluateObject({ object }: MetricSpec, around: Around): Promise<Evaluated> {
  const { metric, target, describedObject } = object!
  const { namespace } = around.source
  const described = around.describe(describedObject)
  const asked = { metric: metric.name, described, metricSelector: selectorText(metric) }
  const value = await objectMetric(around.source, asked).catch((error) => {
    const where = `${describedObject.kind} ${namespace}/${describedObject.name}`
    throw new Error(`unable to get metric ${metric.name}: ${where} ${error.message}`, { cause: error })
  })
  const name = `${describedObject.kind} metric ${metric.name}`
  if (target.type === 'Value' && target.value !== undefined) {
    const proposal = replicasForValue({ ...around.measured, metrics: new Map() }, value, milliValue(target.value))
    const current = { value: milli(proposal.value) }
    return { replicas: proposal.replicas, name, status: { type: 'Object', object: { metric, describedObject, current } } }
  }
  if (target.type === 'AverageValue' && target.averageValue !== undefined) {
    const shared = { ...around.measured, current: around.statusReplicas }
    const proposal = replicasForShare(shared, value, milliValue(target.averageValue))
    const current = { averageValue: milli(proposal.value) }
    return {
      replicas: proposal.replicas,
      name: externalName(metric),
      status: { type: 'Object', object: { metric, describedObject, current } },
    }
  }
  throw new Error('invalid object metric source: neither a value target nor an average value target was set')
}

async function evaluateExternal({ external }: MetricSpec, around: Around): Promise<Evaluated> {
  const { metric, target } = external!
  const asked = { metric: metric.name, metricSelector: selectorText(metric) }
  const fetch = () =>
    externalMetric(around.source, asked).catch((error) => {
      const where = `${around.source.namespace}/${metric.name}/${asked.metricSelector || 'nil'}`
      throw new Error(`unable to get external metric ${where}: ${error.message}`, { cause: error })
    })
  const name = externalName(metric)
  if (target.averageValue !== undefined) {
    const shared = { ...around.measured, current: around.statusReplicas }
    const { replicas, value } = replicasForShare(shared, await fetch(), milliValue(target.averageValue))
    return { replicas, name, status: { type: 'External', external: { metric, current: { averageValue: milli(value) } } } }
  }
  if (target.value !== undefined) {
    const measured = { ...around.measured, metrics: new Map() }
    const { replicas, value } = replicasForValue(measured, await fetch(), milliValue(target.value))
    return { replicas, name, status: { type: 'External', external: { metric, current: { value: milli(value) } } } }
  }
  throw new Error('invalid external metric source: neither a value target nor an average value target was set')
}

/** Upstream writes the selector as Go prints it, and calls metrics of objects so too where they are shared among pods. */
function externalName({ name, selector }: MetricIdentifier): string {
  if (!selector) return `external metric ${name}(nil)`
  const { matchLabels = {}, matchExpressions = [] } = selector
  const labels = Object.keys(matchLabels).sort()
  const expressions = matchExpressions.map(
    ({ key, operator, values = [] }) =>
      `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(' ')}],},`,
  )
  const map = labels.map((key) => `${key}: ${matchLabels[key]},`).join('')
  const text = `MatchLabels:map[string]string{${map}},MatchExpressions:[]LabelSelectorRequirement{${expressions.join('')}},`
  return `external metric ${name}(&LabelSelector{${text}})`
}

function selectorText({ selector }: MetricIdentifier): string {
  return selector ? labelSelectorText(selector) : ''
}

function milli(value: number): string {
  return formatQuantity({ unscaled: BigInt(Math.trunc(value)), scale: -3, format: 'DecimalSI' })
}
