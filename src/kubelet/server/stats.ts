/** What containers and node use: `/stats/summary` and `/metrics/resource`, from which metrics-server feeds `kubectl top`. */
import { readFile, statfs } from 'node:fs/promises'
import type { Pod } from '#api/core/v1/pod.ts'
import { type Clock, formatTime } from '#lib/clock.ts'
import { type ContainerStats, labels, type Runtime } from '../cri/runtime.ts'
import type { VolumeUsage } from '../volumes/volume-usage.ts'
import { MetricText } from './metric-text.ts'

export interface NodeUsage {
  readonly cpuNanos: number
  readonly memoryBytes: number
  readonly availableBytes: number
  /** When the machine was started. */
  readonly startedAt?: number | undefined
}

export interface StatsOptions {
  readonly runtime: Runtime
  readonly clock: Clock
  readonly nodeName: string
  readonly pods: () => readonly Pod[]
  /** Default: nothing is told of them. */
  readonly volumes?: ((pod: Pod) => Promise<readonly VolumeUsage[]>) | undefined
  /** The agent's folder and the images', whose file systems are told of; default: nothing is. */
  readonly directories?: { readonly node: string; readonly images: string } | undefined
  /** Default: read from /proc. */
  readonly nodeUsage?: () => Promise<NodeUsage>
}

export interface Stats {
  /** Sizes of volumes may take long to count; who wants CPU and memory need not wait for them. */
  summary(options?: { readonly onlyCpuAndMemory: boolean }): Promise<object>
  /** Of volumes with a claim, in Prometheus' text format. */
  volumeMetrics(): Promise<string>
  /** In Prometheus' text format. */
  resourceMetrics(): Promise<string>
}

export function createStats(options: StatsOptions): Stats {
  const rates = new CpuRates()
  const sizes = new VolumeSizes(options)
  const usage = options.nodeUsage ?? readNodeUsage
  return {
    summary: async ({ onlyCpuAndMemory } = { onlyCpuAndMemory: false }) =>
      summary(options, { rates, ...(!onlyCpuAndMemory && { sizes }), node: await usage() }),
    volumeMetrics: () => volumeMetrics(options, sizes),
    resourceMetrics: async () => resourceMetrics(options, await usage()),
  }
}

/** containerd lists ended containers too, without a time. */
async function liveStats(runtime: Runtime): Promise<readonly ContainerStats[]> {
  return (await runtime.containerStats()).filter(({ at }) => at > 0)
}

/** CPU use between two looks at the same counter. */
class CpuRates {
  readonly #last = new Map<string, { nanos: number; at: number; rate: number }>()

  /** Nanoseconds of CPU time in a second; 0 until the counter was seen twice. */
  observe(id: string, nanos: number, at: number): number {
    const last = this.#last.get(id)
    if (last && at - last.at < 1000) return last.rate
    const rate = last && nanos >= last.nanos ? Math.round((nanos - last.nanos) / ((at - last.at) / 1000)) : 0
    if (this.#last.size > 5000) this.#last.clear()
    this.#last.set(id, { nanos, at, rate })
    return rate
  }
}

/** Counting files takes time: who asks within a minute is told the same (`volume-stats-agg-period`). */
const sizesLast = 60_000

class VolumeSizes {
  readonly #options: StatsOptions
  readonly #known = new Map<string, { readonly at: number; readonly usage: Promise<readonly VolumeUsage[]> }>()

  constructor(options: StatsOptions) {
    this.#options = options
  }

  of(pod: Pod): Promise<readonly VolumeUsage[]> {
    const { clock, volumes } = this.#options
    const now = clock.now()
    for (const [uid, { at }] of this.#known) if (now - at >= sizesLast) this.#known.delete(uid)
    const known = this.#known.get(pod.metadata.uid)
    if (known) return known.usage
    const usage = volumes?.(pod) ?? Promise.resolve([])
    this.#known.set(pod.metadata.uid, { at: now, usage })
    return usage
  }
}

interface Measured {
  readonly rates: CpuRates
  readonly sizes?: VolumeSizes
  readonly node: NodeUsage
}

async function summary(
  { runtime, clock, nodeName, pods, directories }: StatsOptions,
  { rates, sizes, node }: Measured,
): Promise<object> {
  const now = clock.now()
  const stats = await liveStats(runtime)
  const cpu = (id: string, nanos: number, at: number) => ({
    time: formatTime(at),
    usageNanoCores: rates.observe(id, nanos, at),
    usageCoreNanoSeconds: nanos,
  })
  const podStats = pods().map(async (pod) => {
    const own = stats.filter((entry) => entry.labels[labels.podUid] === pod.metadata.uid)
    const { name, namespace = '', uid } = pod.metadata
    return {
      podRef: { name, namespace, uid },
      startTime: pod.status.startTime ?? null,
      containers: own.map((entry) => ({
        name: entry.labels[labels.containerName] ?? '',
        startTime: startOf(pod, entry) ?? null,
        cpu: cpu(entry.id, entry.cpuUsageNanos, entry.at),
        memory: { time: formatTime(entry.at), ...entry.memory, workingSetBytes: entry.memoryWorkingSetBytes },
        rootfs: { time: formatTime(entry.at), usedBytes: entry.writableLayerBytes },
      })),
      cpu: cpu(`pod ${uid}`, total(own, 'cpuUsageNanos'), now),
      memory: { time: formatTime(now), ...memoryOf(own), workingSetBytes: total(own, 'memoryWorkingSetBytes') },
      ...(sizes && { volume: (await sizes.of(pod)).map((usage) => volumeStats(usage, { namespace, now })) }),
      'ephemeral-storage': { time: formatTime(now), usedBytes: total(own, 'writableLayerBytes') },
    }
  })
  const memory = { time: formatTime(now), availableBytes: node.availableBytes, workingSetBytes: node.memoryBytes }
  const own = { nodeName, startTime: formatTime(node.startedAt ?? now), cpu: cpu('node', node.cpuNanos, now), memory }
  const disks = sizes && directories ? await fileSystems(directories, now) : {}
  return { node: { ...own, ...disks }, pods: await Promise.all(podStats) }
}

async function fileSystems({ node, images }: NonNullable<StatsOptions['directories']>, now: number): Promise<object> {
  const [fs, imageFs] = await Promise.all([fileSystemAt(node, now), fileSystemAt(images, now)])
  return { fs, runtime: { imageFs, containerFs: imageFs } }
}

async function fileSystemAt(path: string, now: number): Promise<object> {
  const { bsize, blocks, bavail, bfree, files, ffree } = await statfs(path)
  return {
    time: formatTime(now),
    availableBytes: bavail * bsize,
    capacityBytes: blocks * bsize,
    usedBytes: (blocks - bfree) * bsize,
    inodesFree: ffree,
    inodes: files,
    inodesUsed: files - ffree,
  }
}

/** The sums of what is known of every container. */
function memoryOf(stats: readonly ContainerStats[]): Record<string, number> {
  const fields = ['usageBytes', 'rssBytes', 'pageFaults', 'majorPageFaults'] as const
  return Object.fromEntries(
    fields.flatMap((field) => {
      const known = stats.flatMap(({ memory }) => memory[field] ?? [])
      return known.length > 0 && known.length === stats.length ? [[field, known.reduce((sum, one) => sum + one, 0)]] : []
    }),
  )
}

async function resourceMetrics({ runtime, clock, pods }: StatsOptions, node: NodeUsage): Promise<string> {
  const byUid = new Map(pods().map((pod) => [pod.metadata.uid, pod]))
  const stats = await liveStats(runtime)
  const named = stats.flatMap((entry) => {
    const pod = byUid.get(entry.labels[labels.podUid] ?? '')
    return pod ? [{ entry, pod, labels: containerLabels(entry, pod) }] : []
  })
  const text = new MetricText()
  text.family('container_cpu_usage_seconds_total', 'counter', 'Cumulative cpu time consumed by the container in core-seconds')
  for (const { entry, labels } of named) text.sample(labels, entry.cpuUsageNanos / 1e9, entry.at)
  text.family('container_memory_working_set_bytes', 'gauge', 'Current working set of the container in bytes')
  for (const { entry, labels } of named) text.sample(labels, entry.memoryWorkingSetBytes, entry.at)
  text.family('container_start_time_seconds', 'gauge', 'Start time of the container since unix epoch in seconds')
  for (const { entry, pod, labels } of named) {
    const start = startOf(pod, entry)
    if (start) text.sample(labels, Date.parse(start) / 1000)
  }
  const now = clock.now()
  text.family('node_cpu_usage_seconds_total', 'counter', 'Cumulative cpu time consumed by the node in core-seconds')
  text.sample({}, node.cpuNanos / 1e9, now)
  text.family('node_memory_working_set_bytes', 'gauge', 'Current working set of the node in bytes')
  text.sample({}, node.memoryBytes, now)
  const perPod = [...byUid.values()].map((pod) => ({
    labels: { namespace: pod.metadata.namespace ?? '', pod: pod.metadata.name },
    own: stats.filter((entry) => entry.labels[labels.podUid] === pod.metadata.uid),
  }))
  text.family('pod_cpu_usage_seconds_total', 'counter', 'Cumulative cpu time consumed by the pod in core-seconds')
  for (const { labels, own } of perPod) if (own.length > 0) text.sample(labels, total(own, 'cpuUsageNanos') / 1e9, now)
  text.family('pod_memory_working_set_bytes', 'gauge', 'Current working set of the pod in bytes')
  for (const { labels, own } of perPod) if (own.length > 0) text.sample(labels, total(own, 'memoryWorkingSetBytes'), now)
  text.family('resource_scrape_error', 'gauge', '1 if there was an error while getting container metrics, 0 otherwise')
  text.sample({}, 0)
  return text.end()
}

function volumeStats({ claim, ...usage }: VolumeUsage, { namespace, now }: { namespace: string; now: number }): object {
  return { time: formatTime(now), ...usage, ...(claim !== undefined && { pvcRef: { name: claim, namespace } }) }
}

const volumeFamilies: readonly [name: string, field: Exclude<keyof VolumeUsage, 'name' | 'claim'>, help: string][] = [
  ['available_bytes', 'availableBytes', 'Number of available bytes in the volume'],
  ['capacity_bytes', 'capacityBytes', 'Capacity in bytes of the volume'],
  ['inodes', 'inodes', 'Maximum number of inodes in the volume'],
  ['inodes_free', 'inodesFree', 'Number of free inodes in the volume'],
  ['inodes_used', 'inodesUsed', 'Number of used inodes in the volume'],
  ['used_bytes', 'usedBytes', 'Number of used bytes in the volume'],
]

/** Each claim once, however many pods use it. */
async function volumeMetrics({ pods }: StatsOptions, sizes: VolumeSizes): Promise<string> {
  const claims = new Map<string, { readonly labels: Record<string, string>; readonly usage: VolumeUsage }>()
  for (const pod of pods()) {
    const { namespace = '' } = pod.metadata
    for (const usage of await sizes.of(pod)) {
      if (usage.claim === undefined) continue
      claims.set(`${namespace}/${usage.claim}`, { labels: { namespace, persistentvolumeclaim: usage.claim }, usage })
    }
  }
  const text = new MetricText()
  for (const [name, field, help] of claims.size > 0 ? volumeFamilies : []) {
    text.family(`kubelet_volume_stats_${name}`, 'gauge', help, 'ALPHA')
    for (const { labels, usage } of claims.values()) text.sample(labels, usage[field])
  }
  return claims.size > 0 ? text.end() : ''
}

function containerLabels(entry: ContainerStats, { metadata }: Pod): Record<string, string> {
  const container = entry.labels[labels.containerName] ?? ''
  return { container, namespace: metadata.namespace ?? '', pod: metadata.name }
}

function startOf(pod: Pod, { id }: ContainerStats): string | undefined {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status
  const status = [...containerStatuses, ...initContainerStatuses].find(({ containerID = '' }) => containerID.endsWith(id))
  return status?.state?.running?.startedAt
}

function total(
  stats: readonly ContainerStats[],
  field: 'cpuUsageNanos' | 'memoryWorkingSetBytes' | 'writableLayerBytes',
): number {
  return stats.reduce((sum, entry) => sum + entry[field], 0)
}

/** Jiffies of /proc/stat are hundredths of a second on every architecture that counts here. */
async function readNodeUsage(): Promise<NodeUsage> {
  const [stat, meminfo] = await Promise.all([readFile('/proc/stat', 'utf8'), readFile('/proc/meminfo', 'utf8')])
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (/^cpu\s+(.*)$/m.exec(stat)?.[1] ?? '')
    .split(/\s+/)
    .map(Number)
  const bytes = (name: string) => Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(meminfo)?.[1] ?? 0) * 1024
  const available = bytes('MemAvailable')
  const cpuNanos = (user + nice + system + irq + softirq + steal) * 1e7
  const startedAt = Number(/^btime (\d+)/m.exec(stat)?.[1] ?? 0) * 1000 || undefined
  return { startedAt, cpuNanos, memoryBytes: bytes('MemTotal') - available, availableBytes: available }
}
