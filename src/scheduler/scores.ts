/** The sum of what the plugins say in favour of each node. */
import type { Plugin } from './framework/plugin.ts'
import type { NodeInfo } from './framework/snapshot.ts'
import { localVerdict, type Run, type Running } from './run.ts'
import { noneFits, type Raw, type SharedResults } from './shared-results.ts'

export type Scoring = Running & { readonly plugin: Plugin & { score: NonNullable<Plugin['score']> } }

export interface Weighing {
  /** Added to the scores, by name. */
  readonly extra?: ReadonlyMap<string, number> | undefined
  /** Those of them for which the plugins say most that read only the one node. */
  readonly favourites?: Int32Array | undefined
}

/** Those of the slots whose nodes have the highest weighted sum. */
export function bestSlots(run: Run, slots: Int32Array, { extra, favourites }: Weighing = {}): Int32Array {
  if (slots.length <= 1) return slots
  const { shared, snapshot } = run
  const others = run.running.filter((one): one is Scoring => !(shared && one.isLocal) && isScoring(one, slots))
  if (favourites && !extra && !shared?.raws.some(({ differs }) => differs) && others.length === 0) return favourites
  const totals = shared ? sharedTotals(run, shared, slots) : new Float64Array(slots.length)
  for (const { plugin, cycle, weight } of others) {
    const scores = new Array<number>(slots.length)
    for (let i = 0; i < slots.length; i++) scores[i] = plugin.score(cycle, snapshot.at(slots[i] as number))
    plugin.normalize?.(scores, cycle, slots)
    addWeighted(totals, scores, weight)
  }
  if (extra) {
    for (const [i, slot] of slots.entries()) totals[i] = (totals[i] as number) + (extra.get(snapshot.at(slot).name) ?? 0)
  }
  return highest(totals, slots)
}

function isScoring({ plugin, weight, cycle }: Running, slots: Int32Array): boolean {
  return weight > 0 && plugin.score !== undefined && !plugin.prepareScore?.(cycle, slots).skip
}

/** What the plugins say that read only the one node; all of the nodes fit by those of their rules. */
function sharedTotals(run: Run, shared: SharedResults, slots: Int32Array): Float64Array {
  const { plain, totals } = shared
  catchUp(run, shared)
  for (let i = 0; i < slots.length; i++) {
    const slot = slots[i] as number
    const known = plain[slot] as number
    totals[i] = Number.isNaN(known) ? plainScore(run, shared, run.snapshot.at(slot)) : known
  }
  for (const { differs, values, scoring } of shared.raws) {
    // What is said of all alike decides nothing.
    if (!differs) continue
    const scores = Array.from(slots, (slot) => values[slot] as number)
    scoring.plugin.normalize?.(scores, scoring.cycle, slots)
    addWeighted(totals, scores, scoring.weight)
  }
  return totals
}

/** Forgets what was known of nodes that have changed since. */
export function catchUp({ snapshot }: Run, shared: SharedResults): void {
  const { plain } = shared
  const { changes } = snapshot
  if (changes.count === shared.seen) return
  if (changes.count - shared.seen > changes.slots.length) plain.fill(Number.NaN)
  else for (let at = shared.seen; at < changes.count; at++) plain[changes.slots[at % changes.slots.length] as number] = Number.NaN
  shared.seen = changes.count
}

/** Remembers the sum of the scores that need no normalizing, or that the node does not fit; NaN where a plugin failed. */
export function plainScore(run: Run, shared: SharedResults, node: NodeInfo): number {
  const verdict = localVerdict(run, node)
  if (verdict?.rejection.error) return Number.NaN
  const sum = verdict ? noneFits : scored(run, shared, node)
  shared.plain[node.slot] = sum
  return sum
}

function scored(run: Run, shared: SharedResults, node: NodeInfo): number {
  shared.scorers ??= run.running.filter((one): one is Scoring => one.isLocal && isScoring(one, noSlots))
  let sum = 0
  for (const scoring of shared.scorers) {
    const { plugin, cycle, weight } = scoring
    const score = plugin.score(cycle, node)
    if (plugin.normalize) note(rawOf(shared, scoring), node.slot, score)
    else sum += score * weight
  }
  return sum
}

const noSlots = new Int32Array(0)

function rawOf(shared: SharedResults, scoring: Scoring): Raw {
  const known = shared.raws.find((raw) => raw.scoring === scoring)
  if (known) return known
  const made: Raw = { scoring, values: new Float64Array(shared.plain.length), first: undefined, differs: false }
  shared.raws.push(made)
  return made
}

function note(raw: Raw, slot: number, score: number): void {
  raw.first ??= score
  if (score !== raw.first) raw.differs = true
  raw.values[slot] = score
}

function addWeighted(totals: Float64Array, scores: readonly number[], weight: number): void {
  for (let i = 0; i < scores.length; i++) totals[i] = (totals[i] as number) + (scores[i] as number) * weight
}

function highest(totals: Float64Array, slots: Int32Array): Int32Array {
  let most = Number.NEGATIVE_INFINITY
  const equals = new Int32Array(slots.length)
  let count = 0
  for (let i = 0; i < slots.length; i++) {
    const total = totals[i] as number
    if (total < most) continue
    if (total > most) count = 0
    most = total
    equals[count++] = slots[i] as number
  }
  return equals.subarray(0, count)
}
