/** Job controller: runs pods until enough of them have succeeded, or too many have failed. */
import { Job } from '#api/batch/v1/job.ts'
import type { JobStatus } from '#api/batch/v1/job-status.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { selecting, selects } from '#api/meta/v1/label-selector.ts'
import { type Ref, refOf } from '#client/client.ts'
import { keyOf } from '#client/indexed-store.ts'
import { formatTime } from '#lib/clock.ts'
import { formatLabelSelector } from '#schema/selector.ts'
import { hasReason } from '#schema/status-error.ts'
import { claimObjects } from '../claim.ts'
import { createPods, deletePods } from '../pod-control.ts'
import { isFinished as hasEnded, isReady } from '../pod-state.ts'
import { type Again, type Caches, type Cluster, type Controller, defineController } from '../runtime/controller.ts'
import { type Backoff, backoffAfter, noBackoff } from './backoff.ts'
import { completed, type Ending, isFinished, withCondition } from './conditions.ts'
import { type JobPlan, planJob, type View } from './plan.ts'
import { isFailed, isTracked, isValid, jobPod, trackingFinalizer } from './pods.ts'
import { countLost, finished, planTracking } from './tracking.ts'

type JobCluster = Cluster<typeof Job | typeof Pod, typeof Job | typeof Pod>

/** Of this process: after a restart it is estimated from the pods that are still there. */
type Backoffs = Map<string, { readonly uid: string; readonly backoff: Backoff }>

export function jobController(): Controller {
  const backoffs: Backoffs = new Map()
  return defineController({
    name: 'job-controller',
    for: Job,
    owns: [Pod],
    writes: [Pod],
    watches: [{ kind: Pod, visits: (pod: Pod, caches) => adoptersOf(pod, caches as Caches<typeof Job>) }],

    async reconcile(job, cluster) {
      if (isElsewhere(job)) return
      if (!isFinished(job.status)) return sync(job, cluster, backoffs)
      backoffs.delete(keyOf(job.metadata))
    },

    async reconcileAbsent(at) {
      backoffs.delete(keyOf(at))
    },
  })
}

/** Somebody else has taken the Job on (KEP-4368). */
export function isElsewhere({ spec }: Job): boolean {
  return spec.managedBy !== undefined && spec.managedBy !== 'kubernetes.io/job-controller'
}

async function sync(cached: Job, cluster: JobCluster, backoffs: Backoffs): Promise<Again | undefined> {
  const now = cluster.clock.now()
  const startTime = cached.status.startTime ?? (cached.spec.suspend ? undefined : formatTime(now))
  const job = { ...cached, status: { ...cached.status, ...(startTime && { startTime }) } }
  const pods = await claimPods(job, cluster)
  const view = { job, pods, now, backoff: backoffOf(job, pods, backoffs) }
  const plan = planJob(view)
  const deeds = await act(view, plan, cluster)
  await track(view, { plan, deeds, cluster, backoffs })
  if (deeds.failure) throw deeds.failure.error
  return plan.wait === undefined ? undefined : { after: plan.wait }
}

function backoffOf(job: Job, pods: readonly Pod[], backoffs: Backoffs): Backoff {
  const known = backoffs.get(keyOf(job.metadata))
  if (known?.uid === job.metadata.uid) return known.backoff
  const counted = pods.filter((pod) => !isTracked(pod) && hasEnded(pod) && isValid(job, pod))
  const succeeded = counted.filter(({ status }) => status.phase === 'Succeeded')
  return backoffAfter(
    noBackoff,
    succeeded,
    counted.filter((pod) => isFailed(job, pod)),
  )
}

async function claimPods(job: Job, cluster: JobCluster): Promise<readonly Pod[]> {
  const objects = [...cluster.owned(Pod, job), ...cluster.orphans(Pod, job.metadata.namespace ?? '')]
  const isSelected = selecting(job.spec.selector)
  const matches = ({ metadata }: Pod) => isSelected(metadata.labels)
  return claimObjects(cluster, job, { kind: Pod, ownerKind: Job, objects, matches, finalizer: trackingFinalizer })
}

interface Deeds {
  readonly created: number
  readonly removed: readonly Pod[]
  readonly failure?: { readonly error: unknown } | undefined
}

async function act(view: View, plan: JobPlan, cluster: JobCluster): Promise<Deeds> {
  const { job } = view
  const before = new Set(view.pods.map(({ metadata }) => metadata.uid))
  let failure: Deeds['failure']
  try {
    if (plan.uncounted) await Promise.all(plan.remove.map((pod) => release(cluster, pod)))
    await deletePods(cluster, job, plan.remove)
    await createPods(
      cluster,
      job,
      plan.create.map((index) => jobPod(job, index, index === undefined ? undefined : plan.facts.held.get(index))),
    )
  } catch (error) {
    failure = { error }
  }
  const created = cluster.owned(Pod, job).filter(({ metadata }) => !before.has(metadata.uid)).length
  const removed = plan.remove.filter((pod) => {
    const left = cluster.get(Pod, pod.metadata)
    return left?.metadata.uid !== pod.metadata.uid || left.metadata.deletionTimestamp
  })
  return { created, removed, failure }
}

interface ToTrack {
  readonly plan: JobPlan
  readonly deeds: Deeds
  readonly cluster: JobCluster
  readonly backoffs: Backoffs
}

/** The order of the writes is what makes each pod count once: list, finalizers, counters. */
async function track(view: View, { plan, deeds, cluster, backoffs }: ToTrack): Promise<void> {
  const { now } = view
  const active = plan.facts.active.length + deeds.created - deeds.removed.length
  const allGone = deeds.removed.length === plan.remove.length
  const ending = plan.ending ? (allGone ? plan.ending : undefined) : isComplete(view.job, plan, active) ? completed : undefined
  const { status, told } = withSuspension(view.job, plan, { now, ended: ending !== undefined })
  const counts = {
    active,
    ready: [...plan.facts.active].filter((pod) => isReady(pod) && !deeds.removed.includes(pod)).length,
    terminating: plan.facts.terminating + deeds.removed.length,
  }
  const job = { ...view.job, status: { ...status, ...counts } }
  const known = await withUnseen({ ...view, job }, cluster)
  const tracking = planTracking(known, plan.facts, ending)
  const listed = await write(cluster, job, tracking.status)
  backoffs.set(keyOf(job.metadata), { uid: job.metadata.uid, backoff: plan.facts.backoff })
  if (told) cluster.event(job, { type: 'Normal', ...told })
  const { left, error } = await releaseAll(known.pods, tracking.release, cluster)
  const counted = countLost(listed.status, left)
  const last = error || tracking.partial ? undefined : finished(counted, ending, now)
  const final = await write(cluster, listed, last ?? counted)
  if (last) announce(final, ending as Ending, cluster)
  if (error) throw error
}

/** Conflicts are the next visit's: what was counted here was counted from the state that is written to. */
function write(cluster: JobCluster, job: Job, status: JobStatus): Promise<Job> {
  return cluster.status(Job, job, status, { onlyOnto: job.metadata.resourceVersion })
}

function isComplete({ spec }: Job, { facts, ending }: JobPlan, active: number): boolean {
  if (ending || active > 0) return false
  if (spec.completions === undefined) return facts.succeeded > 0
  return facts.succeeded >= spec.completions
}

/** Time that a Job was suspended does not count towards its deadline. */
function withSuspension(
  { metadata, spec, status }: Job,
  { ending }: JobPlan,
  { now, ended }: { now: number; ended: boolean },
): { status: JobStatus; told?: { reason: string; message: string } } {
  if (ended || ending || metadata.deletionTimestamp) return { status }
  const suspended = { type: 'Suspended', status: 'True', reason: 'JobSuspended', message: 'Job suspended' } as const
  const resumed = { type: 'Suspended', status: 'False', reason: 'JobResumed', message: 'Job resumed' } as const
  const conditions = withCondition(status.conditions, spec.suspend ? suspended : resumed, now)
  if (!conditions) return { status }
  if (spec.suspend) return { status: { ...status, conditions }, told: { reason: 'Suspended', message: 'Job suspended' } }
  const startTime = formatTime(now)
  return { status: { ...status, conditions, startTime }, told: { reason: 'Resumed', message: 'Job resumed' } }
}

/**
 * A pod that is on the lists and in no cache may be one that this cache has not seen yet, after a change of leader: whether
 * it still has its finalizer must then be asked.
 */
async function withUnseen(view: View, cluster: JobCluster): Promise<View> {
  const { job, pods } = view
  const { succeeded = [], failed = [] } = job.status.uncountedTerminatedPods ?? {}
  const seen = new Set(pods.map(({ metadata }) => metadata.uid))
  const unseen = [...succeeded, ...failed].filter((uid) => !seen.has(uid))
  if (unseen.length === 0) return view
  const labelSelector = formatLabelSelector(job.spec.selector)
  const { items } = await cluster.live.list(Pod, { namespace: job.metadata.namespace, labelSelector })
  return { ...view, pods: [...pods, ...items.filter(({ metadata }) => unseen.includes(metadata.uid))] }
}

/** UIDs of the pods that are tracked afterwards, and the first failure. */
async function releaseAll(
  pods: readonly Pod[],
  targets: readonly Pod[],
  cluster: JobCluster,
): Promise<{ left: ReadonlySet<string>; error?: unknown }> {
  const left = new Set(pods.filter(isTracked).map(({ metadata }) => metadata.uid))
  const results = await Promise.allSettled(
    targets.map(async (pod) => {
      await release(cluster, pod)
      left.delete(pod.metadata.uid)
    }),
  )
  const failure = results.find((result) => result.status === 'rejected')
  return { left, ...(failure && { error: failure.reason }) }
}

/** A pod that is gone has no finalizer. */
export async function release(cluster: Cluster<typeof Pod, typeof Pod>, pod: Pod): Promise<void> {
  if (!isTracked(pod)) return
  const body = { metadata: { '$deleteFromPrimitiveList/finalizers': [trackingFinalizer] } }
  try {
    await cluster.patch(Pod, pod, { type: 'strategic', body })
  } catch (error) {
    if (!hasReason(error, 'NotFound')) throw error
  }
}

function announce(job: Job, { type, reason, message }: Ending, cluster: JobCluster): void {
  if (type === 'FailureTarget') {
    cluster.event(job, { type: 'Warning', reason, message })
    return
  }
  if (job.spec.completions !== undefined && (job.status.succeeded ?? 0) > job.spec.completions) {
    const tooMany = 'Too many succeeded pods running after completion count reached'
    cluster.event(job, { type: 'Warning', reason: 'TooManySucceededPods', message: tooMany })
  }
  cluster.event(job, { type: 'Normal', reason: 'Completed', message: 'Job completed' })
}

/** Who might adopt a pod that nobody controls. */
function adoptersOf({ metadata }: Pod, caches: Caches<typeof Job>): readonly Ref[] {
  if (metadata.ownerReferences?.some(({ controller }) => controller)) return []
  return caches
    .list(Job, { namespace: metadata.namespace })
    .filter(({ spec }) => selects(spec.selector, metadata.labels))
    .map(refOf)
}
