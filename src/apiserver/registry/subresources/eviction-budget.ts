/** What PodDisruptionBudgets have to say about an eviction (upstream `registry/core/pod/storage/eviction.go`). */
import type { Pod } from '#api/core/v1/pod.ts'
import { selects } from '#api/meta/v1/label-selector.ts'
import { withDisruptionAllowed } from '#api/policy/v1/disruption-allowed.ts'
import { PodDisruptionBudget } from '#api/policy/v1/pod-disruption-budget.ts'
import { formatTime } from '#lib/clock.ts'
import { forbidden, hasReason, StatusError } from '#schema/status-error.ts'
import type { Registry } from '../registry.ts'

/** Upstream's `EvictionsRetry` has as many steps. */
const mostTries = 20
/** More evictions than this that nobody confirmed mean that the controller does not keep up. */
const mostDisrupted = 2000

export interface Leave {
  /** Deletes only the state of the pod that was looked at: should it have become ready since, its budget counts it. */
  readonly onlyThisState: boolean
  /** The budget that was asked, for the error of a client that is to try again. */
  readonly budget?: string
}

/** Whether the pod may be evicted; spends one disruption of its budget where it counts for that. Throws where it may not. */
export async function spendBudget(registry: Registry, pod: Pod, dryRun: boolean): Promise<Leave> {
  if (isBeyondBudgets(pod)) return { onlyThisState: pod.status.phase === 'Pending' && !pod.metadata.deletionTimestamp }
  const { items } = await registry.client.list(PodDisruptionBudget, { namespace: pod.metadata.namespace })
  const budgets = items.filter(({ spec }) => isNarrow(spec.selector) && selects(spec.selector, pod.metadata.labels))
  if (budgets.length > 1) throw severalBudgets()
  const budget = budgets[0]
  if (!budget) return { onlyThisState: false }
  const { name } = budget.metadata
  if (!isReady(pod) && letsUnhealthyGo(budget)) return { onlyThisState: true, budget: name }
  await spend(registry, { budget, pod, dryRun })
  return { onlyThisState: false, budget: name }
}

/** A pod that has ended, not begun, or is on its way out disturbs nobody by going. */
function isBeyondBudgets({ metadata, status }: Pod): boolean {
  return Boolean(metadata.deletionTimestamp) || ['Succeeded', 'Failed', 'Pending'].includes(status.phase ?? 'Pending')
}

/** An empty selector matches nothing here. */
function isNarrow({ matchLabels = {}, matchExpressions = [] }: NonNullable<PodDisruptionBudget['spec']['selector']> = {}) {
  return Object.keys(matchLabels).length > 0 || matchExpressions.length > 0
}

function isReady({ status }: Pod): boolean {
  return status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false
}

/** KEP-3017. */
function letsUnhealthyGo({ spec, status }: PodDisruptionBudget): boolean {
  if (spec.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true
  return status.currentHealthy >= status.desiredHealthy && status.desiredHealthy > 0
}

async function spend(
  registry: Registry,
  { budget, pod, dryRun }: { budget: PodDisruptionBudget; pod: Pod; dryRun: boolean },
): Promise<void> {
  let current = budget
  for (let tries = 1; ; tries++) {
    checkAllowed(current)
    if (dryRun) return
    const now = registry.clock.now()
    const { status } = current
    const disruptedPods = { ...status.disruptedPods, [pod.metadata.name]: formatTime(now) }
    const less = { ...status, disruptedPods, disruptionsAllowed: status.disruptionsAllowed - 1 }
    const next = less.disruptionsAllowed === 0 ? withDisruptionAllowed(less, now) : less
    try {
      await registry.client.update(PodDisruptionBudget, { ...current, status: next }, { subresource: 'status' })
      return
    } catch (error) {
      if (!hasReason(error, 'Conflict')) throw error
      if (tries >= mostTries) throw tooManyConflicts(budget.metadata.name)
      current = await registry.client.get(PodDisruptionBudget, budget)
    }
  }
}

function checkAllowed({ metadata, status }: PodDisruptionBudget): void {
  const { name, generation = 0 } = metadata
  const refuse = (why: string) => forbidden({ group: 'policy', plural: 'poddisruptionbudget' }, name, why)
  if ((status.observedGeneration ?? 0) < generation) throw stillProcessed(name)
  if (status.disruptionsAllowed < 0) throw refuse('pdb disruptions allowed is negative')
  if (Object.keys(status.disruptedPods ?? {}).length > mostDisrupted) {
    throw refuse('DisruptedPods map too big - too many evictions not confirmed by PDB controller')
  }
  if (status.disruptionsAllowed > 0) return
  const failure = status.conditions?.find(({ type, reason }) => type === 'DisruptionAllowed' && reason === 'SyncFailed')
  const message = failure
    ? `The disruption budget ${name} does not allow evicting pods currently because it failed sync: ${failure.message}`
    : `The disruption budget ${name} needs ${status.desiredHealthy} healthy pods and has ${status.currentHealthy} currently`
  throw tooManyRequests(message, 0)
}

/** Also for a pod that changed while its eviction was decided: the client tries again. */
export function stillProcessed(budget: string): StatusError {
  return tooManyRequests(`The disruption budget ${budget} is still being processed by the server.`, 10)
}

function tooManyRequests(cause: string, seconds: number): StatusError {
  return new StatusError('TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", {
    details: { causes: [{ reason: 'DisruptionBudget', message: cause }], ...(seconds && { retryAfterSeconds: seconds }) },
  })
}

function tooManyConflicts(budget: string): StatusError {
  const message = `couldn't update PodDisruptionBudget ${JSON.stringify(budget)} due to conflicts`
  return new StatusError('Timeout', message, { details: { retryAfterSeconds: 10 } })
}

function severalBudgets(): StatusError {
  const message = 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.'
  return new StatusError('' as never, message, { code: 500 })
}
