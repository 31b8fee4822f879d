/** Defaults of jobs, and what happens to them on their way in (upstream `batch/v1/defaults.go`, `registry/batch/job/strategy.go`). */
import type { JobParts } from '#api/batch/v1/job.ts'
import { defaultPodTemplate } from '#api/core/v1/pod-defaults.ts'
import { dropGatedFields } from '#api/core/v1/pod-gates.ts'

/** A job template of a CronJob gets none of these. */
export function defaultJob({ metadata, spec }: JobParts): void {
  defaultPodTemplate(spec.template)
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1
  spec.parallelism ??= 1
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : 2 ** 31 - 1
  const { labels } = spec.template.metadata
  if (labels && Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...labels }
  spec.completionMode ??= 'NonIndexed'
  spec.suspend ??= false
  for (const rule of spec.podFailurePolicy?.rules ?? []) {
    for (const pattern of rule.onPodConditions ?? []) pattern.status ||= 'True'
  }
  spec.manualSelector ??= false
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed'
}

export const uidLabel = 'batch.kubernetes.io/controller-uid'
export const nameLabel = 'batch.kubernetes.io/job-name'
/** Spelled so before labels had a domain. */
export const oldUidLabel = 'controller-uid'
export const oldNameLabel = 'job-name'

export function prepareJob(job: JobParts, old: JobParts | undefined): void {
  job.status = old ? old.status : {}
  dropGatedFields(job.spec.template.spec, old?.spec.template.spec)
  if (!old && !job.spec.manualSelector) generateSelector(job)
}

/** Labels that the user has set stay, for validation to refuse them if they are wrong. */
function generateSelector({ metadata, spec }: JobParts): void {
  const { uid, name } = metadata
  const made = { [uidLabel]: uid, [oldUidLabel]: uid, [nameLabel]: name, [oldNameLabel]: name }
  spec.template.metadata.labels = { ...made, ...spec.template.metadata.labels }
  spec.selector = { ...spec.selector, matchLabels: { [uidLabel]: uid, ...spec.selector?.matchLabels } }
}
