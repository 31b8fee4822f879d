/** Tells a pod's owner why it has no node: an event and the condition PodScheduled, in upstream's words. */
import { Pod } from '#api/core/v1/pod.ts'
import type { Client } from '#client/client.ts'
import type { EventRecorder } from '#client/events.ts'
import { type Clock, formatTime } from '#lib/clock.ts'
import { hasReason } from '#schema/status-error.ts'

export interface Reporting {
  readonly client: Client
  readonly clock: Clock
  readonly events: EventRecorder
  readonly onError?: ((error: unknown) => void) | undefined
}

export interface Failure {
  readonly message: string
  readonly reason: 'Unschedulable' | 'SchedulerError'
  /** '' takes an earlier nomination back; undefined leaves it. */
  readonly nominated?: string | undefined
}

/** Upstream `NoteLengthLimit`. */
const longestNote = 1024

/** Writes nothing that stands there already. */
export async function reportFailure(pod: Pod, failure: Failure, reporting: Reporting): Promise<void> {
  const { message, reason, nominated } = failure
  const { events, clock } = reporting
  const note = message.length > longestNote ? `${message.slice(0, longestNote - 4)} ...` : message
  events.record(pod, { type: 'Warning', reason: 'FailedScheduling', message: note, action: 'Scheduling' })
  const known = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled')
  const isKnown = known?.status === 'False' && known.reason === reason && known.message === message
  const renominated = nominated !== undefined && nominated !== (pod.status?.nominatedNodeName ?? '')
  if (isKnown && !renominated) return
  const lastTransitionTime = known?.status === 'False' ? known.lastTransitionTime : formatTime(clock.now())
  const condition = {
    ...{ type: 'PodScheduled', status: 'False', reason, message, lastTransitionTime },
    observedGeneration: pod.metadata.generation,
  }
  const status = { conditions: [condition], ...(renominated && { nominatedNodeName: nominated || null }) }
  await patchStatus(pod, status, reporting)
}

/** A pod that is gone needs no status. */
export async function patchStatus(pod: Pod, status: object, { client, onError }: Reporting): Promise<void> {
  try {
    await writeStatus(client, pod, status)
  } catch (error) {
    if (!hasReason(error, 'NotFound', 'Conflict')) onError?.(error)
  }
}

/** Throws what the server says. */
export async function writeStatus(client: Client, pod: Pod, status: object): Promise<void> {
  const body = { metadata: { uid: pod.metadata.uid }, status }
  await client.patch(Pod, pod.metadata, { type: 'strategic', body }, { subresource: 'status' })
}
