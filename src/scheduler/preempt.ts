/** Evicts the pods that make room for another one, and says so to them. */
import { Pod } from '#api/core/v1/pod.ts'
import { formatTime } from '#lib/clock.ts'
import { hasReason } from '#schema/status-error.ts'
import { type Reporting, writeStatus } from './report.ts'

export interface Preempting extends Reporting {
  /** Of the preemptor's profile. */
  readonly schedulerName: string
  /** True when the pod was waiting for a permit, or for what it needs before it is bound, and now is not. */
  rejectWaiting(uid: string): boolean
}

/** False when some victim could not be deleted. */
export async function evictVictims(
  preemptor: Pod,
  { node, victims }: { node: string; victims: readonly Pod[] },
  preempting: Preempting,
): Promise<boolean> {
  const outcomes = await Promise.all(victims.map((victim) => evict(victim, { preemptor, node }, preempting)))
  return outcomes.every((outcome) => outcome)
}

async function evict(
  victim: Pod,
  { preemptor, node }: { preemptor: Pod; node: string },
  preempting: Preempting,
): Promise<boolean> {
  const { client, events, rejectWaiting, onError } = preempting
  if (victim.metadata.deletionTimestamp) return true
  if (!rejectWaiting(victim.metadata.uid)) {
    try {
      await writeStatus(client, victim, { conditions: [disruption(victim, preempting)] })
      await client.delete(Pod, victim.metadata, { preconditions: { uid: victim.metadata.uid } })
    } catch (error) {
      // Gone already, which is as good.
      if (hasReason(error, 'NotFound', 'Conflict')) return true
      onError?.(error)
      return false
    }
  }
  events.record(victim, {
    type: 'Normal',
    reason: 'Preempted',
    message: `Preempted by pod ${preemptor.metadata.uid} on node ${node}`,
    action: 'Preempting',
    related: preemptor,
  })
  return true
}

function disruption({ metadata }: Pod, { clock, schedulerName }: Preempting) {
  return {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'PreemptionByScheduler',
    message: `${schedulerName}: preempting to accommodate a higher priority pod`,
    lastTransitionTime: formatTime(clock.now()),
    observedGeneration: metadata.generation,
  }
}
