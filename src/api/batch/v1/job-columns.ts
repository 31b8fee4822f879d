/** Columns of jobs (upstream `printJob`). */
import type { JobParts } from '#api/batch/v1/job.ts'
import { templateColumns } from '#api/core/v1/template-columns.ts'
import { age, type Column, humanDuration } from '#schema/kind.ts'
import { formatLabelSelector } from '#schema/selector.ts'

export const jobColumns: readonly Column<JobParts>[] = [
  { name: 'Status', doc: 'How it stands.', value: statusText },
  { name: 'Completions', doc: 'Pods that succeeded, of those wanted.', value: completionsText },
  {
    name: 'Duration',
    doc: 'How long it ran.',
    value: ({ status: { startTime, completionTime } }, { now }) =>
      startTime ? humanDuration((completionTime ? Date.parse(completionTime) : now) - Date.parse(startTime)) : '',
  },
  age,
  ...templateColumns,
  { name: 'Selector', priority: 1, doc: 'Labels of the pods.', value: ({ spec }) => formatLabelSelector(spec.selector) },
]

export function hasCondition({ conditions = [] }: JobParts['status'], name: string): boolean {
  return conditions.some(({ type, status }) => type === name && status === 'True')
}

function statusText({ metadata, status }: JobParts): string {
  if (hasCondition(status, 'Complete')) return 'Complete'
  if (hasCondition(status, 'Failed')) return 'Failed'
  if (metadata.deletionTimestamp) return 'Terminating'
  return ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'].find((name) => hasCondition(status, name)) ?? 'Running'
}

function completionsText({ spec: { completions, parallelism = 0 }, status: { succeeded = 0 } }: JobParts): string {
  if (completions !== undefined) return `${succeeded}/${completions}`
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`
}
