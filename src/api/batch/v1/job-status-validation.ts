/** Rules for the status of jobs (upstream `validateJobStatus`, `ValidateJobStatusUpdate`, `getStatusValidationOptions`). */
import type { JobParts } from '#api/batch/v1/job.ts'
import { hasCondition } from '#api/batch/v1/job-columns.ts'
import { omitted } from '#api/batch/v1/job-failure-policy.ts'
import { overlapOf, parseIndexes } from '#api/batch/v1/job-indexes.ts'
import { nonNegative } from '#api/core/v1/validation/checks.ts'
import { semanticEqual } from '#schema/equal.ts'
import type { FieldError, Path } from '#schema/field-error.ts'

/** Stricter than upstream in one thing: of what was wrong before, only indexes that did not change are borne. */
export function validateJobStatusUpdate(job: JobParts, old: JobParts, at: Path): FieldError[] {
  const here = at.child('status')
  const { status } = job
  const counts = ['active', 'succeeded', 'failed', 'ready', 'terminating'] as const
  return [
    ...counts.flatMap((name) => nonNegative(status[name], here.child(name))),
    ...uncountedErrors(job, here.child('uncountedTerminatedPods')),
    ...conditionErrors(job, here),
    ...timeErrors(job, old, here),
    ...finishedErrors(job, here),
    ...indexErrors(job, old, here),
    ...changeErrors(job, old, here),
  ]
}

function uncountedErrors({ status }: JobParts, at: Path): FieldError[] {
  const seen = new Set<string>()
  return (['succeeded', 'failed'] as const).flatMap((list) =>
    (status.uncountedTerminatedPods?.[list] ?? []).flatMap((uid, index) => {
      const here = at.child(list).index(index)
      if (uid === '') return [here.invalid(uid, 'must not be empty')]
      if (seen.has(uid)) return [here.duplicate(uid)]
      seen.add(uid)
      return []
    }),
  )
}

function conditionErrors({ spec, status }: JobParts, at: Path): FieldError[] {
  const here = at.child('conditions')
  const has = (type: string) => hasCondition(status, type)
  const rules: readonly (readonly [boolean, string])[] = [
    [has('Complete') && has('Failed'), 'cannot set Complete=True and Failed=true conditions'],
    [has('Complete') && has('FailureTarget'), 'cannot set Complete=True and FailureTarget=true conditions'],
    [has('Failed') && !has('FailureTarget'), 'cannot set Failed=True condition without the FailureTarget=true condition'],
    [
      has('Complete') && !has('SuccessCriteriaMet'),
      'cannot set Complete=True condition without the SuccessCriteriaMet=true condition',
    ],
    [has('SuccessCriteriaMet') && has('Failed'), 'cannot set SuccessCriteriaMet=True and Failed=true conditions'],
    [has('SuccessCriteriaMet') && has('FailureTarget'), 'cannot set SuccessCriteriaMet=True and FailureTarget=true conditions'],
    [
      spec.successPolicy !== undefined && has('Complete') && !has('SuccessCriteriaMet'),
      'cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True',
    ],
  ]
  return rules.flatMap(([isBroken, message]) => (isBroken ? [omitted(here, message)] : []))
}

function timeErrors({ status, spec }: JobParts, old: JobParts, at: Path): FieldError[] {
  const { startTime, completionTime } = status
  const isComplete = hasCondition(status, 'Complete')
  const isFinished = isComplete || hasCondition(status, 'Failed')
  const here = at.child('completionTime')
  const errors: FieldError[] = []
  if (completionTime !== undefined && !isComplete) {
    errors.push(here.invalid(completionTime, 'cannot set completionTime when there is no Complete=True condition'))
  }
  if (completionTime === undefined && isComplete) errors.push(here.required('completionTime is required for Complete jobs'))
  if (startTime !== undefined && completionTime !== undefined && Date.parse(completionTime) < Date.parse(startTime)) {
    errors.push(here.invalid(completionTime, 'must be equal to or after `startTime`'))
  }
  const startAt = at.child('startTime')
  if (startTime === undefined && isFinished) errors.push(startAt.required('startTime is required for finished job'))
  const { startTime: started, completionTime: completed } = old.status
  if (completionTime !== undefined && completed !== undefined && completionTime !== completed) {
    errors.push(here.invalid(completionTime, 'field is immutable'))
  }
  const isResumed = hasCondition(old.status, 'Suspended') && !hasCondition(status, 'Suspended')
  if (started !== undefined && started !== startTime && !spec.suspend && !isResumed) {
    errors.push(startAt.required('startTime cannot be removed for unsuspended job'))
  }
  return errors
}

function finishedErrors({ status }: JobParts, at: Path): FieldError[] {
  const { active = 0, terminating = 0, ready = 0, uncountedTerminatedPods: uncounted } = status
  const errors: FieldError[] = []
  if (ready > active) errors.push(at.child('ready').invalid(ready, 'cannot set more ready pods than active'))
  if (!hasCondition(status, 'Complete') && !hasCondition(status, 'Failed')) return errors
  if (active > 0) errors.push(at.child('active').invalid(active, 'active>0 is invalid for finished job'))
  if ((uncounted?.succeeded?.length ?? 0) + (uncounted?.failed?.length ?? 0) > 0) {
    const shown = { Succeeded: uncounted?.succeeded ?? null, Failed: uncounted?.failed ?? null }
    errors.push(at.child('uncountedTerminatedPods').invalid(shown, 'must be empty for finished job'))
  }
  if (terminating > 0) errors.push(at.child('terminating').invalid(terminating, 'terminating>0 is invalid for finished job'))
  return errors
}

function indexErrors({ spec, status }: JobParts, old: JobParts, at: Path): FieldError[] {
  const { completedIndexes = '', failedIndexes } = status
  const isSame = completedIndexes === (old.status.completedIndexes ?? '') && failedIndexes === old.status.failedIndexes
  if (isSame && semanticEqual(spec, old.spec)) return []
  const [completedAt, failedAt] = [at.child('completedIndexes'), at.child('failedIndexes')]
  const errors: FieldError[] = []
  const { completions, completionMode, backoffLimitPerIndex } = spec
  if (completions !== undefined) {
    const parsed = parseIndexes(completedIndexes, completions)
    if ('error' in parsed) errors.push(completedAt.invalid(completedIndexes, `error parsing completedIndexes: ${parsed.error}`))
    const failed = parseIndexes(failedIndexes ?? '', completions)
    if (backoffLimitPerIndex !== undefined && 'error' in failed) {
      errors.push(failedAt.invalid(failedIndexes, `error parsing failedIndexes: ${failed.error}`))
    }
  }
  if (completedIndexes !== '' && completionMode !== 'Indexed') {
    const message = 'cannot set non-empty completedIndexes when non-indexed completion mode'
    errors.push(completedAt.invalid(completedIndexes, message))
  }
  if (failedIndexes === undefined) return errors
  if (backoffLimitPerIndex === undefined) {
    errors.push(failedAt.invalid(failedIndexes, 'cannot set non-null failedIndexes when backoffLimitPerIndex is null'))
  }
  const overlap = completions === undefined ? undefined : overlapOf(completedIndexes, failedIndexes, completions)
  if (overlap !== undefined) {
    errors.push(failedAt.invalid(failedIndexes, `failedIndexes and completedIndexes overlap at index: ${overlap}`))
  }
  return errors
}

function changeErrors({ status }: JobParts, { status: old }: JobParts, at: Path): FieldError[] {
  const here = at.child('conditions')
  const [failed = 0, succeeded = 0] = [status.failed, status.succeeded]
  const terminal = ['Failed', 'Complete', 'FailureTarget'].filter(
    (type) => hasCondition(old, type) && !hasCondition(status, type),
  )
  const errors = terminal.map((type) => omitted(here, `cannot disable the terminal ${type}=True condition`))
  if (failed < (old.failed ?? 0)) errors.push(at.child('failed').invalid(failed, 'cannot decrease the failed counter'))
  if (succeeded < (old.succeeded ?? 0)) {
    errors.push(at.child('succeeded').invalid(succeeded, 'cannot decrease the succeeded counter'))
  }
  const [met, wasMet] = [hasCondition(status, 'SuccessCriteriaMet'), hasCondition(old, 'SuccessCriteriaMet')]
  if (wasMet && !met) errors.push(omitted(here, 'cannot disable the SuccessCriteriaMet=True condition'))
  if (hasCondition(old, 'Complete') && !wasMet && met) {
    errors.push(omitted(here, 'cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions'))
  }
  return errors
}
