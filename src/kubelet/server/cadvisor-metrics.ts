/** `/metrics/cadvisor`: containers and machine under the names that cAdvisor gave them, as far as the runtime measures them. */
import type { Pod } from '#api/core/v1/pod.ts'
import { milliValue, quantityValue } from '#schema/quantity.ts'
import { containersOf } from '../containers/pod-names.ts'
import { type ContainerStats, labels } from '../cri/runtime.ts'
import { MetricText } from './metric-text.ts'

interface Measured {
  readonly stats: ContainerStats
  readonly pod: Pod
  readonly labels: Readonly<Record<string, string>>
}

export interface MachineSize {
  readonly cpus: number
  readonly memoryBytes: number
}

interface Family {
  readonly name: string
  readonly type: 'counter' | 'gauge'
  readonly help: string
  readonly labels?: Readonly<Record<string, string>>
  /** Undefined: not told of this one. */
  value(one: Measured): number | undefined
}

const families: readonly Family[] = [
  {
    name: 'container_cpu_usage_seconds_total',
    type: 'counter',
    help: 'Cumulative cpu time consumed in seconds.',
    labels: { cpu: 'total' },
    value: ({ stats }) => stats.cpuUsageNanos / 1e9,
  },
  {
    name: 'container_fs_usage_bytes',
    type: 'gauge',
    help: 'Number of bytes that are consumed by the container on this filesystem.',
    labels: { device: '' },
    value: ({ stats }) => stats.writableLayerBytes,
  },
  {
    name: 'container_last_seen',
    type: 'gauge',
    help: 'Last time a container was seen by the exporter',
    value: ({ stats }) => Math.trunc(stats.at / 1000),
  },
  {
    name: 'container_memory_rss',
    type: 'gauge',
    help: 'Size of RSS in bytes.',
    value: ({ stats }) => stats.memory.rssBytes,
  },
  {
    name: 'container_memory_usage_bytes',
    type: 'gauge',
    help: 'Current memory usage in bytes, including all memory regardless of when it was accessed',
    value: ({ stats }) => stats.memory.usageBytes,
  },
  {
    name: 'container_memory_working_set_bytes',
    type: 'gauge',
    help: 'Current working set in bytes.',
    value: ({ stats }) => stats.memoryWorkingSetBytes,
  },
  {
    name: 'container_spec_cpu_period',
    type: 'gauge',
    help: 'CPU period of the container.',
    value: (one) => (limitOf(one, 'cpu') ? 100_000 : undefined),
  },
  {
    name: 'container_spec_cpu_quota',
    type: 'gauge',
    help: 'CPU quota of the container.',
    value: (one) => (limitOf(one, 'cpu') ? milliValue(limitOf(one, 'cpu') ?? '0') * 100 : undefined),
  },
  {
    name: 'container_spec_memory_limit_bytes',
    type: 'gauge',
    help: 'Memory limit for the container.',
    value: (one) => quantityValue(limitOf(one, 'memory') ?? '0'),
  },
  {
    name: 'container_start_time_seconds',
    type: 'gauge',
    help: 'Start time of the container since unix epoch in seconds.',
    value: ({ pod, stats }) => startOf(pod, stats),
  },
]

export function cadvisorMetrics(stats: readonly ContainerStats[], pods: readonly Pod[], machine: MachineSize): string {
  const byUid = new Map(pods.map((pod) => [pod.metadata.uid, pod]))
  const measured = stats.flatMap((one) => {
    const pod = byUid.get(one.labels[labels.podUid] ?? '')
    return pod ? [{ stats: one, pod, labels: labelsOf(one, pod) }] : []
  })
  const text = new MetricText()
  for (const { name, type, help, labels: more, value } of families) {
    text.family(name, type, help, '')
    for (const one of measured) {
      const amount = value(one)
      if (amount !== undefined) text.sample({ ...one.labels, ...more }, amount, one.stats.at)
    }
  }
  text.family('machine_cpu_cores', 'gauge', 'Number of logical CPU cores.', '')
  text.sample({}, machine.cpus)
  text.family('machine_memory_bytes', 'gauge', 'Amount of memory installed on the machine.', '')
  text.sample({}, machine.memoryBytes)
  return text.end()
}

function labelsOf({ id, labels: own }: ContainerStats, pod: Pod): Record<string, string> {
  const { name, namespace = '' } = pod.metadata
  const container = own[labels.containerName] ?? ''
  return { container, id: `/${id}`, image: statusOf(pod, id)?.image ?? '', name: id, namespace, pod: name }
}

function statusOf({ status }: Pod, id: string) {
  const all = [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])]
  return all.find(({ containerID = '' }) => containerID.endsWith(id))
}

function startOf(pod: Pod, { id }: ContainerStats): number | undefined {
  const start = statusOf(pod, id)?.state?.running?.startedAt
  return start ? Date.parse(start) / 1000 : undefined
}

function limitOf({ pod, stats }: Measured, resource: string): string | undefined {
  const name = stats.labels[labels.containerName]
  const found = containersOf(pod).find(({ container }) => container.name === name)?.container
  return (found as { resources?: { limits?: Record<string, string> } } | undefined)?.resources?.limits?.[resource]
}
