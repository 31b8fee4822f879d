/** The condition that says whether a budget allows evictions (upstream `component-helpers/apps/poddisruptionbudget`). */
import type { Condition } from '#api/meta/v1/condition.ts'
import { formatTime } from '#lib/clock.ts'
import type { PodDisruptionBudgetStatus } from './pod-disruption-budget.ts'

/** `now`: milliseconds since the epoch. The time of transition stays while the status does. */
export function withDisruptionAllowed(status: PodDisruptionBudgetStatus, now: number): PodDisruptionBudgetStatus {
  const isAllowed = status.disruptionsAllowed > 0
  const { conditions = [], observedGeneration } = status
  const before = conditions.find(({ type }) => type === 'DisruptionAllowed')
  const wanted = isAllowed ? 'True' : 'False'
  const condition = {
    type: 'DisruptionAllowed',
    status: wanted,
    reason: isAllowed ? 'SufficientPods' : 'InsufficientPods',
    message: '',
    lastTransitionTime: before?.status === wanted ? before.lastTransitionTime : formatTime(now),
    ...(observedGeneration !== undefined && { observedGeneration }),
  } as Condition
  return {
    ...status,
    conditions: before ? conditions.map((one) => (one === before ? condition : one)) : [...conditions, condition],
  }
}
