/** Conditions that the API server itself sets on a pod (upstream's `podutil.UpdatePodCondition`). */
import type { Pod } from '#api/core/v1/pod.ts'
import { formatTime } from '#lib/clock.ts'

type Condition = NonNullable<Pod['status']['conditions']>[number]
type Wanted = Pick<Condition, 'type' | 'status'> & Partial<Pick<Condition, 'reason' | 'message'>>

/** The time of transition stays while the status does. `now`: milliseconds since the epoch. */
export function withCondition({ status, metadata }: Pod, wanted: Wanted, now: number): Condition[] {
  const conditions = status.conditions ?? []
  const before = conditions.find(({ type }) => type === wanted.type)
  const lastTransitionTime = before?.status === wanted.status ? before.lastTransitionTime : formatTime(now)
  const observed = metadata.generation ? { observedGeneration: metadata.generation } : {}
  const condition = { ...wanted, lastTransitionTime, ...observed } as Condition
  return before ? conditions.map((other) => (other === before ? condition : other)) : [...conditions, condition]
}
