/**
 * Counting a Job's pods exactly once, although pods and status cannot be written together (KEP-2307): a pod that has ended goes
 * on a list in the status, then loses its finalizer, then goes from the list into a counter. Whoever stops in between leaves
 * enough for the next to go on. Of an Indexed Job the list of completed indexes is memory enough.
 */
import type { Job } from '#api/batch/v1/job.ts'
import type { JobStatus } from '#api/batch/v1/job-status.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { formatTime } from '#lib/clock.ts'
import { type Ending, withCondition } from './conditions.ts'
import { indexOf } from './indexes.ts'
import type { Facts, View } from './plan.ts'
import { isFailed, isIndexed, isTracked, isValid, limitsEachIndex } from './pods.ts'
import { judge } from './policies.ts'

/** Keeps the status small, and the visit short. */
const mostUncounted = 500

export interface Tracking {
  /** To be written before any finalizer goes. */
  readonly status: JobStatus
  /** Pods that may then lose their finalizer. */
  readonly release: readonly Pod[]
  /** There were more than one visit deals with. */
  readonly partial: boolean
}

/** `view.job.status` carries what the visit has found out besides counts. `ending` is absent while its pods are not all deleted. */
export function planTracking(view: View, facts: Facts, ending: Ending | undefined): Tracking {
  const { job, pods } = view
  const tracked = pods.filter(isTracked)
  const status = countLost(job.status, new Set(tracked.map(({ metadata }) => metadata.uid)))
  const listed = {
    succeeded: [...(status.uncountedTerminatedPods?.succeeded ?? [])],
    failed: [...(status.uncountedTerminatedPods?.failed ?? [])],
  }
  const release: Pod[] = []
  const indexes: number[] = []
  let partial = false
  for (const pod of isIndexed(job) ? tracked.toSorted(byIndex) : tracked) {
    if (!isReleasable(job, pod, { facts, ending })) continue
    release.push(pod)
    list(job, pod, { listed, indexes, ending })
    partial = indexes.length + listed.succeeded.length + listed.failed.length >= mostUncounted
    if (partial) break
  }
  const counted = isIndexed(job) ? withIndexes(status, facts, job) : status
  const next = { ...counted, uncountedTerminatedPods: listed }
  return { status: withEnding(next, ending, view.now), release, partial }
}

function byIndex(a: Pod, b: Pod): number {
  return (indexOf(a) ?? -1) - (indexOf(b) ?? -1)
}

interface Lists {
  readonly listed: { readonly succeeded: string[]; readonly failed: string[] }
  /** Indexes that succeed with this visit. */
  readonly indexes: number[]
  readonly ending: Ending | undefined
}

/** Once a Job has failed, pods that were still running count as failed. */
function list(job: Job, pod: Pod, { listed, indexes, ending }: Lists): void {
  const { uid } = pod.metadata
  if (!isValid(job, pod) || listed.failed.includes(uid) || listed.succeeded.includes(uid)) return
  if (pod.status.phase === 'Succeeded') {
    if (isIndexed(job)) indexes.push(indexOf(pod) as number)
    else listed.succeeded.push(uid)
  } else if (isFailed(job, pod) || ending?.type === 'FailureTarget') {
    if (!job.spec.podFailurePolicy || judge(job.spec, pod).counts) listed.failed.push(uid)
  }
}

function isReleasable(job: Job, pod: Pod, { facts, ending }: { facts: Facts; ending: Ending | undefined }): boolean {
  if (job.metadata.deletionTimestamp || ending || pod.status.phase === 'Succeeded') return true
  if (!isFailed(job, pod)) return false
  const index = indexOf(pod)
  return !(limitsEachIndex(job) && index !== undefined && facts.held.get(index)?.metadata.uid === pod.metadata.uid)
}

function withIndexes(status: JobStatus, facts: Facts, job: Job): JobStatus {
  return {
    ...status,
    succeeded: facts.succeededIndexes.size,
    completedIndexes: facts.succeededIndexes.toString(),
    ...(limitsEachIndex(job) && { failedIndexes: facts.failedIndexes?.toString() ?? '' }),
  }
}

function withEnding(status: JobStatus, ending: Ending | undefined, now: number): JobStatus {
  const conditions = ending && withCondition(status.conditions, { ...ending, status: 'True' }, now)
  return conditions ? { ...status, conditions } : status
}

/** Pods on the lists that have lost their finalizer become numbers. */
export function countLost(status: JobStatus, tracked: ReadonlySet<string>): JobStatus {
  const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {}
  const still = { succeeded: succeeded.filter((uid) => tracked.has(uid)), failed: failed.filter((uid) => tracked.has(uid)) }
  return {
    ...status,
    succeeded: (status.succeeded ?? 0) + succeeded.length - still.succeeded.length,
    failed: (status.failed ?? 0) + failed.length - still.failed.length,
    uncountedTerminatedPods: still,
  }
}

/** The status with the final condition, once nothing is left to be counted and no pod is on its way out. */
export function finished(status: JobStatus, ending: Ending | undefined, now: number): JobStatus | undefined {
  const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {}
  if (!ending || succeeded.length + failed.length > 0 || (status.terminating ?? 0) > 0) return undefined
  const type = ending.type === 'FailureTarget' ? 'Failed' : 'Complete'
  const { reason, message } = ending
  const conditions = withCondition(status.conditions, { type, status: 'True', reason, message }, now)
  if (!conditions) return undefined
  return { ...status, conditions, ...(type === 'Complete' && { completionTime: formatTime(now) }) }
}
