/** Defaults of autoscalers (upstream `autoscaling/v2/defaults.go`), and annotations that only the older version has. */
import type { AutoscalerParts, HPAScalingRules } from '#api/autoscaling/v2/horizontal-pod-autoscaler.ts'
import type { MetricSpec } from '#api/autoscaling/v2/metric-spec.ts'

/** What v1 has no fields for stands in these. */
export const roundTripAnnotations = {
  metrics: 'autoscaling.alpha.kubernetes.io/metrics',
  currentMetrics: 'autoscaling.alpha.kubernetes.io/current-metrics',
  conditions: 'autoscaling.alpha.kubernetes.io/conditions',
  behavior: 'autoscaling.alpha.kubernetes.io/behavior',
} as const

export function defaultAutoscaler({ metadata, spec }: AutoscalerParts): void {
  if (!spec.metrics?.length) spec.metrics = [cpuMetric()]
  const { behavior } = spec
  if (behavior) {
    behavior.scaleUp = { ...scaleUp(), ...behavior.scaleUp }
    behavior.scaleDown = { ...scaleDown(), ...behavior.scaleDown }
  }
  dropRoundTrip(metadata)
}

export function cpuMetric(averageUtilization = 80): MetricSpec {
  return { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } } }
}

function scaleUp(): HPAScalingRules {
  const policies = [
    { type: 'Pods', value: 4, periodSeconds: 15 },
    { type: 'Percent', value: 100, periodSeconds: 15 },
  ]
  return { stabilizationWindowSeconds: 0, selectPolicy: 'Max', policies }
}

function scaleDown(): HPAScalingRules {
  return { selectPolicy: 'Max', policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] }
}

export function dropRoundTrip(metadata: { annotations?: Record<string, string> | undefined }): void {
  const { annotations } = metadata
  const names = Object.values(roundTripAnnotations).filter((name) => annotations?.[name] !== undefined)
  if (names.length === 0) return
  metadata.annotations = Object.fromEntries(Object.entries(annotations!).filter(([name]) => !names.includes(name as never)))
}
