/** Conditions of a Job, with the reasons and messages that upstream gives them. */
import type { JobCondition, JobStatus } from '#api/batch/v1/job-status.ts'
import { formatTime } from '#lib/clock.ts'

type Type = 'Complete' | 'Failed' | 'FailureTarget' | 'SuccessCriteriaMet' | 'Suspended'

export function conditionOf({ conditions = [] }: JobStatus, type: Type): JobCondition | undefined {
  return conditions.find((condition) => condition.type === type)
}

export function holds(status: JobStatus, type: Type): boolean {
  return conditionOf(status, type)?.status === 'True'
}

export function isFinished(status: JobStatus): boolean {
  return holds(status, 'Complete') || holds(status, 'Failed')
}

export interface Told {
  readonly reason: string
  readonly message: string
}

/** Why a Job ends. It takes its final condition when all pods are counted and gone. */
export interface Ending extends Told {
  readonly type: 'FailureTarget' | 'SuccessCriteriaMet'
}

export const completed: Ending = {
  type: 'SuccessCriteriaMet',
  reason: 'CompletionsReached',
  message: 'Reached expected number of succeeded pods',
}

export const failures = {
  backoffLimit: { type: 'FailureTarget', reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit' },
  deadline: { type: 'FailureTarget', reason: 'DeadlineExceeded', message: 'Job was active longer than specified deadline' },
  tooManyIndexes: {
    type: 'FailureTarget',
    reason: 'MaxFailedIndexesExceeded',
    message: 'Job has exceeded the specified maximal number of failed indexes',
  },
  indexes: { type: 'FailureTarget', reason: 'FailedIndexes', message: 'Job has failed indexes' },
} as const satisfies Record<string, Ending>

/** The ending that an earlier visit has written down. */
export function endingOf(status: JobStatus): Ending | undefined {
  for (const type of ['SuccessCriteriaMet', 'FailureTarget'] as const) {
    const found = conditionOf(status, type)
    if (found?.status === 'True') return { type, reason: found.reason ?? '', message: found.message ?? '' }
  }
  return undefined
}

/** The list with the condition; undefined where it says so already, or would say no to something never said. */
export function withCondition(
  list: readonly JobCondition[] | undefined,
  { type, status, reason, message }: Told & { readonly type: Type; readonly status: 'True' | 'False' },
  now: number,
): JobCondition[] | undefined {
  const time = formatTime(now)
  const next = { type, status, lastProbeTime: time, lastTransitionTime: time, reason, message }
  const known = list?.find((condition) => condition.type === type)
  if (!known) return status === 'True' ? [...(list ?? []), next] : undefined
  if (known.status === status && (known.reason ?? '') === reason && (known.message ?? '') === message) return undefined
  return (list ?? []).map((condition) => (condition === known ? next : condition))
}
