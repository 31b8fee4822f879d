/** Which node to preempt on, of several (upstream `pickOneNodeForPreemption`). */
import type { Pod } from '#api/core/v1/pod.ts'
import type { Candidate } from '../framework/plugin.ts'
import { priorityOf } from '../framework/pod-facts.ts'
import { startOf } from './preemption-victims.ts'

/** Each question leaves those with the lowest answer; the first of those that remain wins. */
const questions: readonly ((candidate: Candidate) => number)[] = [
  ({ violations }) => violations,
  ({ victims }) => priorityOf(victims[0] as Pod),
  ({ victims }) => victims.reduce((sum, victim) => sum + priorityOf(victim) + 2 ** 31, 0),
  ({ victims }) => victims.length,
]

export function bestCandidate(candidates: readonly Candidate[]): Candidate | undefined {
  let left = candidates
  for (const ask of questions) {
    if (left.length <= 1) return left[0]
    const answers = left.map(ask)
    const lowest = answers.reduce((least, answer) => Math.min(least, answer))
    left = left.filter((_, i) => answers[i] === lowest)
  }
  return latestStart(left)
}

/** The one whose most important victims have run for the shortest time. */
function latestStart(candidates: readonly Candidate[]): Candidate | undefined {
  let best: Candidate | undefined
  let latest = ''
  for (const candidate of candidates) {
    const start = earliestStart(candidate)
    if (best && start <= latest) continue
    best = candidate
    latest = start
  }
  return best
}

/** Of its victims with the highest priority. */
function earliestStart({ victims }: Candidate): string {
  const highest = priorityOf(victims[0] as Pod)
  const starts = victims.filter((victim) => priorityOf(victim) === highest).map(startOf)
  return starts.reduce((first, start) => (start < first ? start : first))
}
