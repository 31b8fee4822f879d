/** CronJob controller: makes Jobs by the clock, and clears away those that have ended. */
import { CronJob, type CronJobStatus } from '#api/batch/v1/cron-job.ts'
import { Job } from '#api/batch/v1/job.ts'
import { isTimeZone } from '#api/batch/v1/time-zone.ts'
import { edit } from '#client/client.ts'
import { formatTime } from '#lib/clock.ts'
import { hasReason } from '#schema/status-error.ts'
import type { Draft } from '#schema/words.ts'
import { holds, isFinished } from '../job/conditions.ts'
import { isNamespaceTerminating, messageOf } from '../pod-control.ts'
import { type Again, type Cluster, defineController } from '../runtime/controller.ts'
import { jobName, planDue, planNext } from './plan.ts'
import { type CronSchedule, parseSchedule, zonedTime } from './schedule.ts'

type CronCluster = Cluster<typeof CronJob | typeof Job, typeof CronJob | typeof Job>

export const cronJobController = defineController({
  name: 'cronjob-controller',
  for: CronJob,
  owns: [Job],
  writes: [Job],

  async reconcile(cronJob, cluster) {
    const jobs = cluster.owned(Job, cronJob)
    const status = edit(cronJob.status)
    try {
      return await run({ cronJob, jobs, status, cluster })
    } finally {
      await clearHistory({ cronJob, jobs, status, cluster })
      await cluster.status(CronJob, cronJob, status)
    }
  },
})

interface Visit {
  readonly cronJob: CronJob
  readonly jobs: readonly Job[]
  /** Changed on the way, and written at the end. */
  readonly status: CronJobStatus
  readonly cluster: CronCluster
}

async function run(visit: Visit): Promise<Again | undefined> {
  const { cronJob, cluster } = visit
  await syncActive(visit)
  if (cronJob.metadata.deletionTimestamp) return
  const { timeZone, suspend } = cronJob.spec
  if (timeZone !== undefined && !isTimeZone(timeZone)) {
    return warn(visit, 'UnknownTimeZone', `invalid timeZone: ${JSON.stringify(timeZone)}: unknown time zone ${timeZone}`)
  }
  if (suspend) return
  const schedule = scheduleOf(visit)
  if (!schedule) return
  const now = cluster.clock.now()
  const due = planDue(cronJob, schedule, now)
  if (!due) {
    const why = 'time difference between two schedules is less than 1 second'
    return warn(visit, 'InvalidSchedule', `invalid schedule: ${cronJob.spec.schedule} : ${why}`)
  }
  if (due.time !== undefined) {
    const advice = 'Set or decrease .spec.startingDeadlineSeconds or check clock skew'
    if (due.tooManyMissed) warn(visit, 'TooManyMissedTimes', `too many missed start times. ${advice}`)
    if (mayStart(visit, due.time)) await start(visit, due.time)
  }
  const next = planNext({ ...cronJob, status: visit.status }, schedule, now)
  return next === undefined ? undefined : { after: next / 1000 }
}

function scheduleOf(visit: Visit): CronSchedule | undefined {
  const { schedule, timeZone } = visit.cronJob.spec
  if (schedule.includes('TZ')) {
    const page = 'https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/'
    const message = `CRON_TZ or TZ used in schedule ${JSON.stringify(schedule)} is not officially supported, see ${page} for more details`
    warn(visit, 'UnsupportedSchedule', message)
  }
  try {
    return parseSchedule(schedule, timeZone)
  } catch (error) {
    warn(visit, 'UnparseableSchedule', `unparseable schedule: ${JSON.stringify(schedule)} : ${messageOf(error)}`)
    return undefined
  }
}

/** Brings the list of running jobs in line with the jobs that there are. */
async function syncActive(visit: Visit): Promise<void> {
  const { cronJob, jobs, status, cluster } = visit
  for (const job of jobs) {
    const { uid, name } = job.metadata
    const listed = status.active?.some((active) => active.uid === uid)
    if (!listed && !isFinished(job.status)) {
      warn(visit, 'UnexpectedJob', `Saw a job that the controller did not create or forgot: ${name}`)
    } else if (listed && isFinished(job.status)) {
      drop(status, uid)
      const end = holds(job.status, 'Complete') ? 'Complete' : 'Failed'
      tell(visit, 'SawCompletedJob', `Saw completed job: ${name}, condition: ${end}`)
    }
    const { completionTime } = job.status
    if (holds(job.status, 'Complete') && completionTime && completionTime > (status.lastSuccessfulTime ?? '')) {
      status.lastSuccessfulTime = completionTime
    }
  }
  const children = new Set(jobs.map(({ metadata }) => metadata.uid))
  for (const { name = '', uid = '' } of (status.active ?? []).filter(({ uid = '' }) => !children.has(uid))) {
    if (await cluster.live.get(Job, { name, namespace: cronJob.metadata.namespace }).catch(unlessAbsent)) continue
    tell(visit, 'MissingJob', `Active job went missing: ${name}`)
    drop(status, uid)
  }
}

function unlessAbsent(error: unknown): undefined {
  if (!hasReason(error, 'NotFound')) throw error
}

function mayStart(visit: Visit, time: number): boolean {
  const { cronJob, status, cluster } = visit
  const { startingDeadlineSeconds: deadline, concurrencyPolicy } = cronJob.spec
  if (deadline !== undefined && time + Number(deadline) * 1000 < cluster.clock.now()) {
    // RFC 1123, as Go prints it for UTC.
    const shown = new Date(time).toUTCString().replace('GMT', 'UTC')
    warn(visit, 'MissSchedule', `Missed scheduled time to start a job: ${shown}`)
    return false
  }
  const isDone = status.lastScheduleTime !== undefined && Date.parse(status.lastScheduleTime) === time
  if (isDone || status.active?.some(({ name }) => name === jobName(cronJob, time))) return false
  if (concurrencyPolicy !== 'Forbid' || (status.active ?? []).length === 0) return true
  const message = 'Not starting job because prior execution is running and concurrency policy is Forbid'
  tell(visit, 'JobAlreadyActive', message)
  return false
}

async function start(visit: Visit, time: number): Promise<void> {
  const { cronJob, status, cluster } = visit
  if (cronJob.spec.concurrencyPolicy === 'Replace') await replaceActive(visit)
  const job = await createJob(visit, time)
  if (!job || status.active?.some(({ uid }) => uid === job.metadata.uid)) return
  const { name, namespace, uid, resourceVersion } = job.metadata
  const reference = { kind: 'Job', namespace, name, uid, apiVersion: 'batch/v1', resourceVersion }
  status.active = [...(status.active ?? []), reference as NonNullable<CronJobStatus['active']>[number]]
  status.lastScheduleTime = formatTime(time)

  async function replaceActive({ status, cronJob }: Visit): Promise<void> {
    for (const { name = '' } of [...(status.active ?? [])]) {
      const at = { name, namespace: cronJob.metadata.namespace }
      const running = cluster.get(Job, at) ?? (await cluster.live.get(Job, at))
      await remove(visit, running)
    }
  }
}

/** The job of that time: made now, or by an earlier visit that did not get to say so; undefined where it is not ours. */
async function createJob(visit: Visit, time: number): Promise<Job | undefined> {
  const { cronJob, cluster } = visit
  const draft = jobFor(cronJob, time)
  try {
    const job = await cluster.create(Job, draft, cronJob)
    tell(visit, 'SuccessfulCreate', `Created job ${job.metadata.name}`)
    return job
  } catch (error) {
    if (hasReason(error, 'AlreadyExists')) {
      const at = { name: jobName(cronJob, time), namespace: cronJob.metadata.namespace }
      const job = await cluster.live.get(Job, at)
      const controller = job.metadata.ownerReferences?.find((owner) => owner.controller)
      return controller?.uid === cronJob.metadata.uid ? job : undefined
    }
    if (!isNamespaceTerminating(error)) warn(visit, 'FailedCreate', `Error creating job: ${messageOf(error)}`)
    throw error
  }
}

export function jobFor(cronJob: CronJob, time: number): Draft<Job> {
  const { metadata, spec } = cronJob.spec.jobTemplate
  const scheduled = { 'batch.kubernetes.io/cronjob-scheduled-timestamp': zonedTime(time, cronJob.spec.timeZone) }
  return {
    metadata: {
      name: jobName(cronJob, time),
      ...(metadata.labels && { labels: metadata.labels }),
      annotations: { ...metadata.annotations, ...scheduled },
    },
    spec: spec as Draft<Job>['spec'],
  }
}

async function clearHistory(visit: Visit): Promise<void> {
  const { cronJob, jobs } = visit
  const { successfulJobsHistoryLimit, failedJobsHistoryLimit } = cronJob.spec
  const limits = [
    { limit: successfulJobsHistoryLimit, ended: jobs.filter(({ status }) => holds(status, 'Complete')) },
    { limit: failedJobsHistoryLimit, ended: jobs.filter(({ status }) => holds(status, 'Failed')) },
  ]
  for (const { limit, ended } of limits) {
    if (limit === undefined) continue
    const oldest = ended.toSorted(startedFirst).slice(0, Math.max(0, ended.length - limit))
    // What cannot be deleted now is tried again at the next visit.
    for (const job of oldest) await remove(visit, job).catch(visit.cluster.onError)
  }
}

function startedFirst(a: Job, b: Job): number {
  const [first, second] = [a.status.startTime ?? '~', b.status.startTime ?? '~']
  if (first !== second) return first < second ? -1 : 1
  return a.metadata.name < b.metadata.name ? -1 : 1
}

async function remove(visit: Visit, job: Job): Promise<void> {
  const { name, uid } = job.metadata
  try {
    await visit.cluster.delete(Job, job, { propagationPolicy: 'Background' })
  } catch (error) {
    warn(visit, 'FailedDelete', `Deleted job: ${messageOf(error)}`)
    throw error
  }
  drop(visit.status, uid)
  tell(visit, 'SuccessfulDelete', `Deleted job ${name}`)
}

function drop(status: CronJobStatus, uid: string): void {
  status.active = (status.active ?? []).filter((active) => active.uid !== uid)
}

function tell({ cluster, cronJob }: Visit, reason: string, message: string): undefined {
  cluster.event(cronJob, { type: 'Normal', reason, message })
}

function warn({ cluster, cronJob }: Visit, reason: string, message: string): undefined {
  cluster.event(cronJob, { type: 'Warning', reason, message })
}
