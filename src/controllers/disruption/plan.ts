/** What a PodDisruptionBudget allows, from its pods and the scale of what controls them (upstream `disruption.go`). */
import { percentOrNumber } from '#api/apps/v1/amount.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import type { Condition } from '#api/meta/v1/condition.ts'
import { withDisruptionAllowed } from '#api/policy/v1/disruption-allowed.ts'
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from '#api/policy/v1/pod-disruption-budget.ts'
import { formatTime } from '#lib/clock.ts'
import { isFinished, podCondition } from '../pod-state.ts'

/** So long an evicted pod has for its deletion; afterwards it counts as one that stays. */
export const deletionTimeout = 120_000

/** As much of `BudgetPods` as a plan asks for. */
export interface Covered {
  readonly size: number
  readonly healthy: ReadonlySet<string>
  get(name: string): Pod | undefined
}

export interface Observed {
  readonly pods: Covered
  /** Sum of the replicas that the pods' controllers are to have; needed where `needsScale` says so. */
  readonly scale: number
  /** Milliseconds since the epoch. */
  readonly now: number
}

export interface BudgetPlan {
  readonly status: PodDisruptionBudgetStatus
  /** Evicted pods that were not deleted in time. */
  readonly notDeleted: readonly Pod[]
  /** Milliseconds until an evicted pod's time is over. */
  readonly recheck: number | undefined
}

/** Whether the budget is a share of what the pods' controllers are to have. */
export function needsScale({ spec }: PodDisruptionBudget): boolean {
  return spec.maxUnavailable !== undefined || typeof spec.minAvailable === 'string'
}

export function planBudget(budget: PodDisruptionBudget, { pods, scale, now }: Observed): BudgetPlan {
  const { expected, desired } = wanted(budget, pods.size, scale)
  const { disrupted, notDeleted, recheck } = stillDisrupted(budget, pods, now)
  const healthy = pods.healthy.size - Object.keys(disrupted).filter((name) => pods.healthy.has(name)).length
  // No pods expected: those that appear before the next visit must not be evicted unseen.
  const allowed = expected <= 0 ? 0 : Math.max(0, healthy - desired)
  const counts = { currentHealthy: healthy, desiredHealthy: desired, expectedPods: expected, disruptionsAllowed: allowed }
  const { conditions } = budget.status
  const status: PodDisruptionBudgetStatus = {
    ...counts,
    observedGeneration: budget.metadata.generation ?? 0,
    ...(Object.keys(disrupted).length > 0 && { disruptedPods: disrupted }),
    ...(conditions && { conditions }),
  }
  return { status: withDisruptionAllowed(status, now), notDeleted, recheck }
}

function wanted({ spec }: PodDisruptionBudget, pods: number, scale: number): { expected: number; desired: number } {
  const { maxUnavailable, minAvailable } = spec
  if (maxUnavailable !== undefined) {
    return { expected: scale, desired: Math.max(0, scale - percentOrNumber(maxUnavailable, scale)) }
  }
  if (typeof minAvailable === 'string') return { expected: scale, desired: percentOrNumber(minAvailable, scale) }
  return minAvailable === undefined ? { expected: 0, desired: 0 } : { expected: pods, desired: minAvailable }
}

function stillDisrupted({ status }: PodDisruptionBudget, pods: Covered, now: number) {
  const disrupted: Record<string, string> = {}
  const notDeleted: Pod[] = []
  let recheck: number | undefined
  for (const [name, since] of Object.entries(status.disruptedPods ?? {})) {
    const pod = pods.get(name)
    if (!pod || pod.metadata.deletionTimestamp) continue
    const left = Date.parse(since) + deletionTimeout - now
    if (left <= 0) {
      notDeleted.push(pod)
      continue
    }
    disrupted[name] = since
    recheck = Math.min(recheck ?? left, left)
  }
  return { disrupted, notDeleted, recheck }
}

/** Nothing may be evicted while the budget cannot be computed. */
export function failedStatus({ status }: PodDisruptionBudget, message: string, now: number): PodDisruptionBudgetStatus {
  const condition = {
    type: 'DisruptionAllowed',
    status: 'False',
    reason: 'SyncFailed',
    message,
    ...(status.observedGeneration !== undefined && { observedGeneration: status.observedGeneration }),
  } as const
  const before = status.conditions?.find(({ type }) => type === condition.type)
  const lastTransitionTime = before?.status === 'False' ? before.lastTransitionTime : formatTime(now)
  const others = status.conditions?.filter(({ type }) => type !== condition.type) ?? []
  return { ...status, disruptionsAllowed: 0, conditions: [...others, { ...condition, lastTransitionTime } as Condition] }
}

/** Milliseconds until the pod's announcement of a disruption is stale, 0 when it is; undefined where there is none to go stale. */
export function staleIn(pod: Pod, now: number): number | undefined {
  const condition = podCondition(pod, 'DisruptionTarget')
  if (pod.metadata.deletionTimestamp || isFinished(pod) || condition?.status !== 'True') return undefined
  if (condition.reason === 'TerminationByKubelet') return undefined
  const since = condition.lastTransitionTime ? Date.parse(condition.lastTransitionTime) : 0
  return Math.max(0, since + deletionTimeout - now)
}
