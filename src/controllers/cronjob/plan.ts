/** Which run of a CronJob is due, and when to look again (`cronjob/utils.go`). */
import type { CronJob } from '#api/batch/v1/cron-job.ts'
import type { CronSchedule } from './schedule.ts'

/** So that a visit that time brings about is never a little early. */
const delay = 100

export interface Due {
  /** The latest time that has come and was not run; undefined where there is none. */
  readonly time: number | undefined
  readonly tooManyMissed: boolean
}

/** So many missed runs say that something is wrong with a clock or a deadline. */
const suspicious = 100

interface Recent extends Due {
  readonly earliest: number
  readonly missed: number
}

/** Undefined where the times of the schedule never come, or never come again. */
export function planDue(job: CronJob, schedule: CronSchedule, now: number): Due | undefined {
  return recentOf(job, schedule, { now, heedDeadline: true })
}

/** Milliseconds until the next run. */
export function planNext(job: CronJob, schedule: CronSchedule, now: number): number | undefined {
  const recent = recentOf(job, schedule, { now, heedDeadline: false })
  const from = recent ? (recent.time ?? (recent.missed > 0 ? now : recent.earliest)) : now
  const next = schedule.next(from)
  return next === undefined ? undefined : next + delay - now
}

function recentOf(
  { metadata, spec, status }: CronJob,
  schedule: CronSchedule,
  { now, heedDeadline }: { now: number; heedDeadline: boolean },
): Recent | undefined {
  const last = Date.parse(status.lastScheduleTime ?? metadata.creationTimestamp)
  const deadline = spec.startingDeadlineSeconds
  const earliest = heedDeadline && deadline !== undefined ? Math.max(last, now - Number(deadline) * 1000) : last
  const first = schedule.next(earliest)
  const second = first === undefined ? undefined : schedule.next(first)
  if (first === undefined || second === undefined) return undefined
  if (now < first) return { time: undefined, tooManyMissed: false, earliest, missed: 0 }
  if (now < second) return { time: first, tooManyMissed: false, earliest, missed: 0 }
  const interval = Math.round((second - first) / 1000)
  // A rough count: intervals need not be alike. From one before the last of them the schedule itself finds the time.
  const missed = Math.floor(Math.floor((now - first) / 1000) / interval) + 1
  let time: number | undefined
  const start = schedule.next(first + (missed - 2) * interval * 1000)
  for (let at = start; at !== undefined && at <= now; at = schedule.next(at)) time = at
  return { time, tooManyMissed: missed > suspicious, earliest, missed }
}

/** The name says for which minute the job is, so that no two are made for one. */
export function jobName({ metadata }: CronJob, time: number): string {
  return `${metadata.name}-${Math.floor(time / 60_000)}`
}
