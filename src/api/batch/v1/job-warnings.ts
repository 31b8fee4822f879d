/** What clients are warned of when they write jobs (upstream `pkg/api/job/warnings.go`). */
import type { JobParts } from '#api/batch/v1/job.ts'
import type { JobSpec } from '#api/batch/v1/job-spec.ts'
import { podOwnerNameWarnings, podTemplateWarnings } from '#api/core/v1/pod-warnings.ts'
import { type Path, root } from '#schema/field-error.ts'

export function jobWarnings({ metadata, spec }: JobParts, old: JobParts | undefined): string[] {
  if (old && old.metadata.generation === metadata.generation) return []
  return [...(old ? [] : podOwnerNameWarnings(metadata.name)), ...jobSpecWarnings(spec, root.child('spec'))]
}

const tooMuch =
  'In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail'

export function jobSpecWarnings({ completionMode, completions = 0, parallelism = 0, template }: JobSpec, at: Path): string[] {
  const isHuge = completionMode === 'Indexed' && completions > 100_000 && parallelism > 10_000
  return [...(isHuge ? [`${at}: ${tooMuch}`] : []), ...podTemplateWarnings(template, at.child('template'))]
}
