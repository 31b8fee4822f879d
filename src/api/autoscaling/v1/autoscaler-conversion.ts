/** HorizontalPodAutoscaler between its versions (upstream `autoscaling/v1/conversion.go`): what v1 has no field for is an annotation. */
import type { OldAutoscalerParts } from '#api/autoscaling/v1/horizontal-pod-autoscaler.ts'
import * as metrics from '#api/autoscaling/v1/metric-conversion.ts'
import { cpuMetric, dropRoundTrip, roundTripAnnotations } from '#api/autoscaling/v2/autoscaler-defaults.ts'
import type {
  AutoscalerParts,
  HorizontalPodAutoscalerBehavior,
  HorizontalPodAutoscalerCondition,
  HPAScalingRules,
} from '#api/autoscaling/v2/horizontal-pod-autoscaler.ts'
import type { MetricSpec } from '#api/autoscaling/v2/metric-spec.ts'
import type { MetricStatus } from '#api/autoscaling/v2/metric-status.ts'

const names = roundTripAnnotations

export function toStored({ metadata, spec, status }: OldAutoscalerParts): AutoscalerParts {
  const { targetCPUUtilizationPercentage: target, ...rest } = spec
  const { currentCPUUtilizationPercentage: current, ...counts } = status
  const annotations = metadata.annotations ?? {}
  const wanted = listIn(annotations[names.metrics], metrics.specToStored)
  const all: MetricSpec[] = [...(wanted ?? []), ...(target === undefined ? [] : [cpuMetric(target)])]
  const behavior = behaviorIn(annotations[names.behavior])
  const conditions = listIn(annotations[names.conditions], (condition: HorizontalPodAutoscalerCondition) => condition)
  const measured = listIn(annotations[names.currentMetrics], metrics.statusToStored)
  const stored: AutoscalerParts = {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { ...metadata },
    // An older server's controller took the same target where none was named.
    spec: { ...rest, metrics: all.length > 0 ? all : [cpuMetric()], ...(behavior && { behavior }) },
    status: {
      ...counts,
      currentMetrics: measured ?? (current === undefined ? [] : [cpuStatus(current)]),
      ...(conditions && { conditions }),
    },
  }
  dropRoundTrip(stored.metadata)
  return stored
}

export function fromStored({ metadata, spec, status }: AutoscalerParts): OldAutoscalerParts {
  const { metrics: wanted = [], behavior, ...rest } = spec
  const { currentMetrics, conditions, ...counts } = status
  const others = wanted.filter((metric) => cpuTargetOf(metric) === undefined)
  const target = wanted.map(cpuTargetOf).find((percent) => percent !== undefined)
  const current = currentMetrics.map(cpuCurrentOf).find((percent) => percent !== undefined)
  const added: Record<string, string> = {
    ...(others.length > 0 && { [names.metrics]: JSON.stringify(others.map(metrics.specFromStored)) }),
    ...(currentMetrics.length > 0 && { [names.currentMetrics]: JSON.stringify(currentMetrics.map(metrics.statusFromStored)) }),
    ...(behavior && { [names.behavior]: JSON.stringify(shownBehavior(behavior)) }),
    ...(conditions?.length && { [names.conditions]: JSON.stringify(conditions) }),
  }
  const own = { ...metadata }
  dropRoundTrip(own)
  if (Object.keys(added).length > 0) own.annotations = { ...own.annotations, ...added }
  return {
    apiVersion: 'autoscaling/v1',
    kind: 'HorizontalPodAutoscaler',
    metadata: own,
    spec: { ...rest, ...(target !== undefined && { targetCPUUtilizationPercentage: target }) },
    status: {
      ...counts,
      currentReplicas: counts.currentReplicas ?? 0,
      ...(current !== undefined && { currentCPUUtilizationPercentage: current }),
    },
  }
}

function cpuTargetOf({ type, resource }: MetricSpec): number | undefined {
  return type === 'Resource' && resource?.name === 'cpu' ? resource.target.averageUtilization : undefined
}

function cpuCurrentOf({ type, resource }: MetricStatus): number | undefined {
  return type === 'Resource' && resource?.name === 'cpu' ? resource.current.averageUtilization : undefined
}

function cpuStatus(averageUtilization: number): MetricStatus {
  return { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization } } }
}

/** What does not parse counts as absent. */
function listIn<A, B>(text: string | undefined, convert: (item: A) => B): B[] | undefined {
  const value = parsed(text)
  if (!Array.isArray(value)) return undefined
  try {
    return value.map(convert)
  } catch {
    return undefined
  }
}

function parsed(text: string | undefined): unknown {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Upstream writes its internal type here, which has Go's field names; it reads them whatever their case. */
function shownBehavior({ scaleUp, scaleDown }: HorizontalPodAutoscalerBehavior): unknown {
  return { ScaleUp: scaleUp ? shownRules(scaleUp) : null, ScaleDown: scaleDown ? shownRules(scaleDown) : null }
}

function shownRules({ stabilizationWindowSeconds, selectPolicy, policies, tolerance }: HPAScalingRules): unknown {
  return {
    StabilizationWindowSeconds: stabilizationWindowSeconds ?? null,
    SelectPolicy: selectPolicy ?? null,
    Policies:
      policies?.map(({ type, value, periodSeconds }) => ({ Type: type, Value: value, PeriodSeconds: periodSeconds })) ?? null,
    Tolerance: tolerance ?? null,
  }
}

function behaviorIn(text: string | undefined): HorizontalPodAutoscalerBehavior | undefined {
  const value = lowered(parsed(text))
  const isThere = typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0
  return isThere ? (value as HorizontalPodAutoscalerBehavior) : undefined
}

/** With names as v2 writes them, and without what is null. */
function lowered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(lowered)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([, held]) => held !== null)
  return Object.fromEntries(entries.map(([name, held]) => [name.charAt(0).toLowerCase() + name.slice(1), lowered(held)]))
}
