/**
 * Answers that pods of one template share: what filters and scores that read only the one node said of it, by slot, for as long as the node
 * has not changed.
 *
 * Guarantee: a shared answer is the one that would be computed. Everything else about the pod that such a plugin reads is in its signature.
 */
import type { Pod } from '#api/core/v1/pod.ts'
import type { Rejection } from './framework/plugin.ts'
import type { NodeInfo, Snapshot } from './framework/snapshot.ts'
import { capacityFor } from './framework/topology.ts'
import type { Running } from './run.ts'
import type { Scoring } from './scores.ts'

export interface Verdict {
  readonly rejection: Rejection
  readonly by: string
}

/** Of one template. */
export interface SharedResults {
  /** Plugins that read only the one node, by their place in the profile, as they were prepared for the first pod. */
  readonly running: (Running | undefined)[]
  /** By slot: the node's generation when its verdict was found. Generations start at 1, so 0 means: not known. */
  filtered: Float64Array
  verdicts: (Verdict | undefined)[]
  /** That was said last: neighbours are mostly refused for the same thing, and one verdict for all is looked at faster. */
  last: Verdict | undefined
  /** By slot: weighted sum of the scores that need no normalizing, `noneFits` where there is a verdict, NaN where not known. */
  plain: Float64Array
  /** Of the snapshot's changes those that are considered in `plain`. */
  seen: number
  /** Of the plugins that read only the one node. */
  scorers: readonly Scoring[] | undefined
  /** Of each that normalizes. */
  readonly raws: Raw[]
  /** What else was found out about nodes, by topic. */
  readonly topics: Map<string, Topic>
  imagesGeneration: number
  /** Where the nodes that fit the pod at hand are gathered, by slot, the best of them, and their scores. */
  fitting: Int32Array
  favourites: Int32Array
  totals: Float64Array
}

export const noneFits = Number.NEGATIVE_INFINITY

export interface Raw {
  readonly scoring: Scoring
  /** What the plugin said of the node, by slot; known where `plain` is. */
  values: Float64Array
  first: number | undefined
  /** Not all nodes that it was ever asked about are alike. */
  differs: boolean
}

interface Topic {
  /** By slot: the node's generation then. */
  readonly generations: number[]
  readonly sightings: number[]
  /** The pods nominated to it then. */
  readonly nominated: (readonly Pod[])[]
  readonly values: unknown[]
}

const mostTopics = 16

const mostTemplates = 256

export class ResultCache {
  #templates = new Map<string, SharedResults>()

  of(signature: string, snapshot: Snapshot): SharedResults {
    let shared = this.#templates.get(signature)
    if (!shared) shared = empty(snapshot)
    else if (this.#templates.size > 1) this.#templates.delete(signature)
    this.#templates.set(signature, shared)
    if (this.#templates.size > mostTemplates) this.#templates.delete(this.#templates.keys().next().value as string)
    if (shared.plain.length < snapshot.slots) grow(shared, capacityFor(snapshot.slots))
    if (shared.imagesGeneration !== snapshot.imagesGeneration) {
      shared.plain.fill(Number.NaN)
      shared.running.length = 0
      shared.scorers = undefined
      shared.raws.length = 0
      shared.imagesGeneration = snapshot.imagesGeneration
    }
    return shared
  }
}

function empty({ slots, imagesGeneration, changes }: Snapshot): SharedResults {
  const size = capacityFor(slots)
  return {
    ...{ running: [], filtered: new Float64Array(size), verdicts: [], last: undefined },
    ...{ plain: new Float64Array(size).fill(Number.NaN), seen: changes.count, scorers: undefined, raws: [] },
    ...{ topics: new Map(), imagesGeneration, fitting: new Int32Array(size), favourites: new Int32Array(size) },
    totals: new Float64Array(size),
  }
}

function grow(shared: SharedResults, size: number): void {
  const grown = (old: Float64Array, unknown = 0) => {
    const array = new Float64Array(size).fill(unknown)
    array.set(old)
    return array
  }
  shared.filtered = grown(shared.filtered)
  shared.plain = grown(shared.plain, Number.NaN)
  shared.fitting = new Int32Array(size)
  shared.favourites = new Int32Array(size)
  shared.totals = new Float64Array(size)
  for (const raw of shared.raws) raw.values = grown(raw.values)
}

interface Remembering<T> {
  readonly node: NodeInfo
  readonly nominated: readonly Pod[]
  work(node: NodeInfo): T
}

/** What `work` finds out about the node, unless it is known already. */
export function remembered<T>(shared: SharedResults, topic: string, { node, nominated, work }: Remembering<T>): T {
  let known = shared.topics.get(topic)
  if (!known) {
    if (shared.topics.size >= mostTopics) shared.topics.clear()
    shared.topics.set(topic, (known = { generations: [], sightings: [], nominated: [], values: [] }))
  }
  const { slot, generation, sightings } = node
  const isAsThen = known.generations[slot] === generation && known.sightings[slot] === sightings
  if (isAsThen && known.nominated[slot] === nominated) return known.values[slot] as T
  const value = work(node)
  known.generations[slot] = generation
  known.sightings[slot] = sightings
  known.nominated[slot] = nominated
  known.values[slot] = value
  return value
}
