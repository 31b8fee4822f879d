/** Disruption controller: keeps the status of PodDisruptionBudgets, which the eviction API spends from. */
import { Pod, type PodCondition } from '#api/core/v1/pod.ts'
import type { LabelSelector } from '#api/meta/v1/label-selector.ts'
import { selects } from '#api/meta/v1/label-selector.ts'
import { PodDisruptionBudget } from '#api/policy/v1/pod-disruption-budget.ts'
import { formatTime } from '#lib/clock.ts'
import { hasReason } from '#schema/status-error.ts'
import { podCondition } from '../pod-state.ts'
import { type Again, type Caches, type Cluster, defineController } from '../runtime/controller.ts'
import { Memory } from '../runtime/memory.ts'
import { candidates, selectorIndex } from '../selector-index.ts'
import { BudgetPods } from './budget-pods.ts'
import { scaled, scaleOfControllers } from './controllers-of-pods.ts'
import { failedStatus, needsScale, planBudget, staleIn } from './plan.ts'

type Reads = typeof PodDisruptionBudget | typeof Pod | (typeof scaled)[number]

const budgetsBySelector = selectorIndex(PodDisruptionBudget, ({ spec }) => spec.selector && (spec.selector.matchLabels ?? {}))
const memory = new Memory(() => new BudgetPods())

export const disruptionController = defineController({
  name: 'disruption-controller',
  component: 'controllermanager',
  for: PodDisruptionBudget,
  reads: [Pod, ...scaled],
  indexes: [budgetsBySelector],
  watches: [
    {
      kind: Pod,
      visits: (pod: Pod, caches: Caches<typeof PodDisruptionBudget>) =>
        candidates(caches, PodDisruptionBudget, pod)
          .filter(({ spec }) => selects(spec.selector, pod.metadata.labels))
          .map((budget) => budget.metadata),
      follows: 'visited',
    },
  ],
  grants: [{ groups: ['*'], resources: ['*/scale'], verbs: ['get'] }],

  async reconcile(budget, cluster) {
    try {
      return await syncBudget(budget, cluster)
    } catch (error) {
      if (hasReason(error, 'Conflict')) throw error
      const message = error instanceof Error ? error.message : String(error)
      await cluster.status(PodDisruptionBudget, budget, failedStatus(budget, message, cluster.clock.now()), onto(budget))
      return undefined
    }
  },

  async reconcileAbsent(at, cluster) {
    memory.forget(cluster, at)
  },
})

/** The eviction API writes the same status: nothing that it spent may be given back. */
function onto({ metadata }: PodDisruptionBudget): { onlyOnto: string } {
  return { onlyOnto: metadata.resourceVersion ?? '' }
}

async function syncBudget(
  budget: PodDisruptionBudget,
  cluster: Cluster<Reads, typeof PodDisruptionBudget>,
): Promise<Again | undefined> {
  const { namespace } = budget.metadata
  const pods = memory.of(cluster, budget)
  pods.look(budget, cluster)
  if (pods.size === 0) cluster.event(budget, { type: 'Normal', reason: 'NoPods', message: 'No matching pods found' })
  const scale = needsScale(budget) ? await scaleFor(budget, pods, cluster) : 0
  const { status, notDeleted, recheck } = planBudget(budget, { pods, scale, now: cluster.clock.now() })
  const message = `Pod was expected by PDB ${namespace}/${namespace} to be deleted but it wasn't`
  for (const pod of notDeleted) cluster.event(pod, { type: 'Warning', reason: 'NotDeleted', message })
  await cluster.status(PodDisruptionBudget, budget, status, onto(budget))
  return recheck === undefined ? undefined : { after: recheck / 1000 }
}

async function scaleFor(budget: PodDisruptionBudget, pods: BudgetPods, cluster: Cluster<Reads, never>): Promise<number> {
  try {
    const scale = await scaleOfControllers(pods.controlled, budget.metadata.namespace ?? '', cluster)
    if (pods.unmanaged.size > 0) cluster.event(budget, unmanagedEvent(budget.spec.selector))
    return scale
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    const message = `Failed to calculate the number of expected pods: ${why}`
    cluster.event(budget, { type: 'Warning', reason: 'CalculateExpectedPodCountFailed', message })
    throw error
  }
}

function unmanagedEvent(selector: LabelSelector | undefined) {
  const what = `Pods selected by this PodDisruptionBudget (selector: ${selectorInGo(selector)}) were found to be unmanaged.`
  const effect = 'As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior.'
  const cure = 'To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.'
  return { type: 'Warning', reason: 'UnmanagedPods', message: `${what} ${effect} ${cure}` } as const
}

/** As Go prints it with `%v`, which is what upstream's message holds. */
function selectorInGo({ matchLabels = {}, matchExpressions = [] }: LabelSelector = {}): string {
  const labels = Object.keys(matchLabels)
    .sort()
    .map((key) => `${key}: ${matchLabels[key]},`)
  const rules = matchExpressions.map(
    ({ key, operator, values = [] }) =>
      `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(' ')}],},`,
  )
  const expressions = `MatchExpressions:[]LabelSelectorRequirement{${rules.join('')}}`
  return `&LabelSelector{MatchLabels:map[string]string{${labels.join(' ')}},${expressions},}`
}

/** Takes back the announcement that a pod is about to be disrupted, where that did not come to pass. */
export const staleDisruptionController = defineController({
  name: 'disruption-controller',
  component: 'controllermanager',
  for: Pod,
  when: ({ object }) => object !== undefined && podCondition(object, 'DisruptionTarget')?.status === 'True',

  async reconcile(pod, cluster) {
    const now = cluster.clock.now()
    const left = staleIn(pod, now)
    if (left === undefined) return undefined
    if (left > 0) return { after: left / 1000 }
    const conditions = pod.status.conditions?.map(
      (condition): PodCondition =>
        condition.type === 'DisruptionTarget'
          ? ({ type: 'DisruptionTarget', status: 'False', lastTransitionTime: formatTime(now) } as PodCondition)
          : condition,
    )
    await cluster.status(Pod, pod, { ...pod.status, ...(conditions && { conditions }) })
    return undefined
  },
})
