/** The sum of what the plugins say in favour of each node. */
import type { Plugin } from './framework/plugin.ts'
import type { NodeInfo } from './framework/snapshot.ts'
import type { Run, Running } from './run.ts'
import { rawOf, type SharedResults } from './shared-results.ts'

type Scoring = Running & { readonly plugin: Plugin & { score: NonNullable<Plugin['score']> } }

export function totalScores(run: Run, nodes: readonly NodeInfo[]): Float64Array {
  const scoring = run.running.filter(
    (one): one is Scoring =>
      one.weight > 0 && one.plugin.score !== undefined && !one.plugin.prepareScore?.(one.cycle, nodes).skip,
  )
  const totals = new Float64Array(nodes.length)
  const local = run.shared ? scoring.filter(({ isLocal }) => isLocal) : []
  if (run.shared) addShared(run.shared, local, { nodes, totals })
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
  readonly totals: Float64Array
}

function addShared(shared: SharedResults, scoring: readonly Scoring[], { nodes, totals }: Totals): void {
  const plain = scoring.filter(({ plugin }) => !plugin.normalize)
  const normalized = scoring.filter(({ plugin }) => plugin.normalize)
  const raws = normalized.map(({ plugin }) => rawOf(shared, plugin.name))
  const { scored, plain: sums } = shared
  for (let i = 0; i < nodes.length; i++) {
    const node = nodes[i] as NodeInfo
    const { slot, generation } = node
    if (scored[slot] !== generation) {
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
    if (areEqual(raw, nodes)) continue
    const scores = nodes.map(({ slot }) => raw[slot] as number)
    plugin.normalize?.(scores, cycle, nodes)
    addWeighted(totals, scores, weight)
  }
}

/** What is said of all alike decides nothing. */
function areEqual(raw: Float64Array, nodes: readonly NodeInfo[]): boolean {
  const first = raw[(nodes[0] as NodeInfo).slot]
  for (let i = 1; i < nodes.length; i++) if (raw[(nodes[i] as NodeInfo).slot] !== first) return false
  return true
}

function addWeighted(totals: Float64Array, scores: readonly number[], weight: number): void {
  for (let i = 0; i < totals.length; i++) totals[i] = (totals[i] as number) + (scores[i] as number) * weight
}
