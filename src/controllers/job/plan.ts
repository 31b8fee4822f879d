/**
 * What a Job does next (`syncJob` and `manageJob` in `job_controller.go`): end, lose pods, gain pods, or wait.
 *
 * Invariants: no more pods run than parallelism and what is missing to completion allow; an index has one active pod;
 * a pod counts once, as `tracking.ts` sees to it.
 */
import type { Job } from '#api/batch/v1/job.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { isActive, isTerminating } from '../pod-state.ts'
import { planDeletion } from '../replicaset/deletion-order.ts'
import { type Backoff, backoffAfter, finishedAt, pauseLeft } from './backoff.ts'
import { type Ending, endingOf, failures } from './conditions.ts'
import { Indexes, indexOf } from './indexes.ts'
import { failuresBefore, isFailed, isIndexed, isTracked, isValid, limitsEachIndex, waitsForEnd } from './pods.ts'
import { judge, successMessage } from './policies.ts'

export interface View {
  /** Not finished, and this controller's to manage. */
  readonly job: Job
  /** All that it controls. */
  readonly pods: readonly Pod[]
  readonly backoff: Backoff
  readonly now: number
}

/** What the pods and the status say together. */
export interface Facts {
  readonly active: readonly Pod[]
  readonly terminating: number
  /** Counted, about to be counted, and newly ended. */
  readonly succeeded: number
  readonly failed: number
  readonly succeededIndexes: Indexes
  /** Of a Job that limits failures for each index. */
  readonly failedIndexes: Indexes | undefined
  /** Index -> failed pod that is kept until its successor knows the number of failures. */
  readonly held: ReadonlyMap<number, Pod>
  readonly backoff: Backoff
}

export interface JobPlan {
  readonly facts: Facts
  readonly ending: Ending | undefined
  readonly remove: readonly Pod[]
  /** The pods to remove are let go first: it is not their fault, so that they count as nothing. */
  readonly uncounted: boolean
  /** An index for each new pod, or undefined where there are none. */
  readonly create: readonly (number | undefined)[]
  /** Seconds until time alone changes something. */
  readonly wait: number | undefined
}

/** How many pods one visit creates or deletes at most. */
const burst = 500

export function planJob(view: View): JobPlan {
  const { job } = view
  const facts = factsOf(view)
  const base = { facts, ending: undefined, remove: [], uncounted: false, create: [], wait: undefined } satisfies JobPlan
  const ending = planEnding(view, facts)
  if (ending) return { ...base, ending, remove: facts.active }
  if (job.metadata.deletionTimestamp) return base
  if (job.spec.suspend) return { ...base, remove: facts.active, uncounted: true }
  const deadline = secondsToDeadline(view)
  const surplus = planSurplus(view, facts)
  if (surplus.length > 0) return { ...base, remove: surplus, uncounted: true, wait: deadline }
  const { create, wait } = planGrowth(view, facts)
  return { ...base, create, wait: earlier(deadline, wait) }
}

export function factsOf({ job, pods, backoff }: View): Facts {
  const { status, spec } = job
  const counted = { succeeded: status.succeeded ?? 0, failed: status.failed ?? 0 }
  const { succeeded: waitingSucceeded = [], failed: waitingFailed = [] } = status.uncountedTerminatedPods ?? {}
  const fresh = pods.filter((pod) => isTracked(pod) && isValid(job, pod))
  const newSucceeded = fresh.filter(
    ({ metadata, status }) => status.phase === 'Succeeded' && !waitingSucceeded.includes(metadata.uid),
  )
  const newFailed = fresh.filter((pod) => isFailed(job, pod) && !waitingFailed.includes(pod.metadata.uid))
  const active = pods.filter(isActive)
  const succeededIndexes = isIndexed(job) ? succeededOf(job, pods) : Indexes.none
  const failedIndexes = limitsEachIndex(job) ? failedOf(job, pods) : undefined
  const charged = newFailed.filter((pod) => !spec.podFailurePolicy || judge(spec, pod).counts)
  const facts = {
    active,
    terminating: pods.filter(isTerminating).length,
    succeeded: isIndexed(job) ? succeededIndexes.size : counted.succeeded + newSucceeded.length + waitingSucceeded.length,
    failed: counted.failed + charged.length + waitingFailed.length,
    succeededIndexes,
    failedIndexes,
    backoff: backoffAfter(backoff, newSucceeded, newFailed),
  }
  return { ...facts, held: failedIndexes ? heldOf({ job, pods }, { ...facts, failedIndexes }) : new Map() }
}

function succeededOf({ spec, status }: Job, pods: readonly Pod[]): Indexes {
  const before = Indexes.parse(status.completedIndexes ?? '', spec.completions ?? 0)
  const valid = pods.filter((pod) => isTracked(pod) && pod.status.phase === 'Succeeded' && isValid({ spec } as Job, pod))
  return before.with(valid.map((pod) => indexOf(pod) as number))
}

function failedOf(job: Job, pods: readonly Pod[]): Indexes {
  const { spec, status } = job
  const before = Indexes.parse(status.failedIndexes ?? '', spec.completions ?? 0)
  const valid = pods.filter((pod) => isTracked(pod) && isFailed(job, pod) && isValid(job, pod))
  const exhausted = valid.filter((pod) => {
    const { action, counts } = judge(spec, pod)
    return action === 'FailIndex' || (counts && failuresBefore(pod).counted >= (spec.backoffLimitPerIndex ?? 0))
  })
  return before.with(exhausted.map((pod) => indexOf(pod) as number))
}

type Settled = Pick<Facts, 'active' | 'succeededIndexes'> & { readonly failedIndexes: Indexes }

function heldOf({ job, pods }: Pick<View, 'job' | 'pods'>, facts: Settled): Map<number, Pod> {
  const running = new Set(facts.active.map(indexOf))
  const held = new Map<number, Pod>()
  const total = (pod: Pod) => failuresBefore(pod).counted + failuresBefore(pod).ignored
  for (const pod of pods.filter((pod) => isTracked(pod) && isFailed(job, pod) && isValid(job, pod))) {
    const index = indexOf(pod) as number
    if (facts.succeededIndexes.has(index) || facts.failedIndexes.has(index) || running.has(index)) continue
    const known = held.get(index)
    if (!known || (total(known) <= total(pod) && finishedAt(pod) >= finishedAt(known))) held.set(index, pod)
  }
  return held
}

/** An ending that is written down stands; otherwise the first of upstream's reasons that holds. */
function planEnding(view: View, facts: Facts): Ending | undefined {
  const { job, pods, now } = view
  const { spec, status } = job
  const known = endingOf(status)
  if (known) return known
  const message = spec.podFailurePolicy && firstMessage(job, pods)
  if (message) return { type: 'FailureTarget', reason: 'PodFailurePolicy', message }
  if (facts.failed > (spec.backoffLimit ?? 6) || restartedTooOften(job, pods)) return failures.backoffLimit
  const { startTime } = status
  const limit = spec.activeDeadlineSeconds
  if (limit !== undefined && startTime && !spec.suspend && now - Date.parse(startTime) >= Number(limit) * 1000) {
    return failures.deadline
  }
  if (facts.failedIndexes) {
    const failed = facts.failedIndexes.size
    if (spec.maxFailedIndexes !== undefined && failed > spec.maxFailedIndexes) return failures.tooManyIndexes
    if (failed > 0 && failed + facts.succeededIndexes.size >= (spec.completions ?? 0)) return failures.indexes
  }
  const met = isIndexed(job) ? successMessage(spec, facts.succeededIndexes) : undefined
  return met === undefined ? undefined : { type: 'SuccessCriteriaMet', reason: 'SuccessPolicy', message: met }
}

function firstMessage(job: Job, pods: readonly Pod[]): string | undefined {
  for (const pod of pods) {
    const { message } = isFailed(job, pod) ? judge(job.spec, pod) : {}
    if (message) return message
  }
  return undefined
}

/** Where containers are restarted in their pod, restarts are what counts. */
function restartedTooOften({ spec }: Job, pods: readonly Pod[]): boolean {
  if (spec.template.spec.restartPolicy !== 'OnFailure') return false
  const running = pods.filter(({ status }) => status.phase === 'Running' || status.phase === 'Pending')
  const statuses = running.flatMap(({ status }) => [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])])
  const restarts = statuses.reduce((sum, { restartCount }) => sum + restartCount, 0)
  const limit = spec.backoffLimit ?? 6
  return limit === 0 ? restarts > 0 : restarts >= limit
}

function secondsToDeadline({ job: { spec, status }, now }: View): number | undefined {
  const limit = spec.activeDeadlineSeconds
  if (limit === undefined) return undefined
  const started = status.startTime ? Date.parse(status.startTime) : now
  return (started + Number(limit) * 1000 - now) / 1000
}

/** How many pods should be active; a Job without completions stops starting pods with the first success. */
export function wantedActive({ spec }: Job, { active, succeeded }: Pick<Facts, 'active' | 'succeeded'>): number {
  const parallelism = spec.parallelism ?? 1
  if (spec.completions === undefined) return succeeded > 0 ? active.length : parallelism
  return Math.max(0, Math.min(parallelism, spec.completions - succeeded))
}

/** Pods of no or the same index, then as many as are too many, first those whose finalizer an earlier visit has removed. */
function planSurplus({ job, now }: View, facts: Facts): readonly Pod[] {
  const { active } = facts
  const least = Math.max(0, active.length - wantedActive(job, facts))
  const { extra, rest } = isIndexed(job) ? duplicates(job, active, now) : { extra: [], rest: active }
  const more = Math.max(0, least - extra.length)
  const begun = rest.filter((pod) => !isTracked(pod)).slice(0, more)
  const others = planDeletion(
    rest.filter((pod) => !begun.includes(pod)),
    more - begun.length,
    { now, related: [] },
  )
  return [...extra, ...begun, ...(more > begun.length ? others : [])].slice(0, burst)
}

function duplicates(job: Job, active: readonly Pod[], now: number): { extra: Pod[]; rest: Pod[] } {
  const byIndex = new Map<number, Pod[]>()
  const extra = active.filter((pod) => !isValid(job, pod))
  for (const pod of active) {
    if (!isValid(job, pod)) continue
    const index = indexOf(pod) as number
    byIndex.set(index, [...(byIndex.get(index) ?? []), pod])
  }
  for (const pods of byIndex.values()) {
    if (pods.length > 1) extra.push(...planDeletion(pods, pods.length - 1, { now, related: [] }))
  }
  return { extra, rest: active.filter((pod) => !extra.includes(pod)) }
}

function planGrowth(view: View, facts: Facts): Pick<JobPlan, 'create' | 'wait'> {
  const { job, now } = view
  const leaving = waitsForEnd(job) ? facts.terminating : 0
  const missing = Math.min(burst, wantedActive(job, facts) - leaving - facts.active.length)
  if (missing <= 0) return { create: [], wait: undefined }
  if (!limitsEachIndex(job)) {
    const pause = pauseLeft(facts.backoff, now)
    if (pause > 0) return { create: [], wait: pause / 1000 }
  }
  if (!isIndexed(job)) return { create: Array.from({ length: missing }, () => undefined), wait: undefined }
  const indexes = freeIndexes(view, facts, missing)
  if (!limitsEachIndex(job)) return { create: indexes, wait: undefined }
  const pauses = new Map(indexes.map((index) => [index, pauseOf(facts.held.get(index), now)]))
  const create = indexes.filter((index) => pauses.get(index) === 0)
  const left = [...pauses.values()].filter((pause) => pause > 0)
  return { create, wait: left.length > 0 ? Math.min(...left) / 1000 : undefined }
}

function freeIndexes({ job, pods }: View, facts: Facts, count: number): readonly number[] {
  const busy = [...facts.active, ...(waitsForEnd(job) ? pods.filter(isTerminating) : [])]
  const taken = facts.succeededIndexes
    .with(busy.map(indexOf).filter((index) => index !== undefined))
    .merge(facts.failedIndexes ?? Indexes.none)
  return taken.missing(count, job.spec.completions ?? 0)
}

function pauseOf(failed: Pod | undefined, now: number): number {
  if (!failed) return 0
  const { counted, ignored } = failuresBefore(failed)
  return pauseLeft({ failures: counted + ignored + 1, lastFailure: finishedAt(failed) }, now)
}

function earlier(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b)
}
