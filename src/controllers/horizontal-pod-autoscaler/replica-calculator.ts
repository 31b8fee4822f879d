/** How many replicas a measurement asks for (upstream `podautoscaler/replica_calculator.go`). All amounts are in thousandths. */
import type { Pod } from '#api/core/v1/pod.ts'
import { milliValue } from '#schema/quantity.ts'
import { podCondition } from '../pod-state.ts'

export interface PodMetric {
  readonly value: number
  /** Milliseconds since the epoch. */
  readonly at: number
  /** Milliseconds that the value was taken over. */
  readonly window: number
}

export type PodMetrics = ReadonlyMap<string, PodMetric>

/** How far from the target counts as on it. */
export interface Tolerance {
  readonly up: number
  readonly down: number
}

export interface Proposal {
  readonly replicas: number
  /** What was measured: per pod, or of the object. */
  readonly value: number
  /** In percent of what is requested. */
  readonly utilization?: number
}

export interface Measured {
  readonly pods: readonly Pod[]
  readonly metrics: PodMetrics
  readonly current: number
  readonly tolerance: Tolerance
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** Pods this young may still be busy with starting. */
const cpuInitializationPeriod = 5 * 60_000
/** A pod that became unready so soon has never been ready. */
const delayOfInitialReadiness = 30_000
const noMetrics = 'did not receive metrics for any ready pods'
const noPods = 'no pods returned by selector while calculating replica count'

/** For a target in percent of what pods request. */
export function replicasForUtilization(
  measured: Measured,
  { target, resource, container }: { target: number; resource: string; container?: string | undefined },
): Proposal {
  const { pods } = measured
  if (pods.length === 0) throw new Error(noPods)
  const groups = groupPods(measured, resource)
  const requests = requestsOf(pods, resource, container)
  if (groups.metrics.size === 0) throw new Error(noMetrics)
  const first = utilizationOf(groups.metrics, requests, target)
  const replicas = settle(measured, groups, {
    ratio: first.ratio,
    again: (metrics) => utilizationOf(metrics, requests, target).ratio,
    missing: (name) => requests.get(name) ?? 0,
  })
  return { replicas, value: first.value, utilization: first.utilization }
}

/** For a target that is an amount per pod. */
export function replicasForAverage(measured: Measured, target: number, resource = ''): Proposal {
  if (measured.pods.length === 0) throw new Error(noPods)
  const groups = groupPods(measured, resource)
  if (groups.metrics.size === 0) throw new Error(noMetrics)
  const average = (metrics: ReadonlyMap<string, number>) => Math.trunc(sum(metrics.values()) / metrics.size)
  const value = average(groups.metrics)
  const again = (metrics: ReadonlyMap<string, number>) => average(metrics) / target
  return { replicas: settle(measured, groups, { ratio: value / target, again, missing: () => target }), value }
}

/** For a target that one value of an object, or of something outside, is held against. */
export function replicasForValue({ pods, current, tolerance }: Measured, value: number, target: number): Proposal {
  const ratio = value / target
  if (current === 0) return { replicas: Math.ceil(ratio), value }
  if (isWithin(tolerance, ratio)) return { replicas: current, value }
  if (pods.length === 0) throw new Error(`unable to calculate ready pods: ${noPods}`)
  const ready = pods.filter((pod) => pod.status.phase === 'Running' && podCondition(pod, 'Ready')?.status === 'True')
  return { replicas: Math.ceil(ratio * ready.length), value }
}

/** For a target that the same value is held against, shared among the pods that there are. */
export function replicasForShare(
  { current, tolerance }: Pick<Measured, 'current' | 'tolerance'>,
  value: number,
  target: number,
): Proposal {
  const ratio = value / (target * current)
  const replicas = isWithin(tolerance, ratio) ? current : Math.ceil(value / target)
  return { replicas, value: current === 0 ? 0 : Math.ceil(value / current) }
}

interface Groups {
  readonly metrics: Map<string, number>
  readonly ready: number
  readonly ignored: ReadonlySet<string>
  readonly missing: ReadonlySet<string>
}

/** Pods that are going or have failed do not count at all. */
function groupPods({ pods, metrics, now }: Measured, resource: string): Groups {
  const ignored = new Set<string>()
  const missing = new Set<string>()
  const kept = new Map([...metrics].map(([name, { value }]) => [name, value]))
  let ready = 0
  for (const pod of pods) {
    const { name, deletionTimestamp } = pod.metadata
    const metric = metrics.get(name)
    if (deletionTimestamp || pod.status.phase === 'Failed') kept.delete(name)
    else if (pod.status.phase === 'Pending') ignored.add(name)
    else if (!metric) missing.add(name)
    else if (resource === 'cpu' && isStarting(pod, metric, now)) ignored.add(name)
    else ready++
  }
  for (const name of ignored) kept.delete(name)
  return { metrics: kept, ready, ignored, missing }
}

/** What a pod burns while it starts says nothing about the load. */
function isStarting(pod: Pod, metric: PodMetric, now: number): boolean {
  const condition = podCondition(pod, 'Ready')
  const { startTime } = pod.status
  if (!condition || !startTime) return true
  const since = condition.lastTransitionTime ? Date.parse(condition.lastTransitionTime) : 0
  const start = Date.parse(startTime)
  if (start + cpuInitializationPeriod > now) return condition.status === 'False' || metric.at < since + metric.window
  return condition.status === 'False' && start + delayOfInitialReadiness > since
}

interface Ratios {
  readonly ratio: number
  again(metrics: ReadonlyMap<string, number>): number
  /** What a pod without a measurement is taken to use when there would be fewer. */
  missing(name: string): number
}

/** Pods about which nothing is known never speak for a change, and never turn its direction. */
function settle({ current, tolerance }: Measured, groups: Groups, { ratio, again, missing }: Ratios): number {
  const countsIgnored = groups.ignored.size > 0 && ratio > 1
  if (!countsIgnored && groups.missing.size === 0) {
    return isWithin(tolerance, ratio) ? current : Math.ceil(ratio * groups.ready)
  }
  const filled = new Map(groups.metrics)
  for (const name of groups.missing) {
    if (ratio < 1) filled.set(name, missing(name))
    else if (ratio > 1) filled.set(name, 0)
  }
  if (countsIgnored) for (const name of groups.ignored) filled.set(name, 0)
  const next = again(filled)
  if (isWithin(tolerance, next) || (ratio < 1 && next > 1) || (ratio > 1 && next < 1)) return current
  const replicas = Math.ceil(next * filled.size)
  return (next < 1 && replicas > current) || (next > 1 && replicas < current) ? current : replicas
}

function isWithin({ up, down }: Tolerance, ratio: number): boolean {
  return 1 - down <= ratio && ratio <= 1 + up
}

function utilizationOf(metrics: ReadonlyMap<string, number>, requests: ReadonlyMap<string, number>, target: number) {
  const known = [...metrics].filter(([name]) => requests.has(name))
  const used = sum(known.map(([, value]) => value))
  const requested = sum(known.map(([name]) => requests.get(name) ?? 0))
  if (requested === 0) throw new Error('no metrics returned matched known pods')
  const utilization = Math.trunc((used * 100) / requested)
  return { ratio: utilization / target, utilization, value: Math.trunc(used / known.length) }
}

/** Containers that restart while the others run (KEP-753) count like them; what the pod as a whole requests goes first. */
function requestsOf(pods: readonly Pod[], resource: string, only: string | undefined): Map<string, number> {
  const requests = new Map<string, number>()
  for (const { metadata, spec } of pods) {
    const ofPod = only === undefined ? spec.resources?.requests?.[resource] : undefined
    if (ofPod !== undefined) {
      requests.set(metadata.name, milliValue(ofPod))
      continue
    }
    const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always')
    let total = 0
    for (const { name, resources } of [...spec.containers, ...sidecars]) {
      if (only !== undefined && name !== only) continue
      const request = resources?.requests?.[resource]
      if (request === undefined) throw new Error(`missing request for ${resource} in container ${name} of Pod ${metadata.name}`)
      total += milliValue(request)
    }
    requests.set(metadata.name, total)
  }
  return requests
}

function sum(values: Iterable<number>): number {
  let total = 0
  for (const value of values) total += value
  return total
}
