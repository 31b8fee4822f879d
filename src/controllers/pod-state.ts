/** What controllers ask about pods (`pkg/api/v1/pod` and `controller_utils.go`). */
import type { Pod, PodCondition } from '#api/core/v1/pod.ts'

/** Neither finished nor being deleted. */
export function isActive(pod: Pod): boolean {
  return !isFinished(pod) && !pod.metadata.deletionTimestamp
}

export function isFinished({ status }: Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed'
}

/** Being deleted, and still running as far as is known. */
export function isTerminating(pod: Pod): boolean {
  return Boolean(pod.metadata.deletionTimestamp) && !isFinished(pod)
}

export function podCondition({ status }: Pod, type: string): PodCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type)
}

export function isReady(pod: Pod): boolean {
  return podCondition(pod, 'Ready')?.status === 'True'
}

/** Since when the pod is ready, in milliseconds; undefined when it is not, or does not say. */
export function readySince(pod: Pod): number | undefined {
  const condition = podCondition(pod, 'Ready')
  if (condition?.status !== 'True' || !condition.lastTransitionTime) return undefined
  return Date.parse(condition.lastTransitionTime)
}

/** Ready for at least so many seconds. */
export function isAvailable(pod: Pod, minReadySeconds: number, now: number): boolean {
  if (!isReady(pod)) return false
  if (!minReadySeconds) return true
  const since = readySince(pod)
  return since !== undefined && since + minReadySeconds * 1000 <= now
}

/** Milliseconds until the first of `pods` that is ready becomes available; undefined when none will by itself. */
export function nextAvailability(pods: readonly Pod[], minReadySeconds: number, now: number): number | undefined {
  if (!minReadySeconds) return undefined
  const left = pods
    .map(readySince)
    .filter((since) => since !== undefined)
    .map((since) => since + minReadySeconds * 1000 - now)
    .filter((milliseconds) => milliseconds > 0)
  return left.length > 0 ? Math.min(...left) : undefined
}
