/** Rules for CronJobs (upstream `ValidateCronJobCreate`, `ValidateCronJobUpdate`). */
import type { CronJobParts, CronJobSpec } from '#api/batch/v1/cron-job.ts'
import { scheduleProblem } from '#api/batch/v1/cron-schedule.ts'
import { validateJobTemplate } from '#api/batch/v1/job-validation.ts'
import { isTimeZone } from '#api/batch/v1/time-zone.ts'
import { nonNegative, requiredAmong } from '#api/core/v1/validation/checks.ts'
import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import type { FieldError, Path } from '#schema/field-error.ts'

export function validateCronJob({ metadata, spec }: CronJobParts, at: Path): FieldError[] {
  const here = at.child('spec')
  const template = here.child('jobTemplate', 'spec')
  const { selector, manualSelector } = spec.jobTemplate.spec
  return [
    ...validateFinalizers(metadata, at),
    ...nonNegative(spec.startingDeadlineSeconds as number | undefined, here.child('startingDeadlineSeconds')),
    ...requiredAmong(spec.concurrencyPolicy, ['Allow', 'Forbid', 'Replace'], here.child('concurrencyPolicy')),
    ...validateJobTemplate(spec.jobTemplate.spec, template),
    ...(selector ? [template.child('selector').invalid(selector, '`selector` will be auto-generated')] : []),
    ...(manualSelector ? [template.child('manualSelector').notSupported(manualSelector, ['nil', 'false'])] : []),
    ...nonNegative(spec.successfulJobsHistoryLimit, here.child('successfulJobsHistoryLimit')),
    ...nonNegative(spec.failedJobsHistoryLimit, here.child('failedJobsHistoryLimit')),
  ]
}

/** The controller makes names of jobs of it, with eleven characters more. */
const longestName = 52

export function validateCronJobCreate({ metadata: { name }, spec }: CronJobParts, at: Path): FieldError[] {
  const message = `must be no more than ${longestName} bytes`
  return [
    ...scheduleErrors(spec, undefined, at.child('spec', 'schedule')),
    ...zoneErrors(spec, at.child('spec', 'timeZone')),
    ...(name.length > longestName ? [at.child('metadata', 'name').invalid(name, message)] : []),
  ]
}

export function validateCronJobUpdate({ spec }: CronJobParts, { spec: old }: CronJobParts, at: Path): FieldError[] {
  return [
    ...scheduleErrors(spec, old, at.child('spec', 'schedule')),
    ...(spec.timeZone === old.timeZone ? [] : zoneErrors(spec, at.child('spec', 'timeZone'))),
  ]
}

function scheduleErrors({ schedule, timeZone }: CronJobSpec, old: CronJobSpec | undefined, at: Path): FieldError[] {
  if (!schedule) return [at.required()]
  const problem = scheduleProblem(schedule)
  const errors = problem === undefined ? [] : [at.invalid(schedule, problem)]
  if (!schedule.includes('TZ')) return errors
  if (!old?.schedule.includes('TZ')) {
    return [...errors, at.invalid(schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead')]
  }
  if (timeZone === undefined) return errors
  return [...errors, at.invalid(schedule, 'cannot use both timeZone field and TZ or CRON_TZ in schedule')]
}

function zoneErrors({ timeZone }: CronJobSpec, at: Path): FieldError[] {
  if (timeZone === undefined) return []
  if (timeZone === '') return [at.invalid(timeZone, 'timeZone must be nil or non-empty string')]
  const unknown = at.invalid(timeZone, `unknown time zone ${timeZone}`)
  const isWellFormed = timeZone
    .split('/')
    .every((part) => part !== '.' && part !== '..' && !part.startsWith('-') && /^[A-Za-z.\-_0-9+]{1,14}$/.test(part))
  if (!isWellFormed) return [unknown]
  if (timeZone.toLowerCase() === 'local') {
    const message = 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones'
    return timeZone === 'Local' ? [at.invalid(timeZone, message)] : [at.invalid(timeZone, message), unknown]
  }
  return isTimeZone(timeZone) ? [] : [unknown]
}
