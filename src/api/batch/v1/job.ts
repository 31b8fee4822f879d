/** Job: pods that run to their end. */

import { jobColumns } from '#api/batch/v1/job-columns.ts'
import { JobSpec } from '#api/batch/v1/job-spec.ts'
import { JobStatus } from '#api/batch/v1/job-status.ts'
import { validateJobStatusUpdate } from '#api/batch/v1/job-status-validation.ts'
import { defaultJob, prepareJob } from '#api/batch/v1/job-strategy.ts'
import { validateJobUpdate } from '#api/batch/v1/job-update.ts'
import { validateJob } from '#api/batch/v1/job-validation.ts'
import { jobWarnings } from '#api/batch/v1/job-warnings.ts'
import { defineKind, type Kind, type KubeObject, type ObjectOf } from '#schema/kind.ts'
import { always } from '#schema/words.ts'

/** A job's parts, for the functions that its definition is made of. */
export interface JobParts extends KubeObject {
  spec: JobSpec
  status: JobStatus
}

const kind = defineKind({
  group: 'batch',
  version: 'v1',
  kind: 'Job',
  plural: 'jobs',
  scope: 'Namespaced',
  doc: 'A job runs pods until a number of them have succeeded.',
  schemaName: 'io.k8s.api.batch.v1.Job',
  categories: ['all'],
  status: true,
  fields: {
    spec: always(2, JobSpec, { doc: 'What is wanted.' }),
    status: always(3, JobStatus, { doc: 'What was observed; written by the system.' }),
  },
  defaults: defaultJob,
  prepare: prepareJob,
  validateCreate: validateJob,
  validateUpdate: validateJobUpdate,
  validateStatusUpdate: validateJobStatusUpdate,
  warnings: jobWarnings,
  columns: jobColumns,
  selectable: { 'status.successful': ({ status }) => String(status.succeeded ?? 0) },
})

export interface Job extends ObjectOf<typeof kind> {}
export const Job: Kind<'Job', Job> = kind
