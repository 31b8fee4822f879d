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

export interface Verdict {
  readonly rejection: Rejection
  readonly by: string
}

/** Of one template. Generations start at 1, so 0 means: not known. */
export interface SharedResults {
  filtered: Float64Array
  verdicts: (Verdict | undefined)[]
  /** That was said last: neighbours are mostly refused for the same thing, and one verdict for all is looked at faster. */
  last: Verdict | undefined
  scored: Float64Array
  /** Weighted sum of the scores that need no normalizing. */
  plain: Float64Array
  /** Of each scoring plugin that normalizes: what it said of the node. */
  readonly raw: Map<string, Float64Array>
  /** What else was found out about nodes, by topic. */
  readonly topics: Map<string, Topic>
  imagesGeneration: number
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
    if (shared) this.#templates.delete(signature)
    else shared = empty(snapshot)
    this.#templates.set(signature, shared)
    if (this.#templates.size > mostTemplates) this.#templates.delete(this.#templates.keys().next().value as string)
    if (shared.filtered.length < snapshot.slots) grow(shared, capacityFor(snapshot.slots))
    if (shared.imagesGeneration !== snapshot.imagesGeneration) {
      shared.scored.fill(0)
      shared.imagesGeneration = snapshot.imagesGeneration
    }
    return shared
  }
}

function empty({ slots, imagesGeneration }: Snapshot): SharedResults {
  const size = capacityFor(slots)
  const array = () => new Float64Array(size)
  return {
    ...{ filtered: array(), verdicts: [], last: undefined, scored: array(), plain: array() },
    ...{ raw: new Map(), topics: new Map(), imagesGeneration },
  }
}

function grow(shared: SharedResults, size: number): void {
  const grown = (old: Float64Array) => {
    const array = new Float64Array(size)
    array.set(old)
    return array
  }
  shared.filtered = grown(shared.filtered)
  shared.scored = grown(shared.scored)
  shared.plain = grown(shared.plain)
  for (const [name, old] of shared.raw) shared.raw.set(name, grown(old))
}

export function rawOf(shared: SharedResults, plugin: string): Float64Array {
  const known = shared.raw.get(plugin)
  if (known) return known
  const made = new Float64Array(shared.filtered.length)
  shared.raw.set(plugin, made)
  return made
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
