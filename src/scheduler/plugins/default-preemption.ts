/**
 * DefaultPreemption makes room for a pod that fits nowhere by evicting pods of lower priority: on the node where that breaks the fewest
 * disruption budgets, then costs the least important pods (upstream `framework/preemption`).
 */

import type { Pod } from '#api/core/v1/pod.ts'
import { PodDisruptionBudget } from '#api/policy/v1/pod-disruption-budget.ts'
import type { Random } from '#lib/random.ts'
import { histogram, unavailable } from '../cycle.ts'
import {
  type Candidate,
  type Cycle,
  definePlugin,
  type Nomination,
  type Plugin,
  type Rejection,
  type Verdicts,
} from '../framework/plugin.ts'
import { priorityOf } from '../framework/pod-facts.ts'
import type { NodeInfo } from '../framework/snapshot.ts'
import { reasonsOf } from '../run.ts'
import { bestCandidate } from './preemption-candidates.ts'
import { isPreemptible, selectVictims } from './preemption-victims.ts'

export interface DefaultPreemptionArgs {
  /** How many nodes are tried: this share of all of them, */
  readonly minCandidateNodesPercentage?: number
  /** but no fewer than this. */
  readonly minCandidateNodesAbsolute?: number
}

export function defaultPreemption(args: DefaultPreemptionArgs = {}, random?: Random): Plugin {
  return definePlugin({
    name: 'DefaultPreemption',
    requeueOn: [],
    postFilter(cycle, verdicts) {
      // An earlier nomination stays: its victims are still on their way out.
      const barred = notEligible(cycle, verdicts)
      if (barred) return { message: `preemption: ${barred}` }
      const outcome = preempt(cycle, verdicts, { args, random })
      return typeof outcome === 'string' ? { node: '', message: `preemption: ${outcome}` } : outcome
    },
  })
}

interface Choice {
  readonly args: DefaultPreemptionArgs
  readonly random: Random | undefined
}

function preempt(cycle: Cycle, verdicts: Verdicts, choice: Choice): Nomination | string {
  const { pod, snapshot } = cycle
  const { nodes, rejections } = verdicts
  let places = 0
  for (let i = 0; i < rejections.length; i++) if (!rejections[i]?.unresolvable) places++
  const budgets = snapshot.objects.list(PodDisruptionBudget)
  const wanted = candidatesWanted(places, choice.args)
  let at = choice.random ? Math.floor(choice.random.next() * rejections.length) : 0
  // What a budget still allows may change without the node.
  const topic = `victims ${priorityOf(pod)} ${snapshot.objects.generation(PodDisruptionBudget)}`
  const candidates: Candidate[] = []
  const counts = new Map<string, number>()
  const select = (node: NodeInfo) => selectVictims(cycle, node, { budgets, tryNode: verdicts.tryNode })
  let harmless = 0
  for (let left = rejections.length; left > 0 && (candidates.length < wanted || harmless === 0); left--, at++) {
    if (at === rejections.length) at = 0
    if (rejections[at]?.unresolvable) continue
    const found = verdicts.remember(topic, nodes[at] as NodeInfo, select)
    if ('victims' in found) {
      candidates.push(found)
      if (found.violations === 0) harmless++
    } else for (const reason of reasonsOf(found as Rejection)) counts.set(reason, (counts.get(reason) ?? 0) + 1)
  }
  const best = bestCandidate(candidates)
  if (best) return { node: best.node.name, victims: best.victims, candidates }
  const hopeless = verdicts.total - places
  if (hopeless > 0) counts.set('Preemption is not helpful for scheduling', hopeless)
  return unavailable(verdicts.total, histogram(counts))
}

/** Upstream's GetOffsetAndNumCandidates. */
export function candidatesWanted(places: number, args: DefaultPreemptionArgs): number {
  const { minCandidateNodesPercentage = 10, minCandidateNodesAbsolute = 100 } = args
  const share = Math.trunc((places * minCandidateNodesPercentage) / 100)
  return Math.min(places, Math.max(share, minCandidateNodesAbsolute))
}

/** A pod that has preempted already waits for its victims to be gone, unless their going cannot help it any more. */
function notEligible({ pod, snapshot }: Cycle, { nodes, rejections }: Verdicts): string | undefined {
  if (pod.spec.preemptionPolicy === 'Never') return 'not eligible due to preemptionPolicy=Never.'
  const nominated = pod.status?.nominatedNodeName
  const node = nominated ? snapshot.get(nominated) : undefined
  const rejection = node && rejections[nodes.findIndex(({ name }) => name === node.name)]
  // What was not looked at is out of the question.
  if (!rejection || rejection.unresolvable) return undefined
  const waits = node.pods.some((one) => isPreemptible(one, pod) && isBeingPreempted(one))
  return waits ? 'not eligible due to a terminating pod on the nominated node.' : undefined
}

function isBeingPreempted({ metadata, status }: Pod): boolean {
  if (!metadata.deletionTimestamp) return false
  return (status.conditions ?? []).some(
    ({ type, status: is, reason }) => type === 'DisruptionTarget' && is === 'True' && reason === 'PreemptionByScheduler',
  )
}
