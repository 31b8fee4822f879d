/**
 * PodTopologySpread keeps pods of a group evenly spread over the domains of a topology (KEP-895, KEP-3022, KEP-3094): hard constraints
 * filter, soft ones score. Pods without constraints get the profile's defaults.
 */
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { type Cure, definePlugin, maxNodeScore, type Plugin, unresolvable, unschedulable } from '../framework/plugin.ts'
import type { Snapshot } from '../framework/snapshot.ts'
import { type Constraint, constraintsOf, defaultsFor, type SpreadArgs } from './topology-constraints.ts'
import { type HardConstraint, hardState, matchesSelf, type SoftState, softState } from './topology-counts.ts'

type When = 'DoNotSchedule' | 'ScheduleAnyway'

interface State {
  readonly hard: readonly HardConstraint[]
  readonly soft: readonly Constraint[]
  /** Whether nodes must have all topology labels to be scored at all. */
  readonly strict: boolean
  scoring?: SoftState
}

function curesFor(args: SpreadArgs): readonly Cure[] {
  /** Those that may have refused it; undefined where nobody knows. */
  const hardOf = (pod: Pod, snapshot: Snapshot | undefined) => {
    if (hasOwnConstraints(pod)) return constraintsOf(pod, 'DoNotSchedule')
    return snapshot && defaultsFor(pod, snapshot, { args, when: 'DoNotSchedule' })
  }
  return [
    {
      kind: Pod,
      when: ['added', 'deleted', 'labelsChanged'],
      helps(pod, before: Pod | undefined, after: Pod | undefined, snapshot) {
        const { namespace, uid } = (before ?? after)?.metadata ?? {}
        if (namespace !== pod.metadata.namespace) return false
        const constraints = uid === pod.metadata.uid ? undefined : hardOf(pod, snapshot)
        return constraints?.some((one) => [before, after].some((other) => other && matchesSelf(one, other))) ?? true
      },
    },
    {
      kind: Node,
      when: ['added', 'deleted', 'labelsChanged', 'taintsChanged'],
      helps: (pod, before: Node | undefined, after: Node | undefined, snapshot) =>
        movesDomains(hardOf(pod, snapshot) ?? [], before, after),
    },
  ]
}

function hasOwnConstraints({ spec }: Pod): boolean {
  return Boolean(spec.topologySpreadConstraints?.length)
}

/** A node is in all topologies of the constraints, or was, and what matters to them is not as before. */
function movesDomains(constraints: readonly Constraint[], before: Node | undefined, after: Node | undefined): boolean {
  if (constraints.length === 0) return true
  const isIn = (node: Node | undefined) =>
    node !== undefined && constraints.every(({ topologyKey }) => node.metadata.labels?.[topologyKey] !== undefined)
  return isIn(before) || isIn(after)
}

export function podTopologySpread(args: SpreadArgs = {}): Plugin<State> {
  const isSystem = (args.defaultingType ?? 'System') === 'System'
  return definePlugin<State>({
    name: 'PodTopologySpread',
    requeueOn: curesFor(args),

    prepare(pod, snapshot) {
      const hasOwn = hasOwnConstraints(pod)
      const of = (when: When) => (hasOwn ? constraintsOf(pod, when) : defaultsFor(pod, snapshot, { args, when }))
      const hard = of('DoNotSchedule')
      const state = { hard: hardState(pod, snapshot, hard), soft: of('ScheduleAnyway'), strict: hasOwn || !isSystem }
      return { state, skip: hard.length === 0 }
    },

    filter({ state }, node) {
      for (const { constraint, domains, counts, least, self } of state.hard) {
        const domain = domains.of[node.slot] as number
        if (domain < 0) return unresolvable("node(s) didn't match pod topology spread constraints (missing required label)")
        if ((counts[domain] ?? 0) + self - least > constraint.maxSkew) {
          return unschedulable("node(s) didn't match pod topology spread constraints")
        }
      }
      return undefined
    },

    prepareScore({ state, pod, snapshot }, slots) {
      if (state.soft.length === 0) return { skip: true }
      state.scoring = softState(pod, snapshot, { ...state, slots })
      return {}
    },

    score({ state }, node) {
      const scoring = state.scoring as SoftState
      if (scoring.isIgnored(node.slot)) return 0
      let sum = 0
      for (const { constraint, domains, counts, perNode, weight } of scoring.constraints) {
        const domain = domains.of[node.slot] as number
        if (domain < 0) continue
        const count = perNode ? (perNode[node.slot] ?? 0) : (counts[domain] as number)
        sum += count * weight + (constraint.maxSkew - 1)
      }
      return Math.round(sum)
    },

    normalize(scores, { state }, slots) {
      const { isIgnored } = state.scoring as SoftState
      let min = Number.POSITIVE_INFINITY
      let max = Number.NEGATIVE_INFINITY
      for (let i = 0; i < scores.length; i++) {
        if (isIgnored(slots[i] as number)) continue
        min = Math.min(min, scores[i] as number)
        max = Math.max(max, scores[i] as number)
      }
      for (let i = 0; i < scores.length; i++) {
        if (isIgnored(slots[i] as number)) scores[i] = 0
        else scores[i] = max === 0 ? maxNodeScore : Math.trunc((maxNodeScore * (max + min - (scores[i] as number))) / max)
      }
    },
  })
}
