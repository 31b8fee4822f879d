/** Columns of autoscalers of both versions (upstream `printHorizontalPodAutoscaler`, `formatHPAMetrics`). */
import type { AutoscalerParts } from '#api/autoscaling/v2/horizontal-pod-autoscaler.ts'
import type { MetricSpec, MetricTarget } from '#api/autoscaling/v2/metric-spec.ts'
import type { MetricStatus, MetricValueStatus } from '#api/autoscaling/v2/metric-status.ts'
import { age, type Column } from '#schema/kind.ts'

export const autoscalerColumns: readonly Column<AutoscalerParts>[] = [
  {
    name: 'Reference',
    doc: 'What is scaled.',
    value: ({ spec: { scaleTargetRef } }) => `${scaleTargetRef.kind}/${scaleTargetRef.name}`,
  },
  { name: 'Targets', doc: 'What is measured: now and wanted.', value: metricsText },
  { name: 'MinPods', doc: 'The least number of replicas.', value: ({ spec }) => String(spec.minReplicas ?? '<unset>') },
  { name: 'MaxPods', doc: 'The greatest number of replicas.', value: ({ spec }) => spec.maxReplicas },
  { name: 'Replicas', doc: 'Replicas that there are.', value: ({ status }) => status.currentReplicas ?? 0 },
  age,
]

const mostShown = 2

function metricsText({ spec: { metrics = [] }, status }: AutoscalerParts): string {
  if (metrics.length === 0) return '<none>'
  const texts = metrics.map((metric, index) => metricText(metric, status.currentMetrics[index]))
  const shown = texts.slice(0, mostShown).join(', ')
  return texts.length > mostShown ? `${shown} + ${texts.length - mostShown} more...` : shown
}

function metricText(metric: MetricSpec, status: MetricStatus | undefined): string {
  switch (metric.type) {
    case 'External':
      return amountText(metric.external?.target, status?.external?.current)
    case 'Object':
      return amountText(metric.object?.target, status?.object?.current)
    case 'Pods':
      return `${status?.pods?.current.averageValue ?? '<unknown>'}/${metric.pods?.target.averageValue ?? ''}`
    case 'Resource':
      return resourceText(metric.resource, status?.resource?.current)
    case 'ContainerResource':
      return resourceText(metric.containerResource, status?.containerResource?.current)
    default:
      return '<unknown type>'
  }
}

function amountText(target: MetricTarget | undefined, current: MetricValueStatus | undefined): string {
  if (target?.averageValue !== undefined) return `${current?.averageValue ?? '<unknown>'}/${target.averageValue} (avg)`
  return `${current?.value ?? '<unknown>'}/${target?.value ?? ''}`
}

interface Resource {
  name: string
  target: MetricTarget
}

function resourceText(resource: Resource | undefined, current: MetricValueStatus | undefined): string {
  const { name = '', target } = resource ?? {}
  if (target?.averageValue !== undefined) return `${name}: ${current?.averageValue ?? '<unknown>'}/${target.averageValue}`
  const percent = (value: number | undefined, otherwise: string) => (value === undefined ? otherwise : `${value}%`)
  return `${name}: ${percent(current?.averageUtilization, '<unknown>')}/${percent(target?.averageUtilization, '<auto>')}`
}
