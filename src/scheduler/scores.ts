/** The sum of what the plugins say in favour of each node. */
import type { Plugin } from './framework/plugin.ts'
import type { NodeInfo } from './framework/snapshot.ts'
import type { Run, Running } from './run.ts'
import { rawOf, type SharedResults } from './shared-results.ts'

type Scoring = Running & { readonly plugin: Plugin & { score: NonNullable<Plugin['score']> } }

/** `slots`: those of the nodes, where they are known already. */
export function totalScores(run: Run, nodes: readonly NodeInfo[], slots = slotsOf(nodes)): Float64Array {
  const scoring = run.running.filter(
    (one): one is Scoring =>
      one.weight > 0 && one.plugin.score !== undefined && !one.plugin.prepareScore?.(one.cycle, nodes).skip,
  )
  const totals = new Float64Array(nodes.length)
  const local = run.shared ? scoring.filter(({ isLocal }) => isLocal) : []
  if (run.shared) addShared(run.shared, local, { nodes, slots, totals, generations: run.snapshot.generations })
  for (const one of scoring) {
    if (run.shared && one.isLocal) continue
    const scores = nodes.map((node) => one.plugin.score(one.cycle, node))
    one.plugin.normalize?.(scores, one.cycle, nodes)
    addWeighted(totals, scores, one.weight)
  }
  return totals
}

interface Totals {
  readonly nodes: readonly NodeInfo[]
  readonly slots: Int32Array
  readonly totals: Float64Array
  readonly generations: Float64Array
}

function slotsOf(nodes: readonly NodeInfo[]): Int32Array {
  return Int32Array.from(nodes, ({ slot }) => slot)
}

function addShared(shared: SharedResults, scoring: readonly Scoring[], { nodes, slots, totals, generations }: Totals): void {
  const plain = scoring.filter(({ plugin }) => !plugin.normalize)
  const normalized = scoring.filter(({ plugin }) => plugin.normalize)
  const raws = normalized.map(({ plugin }) => rawOf(shared, plugin.name))
  const { scored, plain: sums } = shared
  for (let i = 0; i < slots.length; i++) {
    const slot = slots[i] as number
    const generation = generations[slot] as number
    if (scored[slot] !== generation) {
      const node = nodes[i] as NodeInfo
      let sum = 0
      for (const { plugin, cycle, weight } of plain) sum += plugin.score(cycle, node) * weight
      sums[slot] = sum
      for (const [r, { plugin, cycle }] of normalized.entries()) (raws[r] as Float64Array)[slot] = plugin.score(cycle, node)
      scored[slot] = generation
    }
    totals[i] = sums[slot] as number
  }
  for (const [r, { plugin, cycle, weight }] of normalized.entries()) {
    const raw = raws[r] as Float64Array
    if (areEqual(raw, slots)) continue
    const scores = Array.from(slots, (slot) => raw[slot] as number)
    plugin.normalize?.(scores, cycle, nodes)
    addWeighted(totals, scores, weight)
  }
}

/** What is said of all alike decides nothing. */
function areEqual(raw: Float64Array, slots: Int32Array): boolean {
  const first = raw[slots[0] as number]
  for (let i = 1; i < slots.length; i++) if (raw[slots[i] as number] !== first) return false
  return true
}

function addWeighted(totals: Float64Array, scores: readonly number[], weight: number): void {
  for (let i = 0; i < totals.length; i++) totals[i] = (totals[i] as number) + (scores[i] as number) * weight
}
