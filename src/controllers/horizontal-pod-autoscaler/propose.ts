/** All metrics of an autoscaler together, and the status that one visit makes (upstream `computeReplicasForMetrics`). */
import type { Scale } from '#api/autoscaling/v1/scale.ts'
import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerCondition,
  HorizontalPodAutoscalerStatus,
} from '#api/autoscaling/v2/horizontal-pod-autoscaler.ts'
import type { MetricStatus } from '#api/autoscaling/v2/metric-status.ts'
import { Pod } from '#api/core/v1/pod.ts'
import type { Client } from '#client/client.ts'
import { formatTime } from '#lib/clock.ts'
import { milliValue } from '#schema/quantity.ts'
import { type LabelMatcher, parseLabelSelector } from '#schema/selector.ts'
import { type Around, type Evaluated, evaluateMetric, MetricError } from './evaluate.ts'
import type { Own } from './horizontal-pod-autoscaler.ts'
import type { ConditionText } from './limits.ts'
import type { Tolerance } from './replica-calculator.ts'

export const failedMetrics = 'FailedComputeMetricsReplicas'
const defaultTolerance = 0.1

/** Collects what one visit finds; nothing is written before its end. */
export class Attempt {
  readonly autoscaler: HorizontalPodAutoscaler
  /** Milliseconds since the epoch. */
  readonly now: number
  status: HorizontalPodAutoscalerStatus

  constructor(autoscaler: HorizontalPodAutoscaler, now: number) {
    this.autoscaler = autoscaler
    this.now = now
    this.status = { ...autoscaler.status, observedGeneration: autoscaler.metadata.generation ?? 0 }
  }

  condition(type: string, status: 'True' | 'False', text: ConditionText): void {
    const conditions = this.status.conditions ?? []
    const before = conditions.find((one) => one.type === type)
    const lastTransitionTime = before?.status === status ? before.lastTransitionTime : formatTime(this.now)
    const next: HorizontalPodAutoscalerCondition = { type, status, lastTransitionTime, ...text }
    this.status.conditions = before ? conditions.map((one) => (one === before ? next : one)) : [...conditions, next]
  }

  metrics(statuses: readonly MetricStatus[]): void {
    this.status.currentMetrics = [...statuses]
  }

  report({ current, desired, isRescaled }: { current: number; desired: number; isRescaled: boolean }): void {
    this.status = { ...this.status, currentReplicas: current, desiredReplicas: desired }
    if (isRescaled) this.status.lastScaleTime = formatTime(this.now)
  }
}

export interface Proposing {
  readonly scale: Scale
  readonly cluster: Own
  readonly metrics: Client
  readonly others: readonly { readonly name: string; readonly selector: string }[]
  readonly describe: Around['describe']
}

export interface Proposed {
  /** Undefined where too little is known to change anything. */
  readonly replicas?: number
  /** The metric that asks for the most. */
  readonly name?: string
  readonly error?: string
}

export async function proposeReplicas(attempt: Attempt, proposing: Proposing): Promise<Proposed> {
  const { scale, cluster, metrics, describe } = proposing
  const { spec, metadata } = attempt.autoscaler
  const namespace = metadata.namespace ?? ''
  const selector = checkSelector(attempt, proposing)
  if (typeof selector === 'string') return { error: selector }
  const current = scale.spec.replicas ?? 0
  const pods = cluster.list(Pod, { namespace }).filter((pod) => selector.matches(pod.metadata.labels))
  const around: Around = {
    source: { client: metrics, namespace },
    selector: scale.status?.selector ?? '',
    measured: { pods, current, tolerance: toleranceOf(spec), now: attempt.now },
    statusReplicas: scale.status?.replicas ?? 0,
    describe,
  }
  const found: Evaluated[] = []
  const failures: MetricError[] = []
  for (const metric of spec.metrics ?? []) {
    try {
      found.push(await evaluateMetric(metric, around))
    } catch (error) {
      if (!(error instanceof MetricError)) throw error
      cluster.event(attempt.autoscaler, { type: 'Warning', reason: error.reason, message: error.detail })
      failures.push(error)
    }
  }
  return combine(attempt, { found, failures, current })
}

/** The most that any metric asks for; with some missing, nothing goes down. */
function combine(
  attempt: Attempt,
  { found, failures, current }: { found: readonly Evaluated[]; failures: readonly MetricError[]; current: number },
): Proposed {
  const total = found.length + failures.length
  let most: Evaluated | undefined
  for (const one of found) if (!most || one.replicas > most.replicas) most = one
  const [first] = failures
  const error = first && `invalid metrics (${failures.length} invalid out of ${total}), first error is: ${first.message}`
  if (first && (!most || most.replicas < current)) {
    const message = `the HPA was unable to compute the replica count: ${first.detail}`
    attempt.condition('ScalingActive', 'False', { reason: first.reason, message })
    return { error: error ?? '' }
  }
  attempt.metrics(found.map(({ status }) => status))
  const message = `the HPA was able to successfully calculate a replica count from ${most?.name}`
  attempt.condition('ScalingActive', 'True', { reason: 'ValidMetricFound', message })
  return { replicas: most?.replicas ?? current, name: most?.name ?? '', ...(error !== undefined && { error }) }
}

/** The matcher of the target's pods, or what is wrong with it. */
function checkSelector(attempt: Attempt, { scale, cluster, others }: Proposing): LabelMatcher | string {
  const { autoscaler } = attempt
  const { namespace, name } = autoscaler.metadata
  const text = scale.status?.selector ?? ''
  const fail = ({ reason, event, message, said }: { reason: string; event: string; message: string; said: string }) => {
    cluster.event(autoscaler, { type: 'Warning', reason: event, message: said })
    attempt.condition('ScalingActive', 'False', { reason, message })
    return said
  }
  if (text === '') {
    const message = "the HPA target's scale is missing a selector"
    return fail({ reason: 'InvalidSelector', event: 'SelectorRequired', message, said: 'selector is required' })
  }
  let matcher: LabelMatcher
  try {
    matcher = parseLabelSelector(text)
  } catch (error) {
    const message = `couldn't convert selector into a corresponding internal selector object: ${(error as Error).message}`
    return fail({ reason: 'InvalidSelector', event: 'InvalidSelector', message, said: message })
  }
  const pods = cluster.list(Pod, { namespace }).filter((pod) => matcher.matches(pod.metadata.labels))
  const also = others.filter((other) => {
    const second = parseLabelSelector(other.selector)
    return pods.some((pod) => second.matches(pod.metadata.labels))
  })
  if (also.length === 0) return matcher
  const names = [`${namespace}/${name}`, ...also.map((other) => `${namespace}/${other.name}`)].sort().join(' ')
  const message = `pods by selector ${text} are controlled by multiple HPAs: [${names}]`
  return fail({ reason: 'AmbiguousSelector', event: 'AmbiguousSelector', message, said: message })
}

/** KEP-4951. */
function toleranceOf({ behavior }: HorizontalPodAutoscaler['spec']): Tolerance {
  const of = (text: string | undefined) => (text === undefined ? defaultTolerance : milliValue(text) / 1000)
  return { up: of(behavior?.scaleUp?.tolerance), down: of(behavior?.scaleDown?.tolerance) }
}
