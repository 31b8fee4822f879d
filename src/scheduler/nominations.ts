/** For whom room is kept where: what the status of pods says, and what it does not say yet (upstream `backend/queue/nominator.go`). */
import type { Pod } from '#api/core/v1/pod.ts'

/**
 * Where room is to be kept for a pod that was just seen, `known` being where it is kept so far. What anybody writes into the status counts; an update
 * without a word of it, before and after, may be older than what was decided here.
 */
export function nominationSeen(pod: Pod, before: Pod | undefined, known: string | undefined): string {
  const said = pod.status.nominatedNodeName ?? ''
  return !said && before && !before.status.nominatedNodeName ? (known ?? '') : said
}

/** The node that was said before and is not said any more. */
export function nominationLeft(pod: Pod, before: Pod | undefined): string | undefined {
  const said = before?.status.nominatedNodeName
  return said && said !== pod.status.nominatedNodeName ? said : undefined
}

/** The pod as if its status said already for which node room was made. */
export function asNominated(pod: Pod, known: string | undefined): Pod {
  if (!known || pod.status.nominatedNodeName) return pod
  return { ...pod, status: { ...pod.status, nominatedNodeName: known } }
}
