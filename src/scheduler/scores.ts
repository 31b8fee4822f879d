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
    for (const [i, score] of scores.entries()) totals[i] = (totals[i] as number) + score * one.weight
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
  const known = shared.scored
  for (const [i, node] of nodes.entries()) {
    const { slot } = node
    if (known[slot] !== node.generation) {
      let sum = 0
      for (const { plugin, cycle, weight } of plain) sum += plugin.score(cycle, node) * weight
      shared.plain[slot] = sum
      for (const [r, { plugin, cycle }] of normalized.entries()) (raws[r] as Float64Array)[slot] = plugin.score(cycle, node)
      known[slot] = node.generation
    }
    totals[i] = shared.plain[slot] as number
  }
  for (const [r, { plugin, cycle, weight }] of normalized.entries()) {
    const raw = raws[r] as Float64Array
    const scores = nodes.map(({ slot }) => raw[slot] as number)
    plugin.normalize?.(scores, cycle, nodes)
    for (const [i, score] of scores.entries()) totals[i] = (totals[i] as number) + score * weight
  }
}
