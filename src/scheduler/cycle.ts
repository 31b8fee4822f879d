/**
 * `place`: one pod, one decision. Looks at a snapshot and answers with a node or with the reasons why there is none; changes
 * nothing. Equal inputs and an equal Random give equal answers.
 */
import type { Pod } from '#api/core/v1/pod.ts'
import type { Random } from '#lib/random.ts'
import type { Cycle, Rejection } from './framework/plugin.ts'
import type { NodeInfo, Snapshot } from './framework/snapshot.ts'
import type { Weighted } from './profiles.ts'

export type Placement =
  | { readonly node: NodeInfo; readonly evaluated: number; readonly feasible: number }
  | { readonly node: undefined; readonly message: string; readonly rejectedBy: ReadonlySet<string> }

export interface PlaceOptions {
  readonly profile: readonly Weighted[]
  readonly random: Random
  /** Where in the list of nodes to begin, so that all get their turn when not all are looked at. */
  readonly startAt?: number
}

interface Running {
  readonly weighted: Weighted
  readonly cycle: Cycle
}

export function place(pod: Pod, snapshot: Snapshot, { profile, random, startAt = 0 }: PlaceOptions): Placement {
  const total = snapshot.nodes.length
  if (total === 0) return { node: undefined, message: 'no nodes available to schedule pods', rejectedBy: new Set() }
  const running: Running[] = []
  let among: ReadonlySet<string> | undefined
  for (const weighted of profile) {
    const prepared = weighted.plugin.prepare?.(pod, snapshot) ?? {}
    if (prepared.reject) return refusal(total, [[prepared.reject, total]], new Set([weighted.plugin.name]))
    if (prepared.nodes) among = among ? among.intersection(prepared.nodes) : prepared.nodes
    if (!prepared.skip) running.push({ weighted, cycle: { pod, snapshot, state: prepared.state } })
  }
  const found = feasibleNodes(running, snapshot, { among, startAt })
  if (found.nodes.length === 0) {
    const left = total - found.rejections.reduce((sum, [, count]) => sum + count, 0)
    if (left > 0) found.rejections.push([{ message: "node(s) didn't satisfy plugin(s) [NodeAffinity]" }, left])
    return refusal(total, found.rejections, found.rejectedBy)
  }
  return { node: best(running, found.nodes, random), evaluated: found.evaluated, feasible: found.nodes.length }
}

/** How many fitting nodes are enough (upstream's adaptive `percentageOfNodesToScore`). */
export function enoughNodes(total: number): number {
  const least = 100
  if (total < least) return total
  const percentage = Math.max(5, 50 - Math.trunc(total / 125))
  return Math.max(least, Math.trunc((total * percentage) / 100))
}

function feasibleNodes(
  running: readonly Running[],
  snapshot: Snapshot,
  { among, startAt }: { among: ReadonlySet<string> | undefined; startAt: number },
) {
  const all = snapshot.nodes
  const enough = enoughNodes(all.length)
  const nodes: NodeInfo[] = []
  const counts = new Map<string, [Rejection, number]>()
  const rejectedBy = new Set<string>()
  let evaluated = 0
  if (among) rejectedBy.add('NodeAffinity')
  for (; evaluated < all.length && nodes.length < enough; evaluated++) {
    const node = all[(startAt + evaluated) % all.length] as NodeInfo
    if (among && !among.has(node.name)) continue
    const rejected = firstRejection(running, node)
    if (!rejected) {
      nodes.push(node)
      continue
    }
    rejectedBy.add(rejected.by)
    for (const message of rejected.rejection.reasons ?? [rejected.rejection.message]) {
      const known = counts.get(message)
      if (known) known[1]++
      else counts.set(message, [{ message }, 1])
    }
  }
  return { nodes, evaluated, rejections: [...counts.values()], rejectedBy }
}

function firstRejection(running: readonly Running[], node: NodeInfo): { by: string; rejection: Rejection } | undefined {
  for (const { weighted, cycle } of running) {
    const rejection = weighted.plugin.filter?.(cycle, node)
    if (rejection) return { by: weighted.plugin.name, rejection }
  }
  return undefined
}

/** The node with the highest weighted sum; chance decides between equals. */
function best(running: readonly Running[], nodes: readonly NodeInfo[], random: Random): NodeInfo {
  if (nodes.length === 1) return nodes[0] as NodeInfo
  const totals = new Array<number>(nodes.length).fill(0)
  for (const { weighted, cycle } of running) {
    const { plugin, weight } = weighted
    if (weight === 0 || !plugin.score || plugin.prepareScore?.(cycle, nodes).skip) continue
    const scores = nodes.map((node) => (plugin.score as NonNullable<typeof plugin.score>)(cycle, node))
    plugin.normalize?.(scores)
    for (const [i, score] of scores.entries()) totals[i] = (totals[i] as number) + score * weight
  }
  const highest = totals.reduce((most, total) => Math.max(most, total))
  const equals = nodes.filter((_, i) => totals[i] === highest)
  return equals[Math.floor(random.next() * equals.length)] as NodeInfo
}

/** `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable.` (upstream `FitError`). */
function refusal(total: number, rejections: readonly [Rejection, number][], rejectedBy: ReadonlySet<string>): Placement {
  const parts = rejections.map(([{ message }, count]) => `${count} ${message}`).sort()
  return { node: undefined, message: `0/${total} nodes are available: ${parts.join(', ')}.`, rejectedBy }
}
