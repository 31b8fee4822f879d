/**
 * InterPodAffinity keeps pods together with, or apart from, other pods within the domains of a topology, and weighs where they would
 * rather be; the terms of pods that run already count as well as those of the new one.
 */
import { Namespace } from '#api/core/v1/namespace.ts'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { definePlugin, maxNodeScore, type Plugin, unresolvable, unschedulable } from '../framework/plugin.ts'
import type { TermKind } from '../framework/pod-counts.ts'
import { factsOf } from '../framework/pod-facts.ts'
import { type NamespaceLabels, type PodTerm, termMatches } from '../framework/pod-terms.ts'
import type { SlotCounts } from '../framework/slot-counts.ts'
import type { Snapshot } from '../framework/snapshot.ts'
import type { Domains } from '../framework/topology.ts'

export interface InterPodAffinityArgs {
  /** What a required term of a running pod that the new one fulfils adds to the score. */
  readonly hardPodAffinityWeight?: number
  readonly ignorePreferredTermsOfExistingPods?: boolean
}

/** Something for each domain of one topology. */
interface ByDomain {
  readonly domains: Domains
  readonly values: Float64Array
  /** Of each of the values. */
  readonly weight: number
}

interface State {
  readonly affinity: readonly ByDomain[]
  /** No pod fulfils the terms yet, and the pod itself does: the first of a group may go anywhere. */
  readonly isFirst: boolean
  readonly antiAffinity: readonly ByDomain[]
  readonly existing: readonly ByDomain[]
  scores?: readonly ByDomain[]
}

export function interPodAffinity(args: InterPodAffinityArgs = {}): Plugin<State> {
  return definePlugin<State>({
    name: 'InterPodAffinity',
    requeueOn: [
      { kind: Pod, when: ['added', 'deleted', 'labelsChanged'], helps: mayHelp },
      { kind: Node, when: ['added', 'labelsChanged'], helps: movesDomains },
    ],

    prepare(pod, snapshot) {
      const { affinity, antiAffinity } = factsOf(pod).terms
      const existing = existingRules(pod, snapshot)
      if (affinity.length === 0 && antiAffinity.length === 0 && existing.length === 0) {
        return { state: { affinity: [], isFirst: false, antiAffinity: [], existing }, skip: true }
      }
      const together = affinity.length === 0 ? [] : sums(snapshot, affinity, affinity)
      const isFirst =
        together.every(({ values }) => values.every((value) => value === 0)) &&
        affinity.every((term) => termMatches(term, pod, labelsIn(snapshot)))
      const apart = antiAffinity.flatMap((term) => sums(snapshot, [term], [term]))
      return { state: { affinity: together, isFirst, antiAffinity: apart, existing } }
    },

    filter({ state }, { slot }) {
      if (!satisfiesAffinity(state, slot)) return unresolvable("node(s) didn't match pod affinity rules")
      if (state.antiAffinity.some((rule) => valueAt(rule, slot) > 0)) {
        return unschedulable("node(s) didn't match pod anti-affinity rules")
      }
      if (state.existing.some((rule) => valueAt(rule, slot) > 0)) {
        return unschedulable("node(s) didn't satisfy existing pods anti-affinity rules")
      }
      return undefined
    },

    prepareScore({ pod, snapshot, state }) {
      state.scores = scoresOf(pod, snapshot, args)
      return { skip: state.scores.length === 0 }
    },

    score({ state }, { slot }) {
      let sum = 0
      for (const rule of state.scores as readonly ByDomain[]) sum += valueAt(rule, slot)
      return sum
    },

    normalize(scores) {
      let min = Number.POSITIVE_INFINITY
      let max = Number.NEGATIVE_INFINITY
      for (const score of scores) {
        if (score < min) min = score
        if (score > max) max = score
      }
      for (let i = 0; i < scores.length; i++) {
        scores[i] = max > min ? Math.trunc(maxNodeScore * (((scores[i] as number) - min) / (max - min))) : 0
      }
    },
  })
}

function labelsIn({ objects }: Snapshot): NamespaceLabels {
  return (name) => objects.get(Namespace, { name })?.metadata.labels ?? {}
}

function valueAt({ domains, values, weight }: ByDomain, slot: number): number {
  const domain = domains.of[slot] as number
  return domain < 0 ? 0 : (values[domain] as number) * weight
}

function satisfiesAffinity({ affinity, isFirst }: State, slot: number): boolean {
  let all = true
  for (const { domains, values } of affinity) {
    const domain = domains.of[slot] as number
    if (domain < 0) return false
    if ((values[domain] as number) <= 0) all = false
  }
  return all || isFirst
}

/** For the topology of each of `terms`: how many pods fulfil all of `fulfil` there. */
function sums(snapshot: Snapshot, terms: readonly PodTerm[], fulfil: readonly PodTerm[]): ByDomain[] {
  const counts = snapshot.counts.matching({ key: `terms ${fulfil.map(({ key }) => key).join('\n')}`, terms: fulfil })
  return terms.map(({ topologyKey }) => {
    const domains = snapshot.topology.domains(topologyKey)
    return { domains, values: counts.byDomain(domains), weight: 1 }
  })
}

/** Sums of what is counted by domain, one for each topology. */
class Rules {
  #rules = new Map<string, ByDomain>()
  #topology: Snapshot['topology']

  constructor({ topology }: Snapshot) {
    this.#topology = topology
  }

  add(topologyKey: string, counts: SlotCounts, weight: number): void {
    const domains = this.#topology.domains(topologyKey)
    const values = counts.byDomain(domains)
    const known = this.#rules.get(topologyKey)
    this.#rules.set(topologyKey, known ? sumOf(known, { domains, values, weight }) : { domains, values, weight })
  }

  get all(): readonly ByDomain[] {
    return [...this.#rules.values()]
  }
}

function sumOf(a: ByDomain, b: ByDomain): ByDomain {
  const values = new Float64Array(a.values.length)
  for (let i = 0; i < values.length; i++) values[i] = (a.values[i] as number) * a.weight + (b.values[i] as number) * b.weight
  return { domains: a.domains, values, weight: 1 }
}

/** Domains from which pods that run there keep this one away. */
function existingRules(pod: Pod, snapshot: Snapshot): readonly ByDomain[] {
  if (!snapshot.counts.hasTerms('antiAffinity')) return []
  const rules = new Rules(snapshot)
  const labelsOf = labelsIn(snapshot)
  for (const { term, counts } of snapshot.counts.termsOf('antiAffinity')) {
    if (termMatches(term, pod, labelsOf)) rules.add(term.topologyKey, counts, 1)
  }
  return rules.all
}

function scoresOf(pod: Pod, snapshot: Snapshot, args: InterPodAffinityArgs): readonly ByDomain[] {
  const { preferred, preferredAnti } = factsOf(pod).terms
  const hasOwn = preferred.length > 0 || preferredAnti.length > 0
  if (!hasOwn && (args.ignorePreferredTermsOfExistingPods || !held.some((kind) => snapshot.counts.hasTerms(kind)))) return []
  const rules = new Rules(snapshot)
  for (const { weight, term } of [...preferred, ...preferredAnti]) {
    const counts = snapshot.counts.matching({ key: `terms ${term.key}`, terms: [term] })
    if (counts.total > 0) rules.add(term.topologyKey, counts, weight)
  }
  const hard = args.hardPodAffinityWeight ?? 1
  const labelsOf = labelsIn(snapshot)
  for (const kind of held) {
    for (const one of snapshot.counts.termsOf(kind)) {
      const weight = kind === 'affinity' ? hard : one.weight
      if (weight !== 0 && termMatches(one.term, pod, labelsOf)) rules.add(one.term.topologyKey, one.counts, weight)
    }
  }
  return rules.all
}

const held: readonly TermKind[] = ['affinity', 'preferred', 'preferredAnti']

/** A pod that came can fulfil an affinity; one that went, or changed its labels, can lift an anti-affinity. */
function mayHelp(pod: Pod, before: Pod | undefined, after: Pod | undefined): boolean {
  if (after?.metadata.uid === pod.metadata.uid) return true
  const { affinity, antiAffinity } = factsOf(pod).terms
  const anywhere: NamespaceLabels = () => undefined
  const concerns = (term: PodTerm, other: Pod | undefined) =>
    other !== undefined &&
    (term.namespaceSelector ? term.selector.matches(other.metadata.labels) : termMatches(term, other, anywhere))
  if (after && affinity.some((term) => concerns(term, after) && !concerns(term, before))) return true
  if (!before) return false
  if (antiAffinity.some((term) => concerns(term, before) && !concerns(term, after))) return true
  return factsOf(before).terms.antiAffinity.some((term) => concerns(term, pod))
}

/** A node enters a topology that the pod's rules are about, or goes to another domain of it, or leaves it. */
function movesDomains(pod: Pod, before: Node | undefined, after: Node): boolean {
  const { affinity, antiAffinity } = factsOf(pod).terms
  const own = [...affinity, ...antiAffinity]
  // What keeps it away is then a rule of others, which this event does not know.
  if (own.length === 0 || !before) return true
  return own.some(({ topologyKey }) => before.metadata.labels?.[topologyKey] !== after.metadata.labels?.[topologyKey])
}
