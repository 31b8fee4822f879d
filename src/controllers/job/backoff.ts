/** How long a Job waits before it replaces pods that failed: 10 s, doubling, 10 min at most (`backoff_utils.go`). */
import type { Pod } from '#api/core/v1/pod.ts'
import { podCondition } from '../pod-state.ts'

/** Failures since the last success, and when the last one was, in milliseconds. */
export interface Backoff {
  readonly failures: number
  readonly lastFailure: number
}

export const noBackoff: Backoff = { failures: 0, lastFailure: 0 }
const first = 10_000
const longest = 10 * 60_000

export function pauseLeft({ failures, lastFailure }: Backoff, now: number): number {
  if (failures === 0) return 0
  const pause = Math.min(first * 2 ** (failures - 1), longest)
  return Math.max(0, lastFailure + pause - now)
}

/** The record after more pods have ended: a success wipes out the failures before it. */
export function backoffAfter(before: Backoff, succeeded: readonly Pod[], failed: readonly Pod[]): Backoff {
  const failures = failed.map(finishedAt)
  if (succeeded.length === 0) {
    if (failures.length === 0) return before
    return { failures: before.failures + failures.length, lastFailure: Math.max(...failures) }
  }
  const lastSuccess = Math.max(...succeeded.map(finishedAt))
  const later = failures.filter((time) => time > lastSuccess)
  return later.length === 0 ? noBackoff : { failures: later.length, lastFailure: Math.max(...later) }
}

/** By the containers, or else since the pod is not ready, or else by its deletion, or else its creation. */
export function finishedAt(pod: Pod): number {
  const { metadata, spec, status } = pod
  const sidecars = new Set((spec.initContainers ?? []).filter((one) => one.restartPolicy === 'Always').map(({ name }) => name))
  const ends = [
    ...(status.containerStatuses ?? []),
    ...(status.initContainerStatuses ?? []).filter(({ name }) => sidecars.has(name)),
  ].map(({ state }) => state?.terminated?.finishedAt)
  if (ends.length > 0 && ends.every((end) => end !== undefined)) return Math.max(...ends.map((end) => Date.parse(end)))
  const ready = podCondition(pod, 'Ready')
  if (ready?.status === 'False' && ready.lastTransitionTime) return Date.parse(ready.lastTransitionTime)
  if (metadata.deletionTimestamp) {
    return Date.parse(metadata.deletionTimestamp) - Number(metadata.deletionGracePeriodSeconds ?? 0) * 1000
  }
  return Date.parse(metadata.creationTimestamp)
}
