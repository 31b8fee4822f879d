/** Which pods of one node would have to go for a pod to fit there (upstream `SelectVictimsOnNode`). */
import type { Pod } from '#api/core/v1/pod.ts'
import { selects } from '#api/meta/v1/label-selector.ts'
import type { PodDisruptionBudget } from '#api/policy/v1/pod-disruption-budget.ts'
import { type Candidate, type Cycle, type Rejection, unresolvable, type Verdicts } from '../framework/plugin.ts'
import { priorityOf } from '../framework/pod-facts.ts'
import type { NodeInfo } from '../framework/snapshot.ts'
import { candidate, startOf } from './preemption-candidates.ts'

interface Selecting {
  readonly budgets: readonly PodDisruptionBudget[]
  tryNode: Verdicts['tryNode']
}

export function isPreemptible(victim: Pod, preemptor: Pod): boolean {
  return priorityOf(victim) < priorityOf(preemptor)
}

/**
 * With all less important pods gone the pod must fit; then as many as possible are spared, those whose budgets would be broken first, and of
 * both the more important first.
 */
export function selectVictims({ pod, snapshot }: Cycle, node: NodeInfo, options: Selecting): Candidate | Rejection {
  const { budgets, tryNode } = options
  const potential = node.pods.filter((one) => isPreemptible(one, pod)).sort(moreImportantFirst)
  if (potential.length === 0) return unresolvable('No preemption victims found for incoming pod')
  const gone = new Set<Pod>(potential)
  let violations = 0
  const rejection = snapshot.without(node.name, { removed: potential }, (putBack) => {
    const hopeless = tryNode(node)
    if (hopeless) return hopeless
    const { violating, others } = byBudget(potential, budgets)
    for (const one of [...violating, ...others]) {
      const takeAway = putBack(one)
      if (!tryNode(node)) {
        gone.delete(one)
        continue
      }
      takeAway()
      if (violating.has(one)) violations++
    }
    return undefined
  })
  return rejection ?? candidate({ node, victims: potential.filter((one) => gone.has(one)), violations })
}

/** Higher priority, or the same and running for longer; what has not started yet counts as started last. */
export function moreImportantFirst(a: Pod, b: Pod): number {
  const byPriority = priorityOf(b) - priorityOf(a)
  if (byPriority !== 0) return byPriority
  const [startA, startB] = [startOf(a), startOf(b)]
  return startA < startB ? -1 : startA > startB ? 1 : 0
}

/** Pods that must not go by some budget, counting what earlier ones in the list use up of it. */
function byBudget(pods: readonly Pod[], budgets: readonly PodDisruptionBudget[]) {
  const violating = new Set<Pod>()
  const others: Pod[] = []
  const allowed = budgets.map(({ status }) => status?.disruptionsAllowed ?? 0)
  for (const pod of pods) {
    const { labels = {}, namespace, name } = pod.metadata
    let violates = false
    for (const [i, { metadata, spec, status }] of budgets.entries()) {
      if (metadata.namespace !== namespace || Object.keys(labels).length === 0) continue
      const { selector } = spec
      if (!selector || isEmpty(selector) || !selects(selector, labels)) continue
      if (status?.disruptedPods?.[name] !== undefined) continue
      allowed[i] = (allowed[i] as number) - 1
      if ((allowed[i] as number) < 0) violates = true
    }
    if (violates) violating.add(pod)
    else others.push(pod)
  }
  return { violating, others }
}

/** A budget without a selector, or with one that selects everything, protects nothing here, as upstream has it. */
function isEmpty({ matchLabels, matchExpressions }: NonNullable<PodDisruptionBudget['spec']['selector']>): boolean {
  return Object.keys(matchLabels ?? {}).length === 0 && (matchExpressions ?? []).length === 0
}
