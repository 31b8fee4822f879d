/** CronJob: jobs that start by the clock. */
import { validateCronJob, validateCronJobCreate, validateCronJobUpdate } from '#api/batch/v1/cron-job-validation.ts'
import { JobSpec } from '#api/batch/v1/job-spec.ts'
import { jobSpecWarnings } from '#api/batch/v1/job-warnings.ts'
import { ObjectReference } from '#api/core/v1/object-reference.ts'
import { defaultPodTemplate } from '#api/core/v1/pod-defaults.ts'
import { dropGatedFields } from '#api/core/v1/pod-gates.ts'
import { podOwnerNameWarnings } from '#api/core/v1/pod-warnings.ts'
import { templateColumns } from '#api/core/v1/template-columns.ts'
import { root } from '#schema/field-error.ts'
import { age, ageOf, type Column, defineKind, type Kind, type KubeObject, type ObjectOf } from '#schema/kind.ts'
import { TemplateMeta } from '#schema/object-meta.ts'
import { formatLabelSelector } from '#schema/selector.ts'
import {
  always,
  boolean,
  int32,
  int64,
  known,
  list,
  object,
  optional,
  pointer,
  type Schema,
  string,
  type TypeOf,
  time,
} from '#schema/words.ts'

const jobTemplateSpec = object('io.k8s.api.batch.v1.JobTemplateSpec', {
  metadata: always(1, TemplateMeta, { doc: 'Labels and annotations of the jobs to come.' }),
  spec: always(2, JobSpec, { doc: 'What they shall be.' }),
})
export interface JobTemplateSpec extends TypeOf<typeof jobTemplateSpec> {}
export const JobTemplateSpec: Schema<JobTemplateSpec> = jobTemplateSpec

const cronJobSpec = object('io.k8s.api.batch.v1.CronJobSpec', {
  schedule: always(1, string(), { doc: 'When a job starts, in cron format.' }),
  timeZone: pointer(8, string(), { doc: 'Time zone of the schedule; that of the controller by default.' }),
  startingDeadlineSeconds: pointer(2, int64(), { doc: 'Seconds that a start may be late.' }),
  concurrencyPolicy: optional(3, known('Allow', 'Forbid', 'Replace'), {
    default: 'Allow',
    doc: 'Allow, Forbid or Replace: what happens when the last job still runs.',
  }),
  suspend: pointer(4, boolean(), { default: false, doc: 'A suspended cron job starts no more jobs.' }),
  jobTemplate: always(5, JobTemplateSpec, { isRequired: true, doc: 'What jobs are made from.' }),
  successfulJobsHistoryLimit: pointer(6, int32(), { default: 3, doc: 'Number of jobs to keep that succeeded.' }),
  failedJobsHistoryLimit: pointer(7, int32(), { default: 1, doc: 'Number of jobs to keep that failed.' }),
})
export interface CronJobSpec extends TypeOf<typeof cronJobSpec> {}
export const CronJobSpec: Schema<CronJobSpec> = cronJobSpec

const cronJobStatus = object('io.k8s.api.batch.v1.CronJobStatus', {
  active: optional(1, list(ObjectReference, { listType: 'atomic' }), { doc: 'Jobs that run.' }),
  lastScheduleTime: pointer(4, time(), { doc: 'When a job was started last.' }),
  lastSuccessfulTime: pointer(5, time(), { doc: 'When a job succeeded last.' }),
})
export interface CronJobStatus extends TypeOf<typeof cronJobStatus> {}
export const CronJobStatus: Schema<CronJobStatus> = cronJobStatus

/** A cron job's parts, for the functions that its definition is made of. */
export interface CronJobParts extends KubeObject {
  spec: CronJobSpec
  status: CronJobStatus
}

/** Its containers stand one level deeper than elsewhere. */
const containerColumns: readonly Column<CronJobParts>[] = templateColumns.map((column) => ({
  ...column,
  value: ({ spec }, context) => column.value({ spec: spec.jobTemplate.spec }, context),
}))

const kind = defineKind({
  group: 'batch',
  version: 'v1',
  kind: 'CronJob',
  plural: 'cronjobs',
  scope: 'Namespaced',
  doc: 'A cron job starts jobs at the times of its schedule.',
  schemaName: 'io.k8s.api.batch.v1.CronJob',
  shortNames: ['cj'],
  categories: ['all'],
  status: true,
  fields: {
    spec: always(2, CronJobSpec, { isRequired: true, doc: 'What is wanted.' }),
    status: always(3, CronJobStatus, { doc: 'What was observed; written by the system.' }),
  },
  defaults: ({ spec }) => defaultPodTemplate(spec.jobTemplate.spec.template),
  prepare(job, old) {
    job.status = old ? old.status : {}
    dropGatedFields(job.spec.jobTemplate.spec.template.spec, old?.spec.jobTemplate.spec.template.spec)
  },
  validate: validateCronJob,
  validateCreate: validateCronJobCreate,
  validateUpdate: validateCronJobUpdate,
  warnings({ metadata, spec }, old) {
    const page = 'https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/'
    // The path is upstream's.
    const zone = `cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see ${page} for more details`
    const isOther = !old || old.metadata.generation !== metadata.generation
    return [
      ...(old ? [] : podOwnerNameWarnings(metadata.name)),
      ...(isOther ? jobSpecWarnings(spec.jobTemplate.spec, root.child('spec', 'jobTemplate', 'spec')) : []),
      ...(old && spec.schedule.includes('TZ') ? [zone] : []),
    ]
  },
  columns: [
    { name: 'Schedule', doc: 'When jobs start.', value: ({ spec }) => spec.schedule },
    { name: 'Timezone', doc: 'Time zone of the schedule.', value: ({ spec }) => spec.timeZone ?? '<none>' },
    { name: 'Suspend', type: 'boolean', doc: 'Whether it rests.', value: ({ spec }) => (spec.suspend ? 'True' : 'False') },
    { name: 'Active', type: 'integer', doc: 'Jobs that run.', value: ({ status }) => status.active?.length ?? 0 },
    {
      name: 'Last Schedule',
      doc: 'Time since a job was started last.',
      value: ({ status }, { now }) => (status.lastScheduleTime ? ageOf(status.lastScheduleTime, now) : '<none>'),
    },
    age,
    ...containerColumns,
    {
      name: 'Selector',
      priority: 1,
      doc: 'Labels of the pods.',
      value: ({ spec }) => formatLabelSelector(spec.jobTemplate.spec.selector),
    },
  ],
})

export interface CronJob extends ObjectOf<typeof kind> {}
export const CronJob: Kind<'CronJob', CronJob> = kind
