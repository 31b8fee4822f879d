/**
 * How many pods on which nodes are selected by something, kept up to date pod by pod, so that no cycle has to look at all pods.
 *
 * - `matching`: pods on each node that fulfil all of some terms. Counted anew when first asked for; the least recently used are forgotten.
 * - `termsOf`: terms of the pods on the nodes, each distinct one with the nodes whose pods have it.
 */
import type { Pod } from '#api/core/v1/pod.ts'
import { LabelledPods, labelOfAll, labelsOf } from './labelled-pods.ts'
import { factsOf } from './pod-facts.ts'
import { type NamespaceLabels, type PodTerm, type PodTerms, termMatches } from './pod-terms.ts'
import { SlotCounts } from './slot-counts.ts'

/** What is counted. `live` leaves out pods that are being deleted. */
export interface PodQuery {
  readonly key: string
  readonly terms: readonly PodTerm[]
  readonly live?: boolean
}

export type TermKind = keyof PodTerms

export interface HeldTerm {
  readonly term: PodTerm
  readonly weight: number
  readonly counts: SlotCounts
}

interface Counted {
  readonly query: PodQuery
  readonly counts: SlotCounts
}

/** As many workloads as are placed at the same time; those that pods have no label for cost nothing when the pods change. */
const mostQueries = 1024

export class PodCounts {
  #queries = new Map<string, Counted>()
  /** The same by a label that all counted pods have; '' where there is none. */
  #byLabel = new Map<string, Set<Counted>>()
  /** Made when first asked for. */
  #labelled: LabelledPods | undefined
  #held: Readonly<Record<TermKind, Map<string, HeldTerm>>> = {
    affinity: new Map(),
    antiAffinity: new Map(),
    preferred: new Map(),
    preferredAnti: new Map(),
  }
  #labelsOf: NamespaceLabels
  #pods: () => Iterable<readonly [slot: number, pods: readonly Pod[]]>

  constructor(labelsOf: NamespaceLabels, pods: () => Iterable<readonly [number, readonly Pod[]]>) {
    this.#labelsOf = labelsOf
    this.#pods = pods
  }

  /** By slot; slots beyond the end have none. */
  matching(query: PodQuery): SlotCounts {
    const known = this.#queries.get(query.key)
    if (known) {
      this.#queries.delete(query.key)
      this.#queries.set(query.key, known)
      return known.counts
    }
    const counted: Counted = { query, counts: new SlotCounts() }
    const label = labelOfAll(query.terms)
    if (label === undefined) for (const [slot, pods] of this.#pods()) for (const pod of pods) this.#count(counted, slot, pod, 1)
    else for (const [pod, slot] of this.#podsByLabel().with(label)) this.#count(counted, slot, pod, 1)
    this.#queries.set(query.key, counted)
    const others = this.#byLabel.get(label ?? '') ?? new Set()
    this.#byLabel.set(label ?? '', others.add(counted))
    if (this.#queries.size > mostQueries) this.#forget(this.#queries.keys().next().value as string)
    return counted.counts
  }

  #podsByLabel(): LabelledPods {
    this.#labelled ??= new LabelledPods(this.#pods())
    return this.#labelled
  }

  #forget(key: string): void {
    const counted = this.#queries.get(key) as Counted
    const label = labelOfAll(counted.query.terms) ?? ''
    const others = this.#byLabel.get(label)
    others?.delete(counted)
    if (others?.size === 0) this.#byLabel.delete(label)
    this.#queries.delete(key)
  }

  termsOf(kind: TermKind): Iterable<HeldTerm> {
    return this.#held[kind].values()
  }

  hasTerms(kind: TermKind): boolean {
    return this.#held[kind].size > 0
  }

  /** A pod has come to the slot (1) or left it (-1). */
  change(slot: number, pod: Pod, by: 1 | -1): void {
    this.#labelled?.change(slot, pod, by)
    if (this.#byLabel.size > 0) {
      for (const label of ['', ...labelsOf(pod)]) {
        for (const counted of this.#byLabel.get(label) ?? []) this.#count(counted, slot, pod, by)
      }
    }
    const { terms } = factsOf(pod)
    for (const term of terms.affinity) hold(this.#held.affinity, { term, weight: 1 }, slot, by)
    for (const term of terms.antiAffinity) hold(this.#held.antiAffinity, { term, weight: 1 }, slot, by)
    for (const weighted of terms.preferred) hold(this.#held.preferred, weighted, slot, by)
    for (const weighted of terms.preferredAnti) hold(this.#held.preferredAnti, weighted, slot, by)
  }

  /** Which namespaces a selector means has changed. */
  forgetNamespaceSelections(): void {
    for (const [key, { query }] of this.#queries) {
      if (query.terms.some(({ namespaceSelector }) => namespaceSelector)) this.#forget(key)
    }
  }

  #count(counted: Counted, slot: number, pod: Pod, by: 1 | -1): void {
    const { terms, live } = counted.query
    if (live && pod.metadata.deletionTimestamp) return
    for (const term of terms) if (!termMatches(term, pod, this.#labelsOf)) return
    counted.counts.add(slot, by)
  }
}

function hold(held: Map<string, HeldTerm>, { term, weight }: { term: PodTerm; weight: number }, slot: number, by: 1 | -1): void {
  const key = weight === 1 ? term.key : `${weight} ${term.key}`
  let entry = held.get(key)
  if (!entry) held.set(key, (entry = { term, weight, counts: new SlotCounts() }))
  entry.counts.add(slot, by)
  if (entry.counts.total === 0) held.delete(key)
}
