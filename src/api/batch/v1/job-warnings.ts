/** What clients are warned of when they write jobs (upstream `registry/batch/job/strategy.go`). */
import type { JobParts } from '#api/batch/v1/job.ts'
import { isDns1123Label } from '#schema/formats.ts'

export function jobWarnings({ metadata, spec }: JobParts, old: JobParts | undefined): string[] {
  const { completionMode, completions = 0, parallelism = 0 } = spec
  const isHuge = completionMode === 'Indexed' && completions > 100_000 && parallelism > 10_000
  const text =
    'In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail'
  return [...(old ? [] : nameWarnings(metadata.name)), ...(isHuge ? [text] : [])]
}

/** The name becomes part of those of the pods, which should be labels. */
export function nameWarnings(name: string): string[] {
  const messages = isDns1123Label(name)
  if (messages.length === 0) return []
  const advice = 'this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended'
  return [`metadata.name: ${advice}: [${messages.join(' ')}]`]
}
