/** Which node to preempt on, of several (upstream `pickOneNodeForPreemption`). */
import type { Pod } from '#api/core/v1/pod.ts'
import type { Candidate } from '../framework/plugin.ts'
import { priorityOf } from '../framework/pod-facts.ts'

/** What decides between candidates is worked out once, since they are remembered and compared by hundreds. */
export function candidate(room: Omit<Candidate, 'highest' | 'sum' | 'start'>): Candidate {
  const { victims } = room
  let highest = Number.NEGATIVE_INFINITY
  let sum = 0
  for (const victim of victims) {
    const priority = priorityOf(victim)
    highest = Math.max(highest, priority)
    // So that a few of negative priority do not count less than many.
    sum += priority + 2 ** 31
  }
  const [start = ''] = victims
    .filter((victim) => priorityOf(victim) === highest)
    .map(startOf)
    .sort()
  return { ...room, highest, sum, start }
}

/** The first of those that are equally good. */
export function bestCandidate(candidates: readonly Candidate[]): Candidate | undefined {
  let best = candidates[0]
  for (const one of candidates) if (best && isBetter(one, best)) best = one
  return best
}

/** Fewest protected victims, then the least important, of the lowest sum, the fewest, and those that have run for the shortest time. */
function isBetter(one: Candidate, than: Candidate): boolean {
  if (one.violations !== than.violations) return one.violations < than.violations
  if (one.highest !== than.highest) return one.highest < than.highest
  if (one.sum !== than.sum) return one.sum < than.sum
  if (one.victims.length !== than.victims.length) return one.victims.length < than.victims.length
  return one.start > than.start
}

/** Sorts after every time. */
const notStarted = '~'

export function startOf({ status }: Pod): string {
  return status.startTime ?? notStarted
}
