/** The nodes that fit a pod, and the fast search for them: of nodes that are as they were, one number says all that there is to say. */
import type { Rejection } from './framework/plugin.ts'
import type { NodeInfo, Snapshot } from './framework/snapshot.ts'
import { type Run, verdictOf } from './run.ts'
import { catchUp, plainScore } from './scores.ts'
import { noneFits, type SharedResults, type Verdict } from './shared-results.ts'

export interface Found {
  readonly nodes: readonly NodeInfo[]
  /** Of the nodes, where known. */
  readonly slots?: Int32Array | undefined
  /** Of these, those that the plugins say most for which read only the one node. */
  readonly favourites?: Int32Array | undefined
  readonly evaluated: number
  readonly rejected: readonly NodeInfo[]
  readonly rejections: readonly Rejection[]
  readonly rejectedBy: ReadonlySet<string>
  readonly error?: Rejection | undefined
}

export interface Search {
  /** Where in the list of nodes to begin. */
  readonly startAt: number
  /** So many that fit will do. */
  readonly enough: number
}

/** Nodes by their slots, looked up when somebody asks. */
export class Fitting implements Found {
  readonly slots: Int32Array
  readonly favourites: Int32Array | undefined
  readonly evaluated: number
  readonly rejected: readonly NodeInfo[]
  readonly rejections: readonly Rejection[]
  readonly rejectedBy: ReadonlySet<string>
  #snapshot: Snapshot
  #nodes: readonly NodeInfo[] | undefined

  constructor(snapshot: Snapshot, slots: Int32Array, found: Omit<Found, 'nodes' | 'slots'>) {
    this.#snapshot = snapshot
    this.slots = slots
    this.favourites = found.favourites
    this.evaluated = found.evaluated
    this.rejected = found.rejected
    this.rejections = found.rejections
    this.rejectedBy = found.rejectedBy
  }

  get nodes(): readonly NodeInfo[] {
    this.#nodes ??= Array.from(this.slots, (slot) => this.#snapshot.at(slot))
    return this.#nodes
  }
}

const unrefused = { rejected: [], rejections: [], rejectedBy: new Set<string>() }

/**
 * Where nothing decides but plugins that read only the one node. Undefined where one of them failed, or where room that is kept may be what is missing.
 *
 * Finds what a search would that asks every plugin about every node, in the same order.
 */
export function fittingNodes(run: Run, shared: SharedResults, { startAt, enough }: Search): Found | undefined {
  const { nodes, order, hasNominations, kept } = run.snapshot
  const { plain, fitting, favourites } = shared
  catchUp(run, shared)
  let highest = Number.NEGATIVE_INFINITY
  let count = 0
  let equals = 0
  let evaluated = 0
  for (let at = startAt % nodes.length; evaluated < nodes.length && count < enough; evaluated++, at++) {
    if (at === nodes.length) at = 0
    const slot = order[at] as number
    let score = plain[slot] as number
    if (Number.isNaN(score)) {
      score = plainScore(run, shared, nodes[at] as NodeInfo)
      if (Number.isNaN(score)) return undefined
    }
    if (score === noneFits) continue
    // Beside those for whom room is kept there may be none left.
    if (hasNominations && kept[slot] === 1 && verdictOf(run, nodes[at] as NodeInfo)) continue
    fitting[count++] = slot
    if (score < highest) continue
    if (score > highest) equals = 0
    highest = score
    favourites[equals++] = slot
  }
  if (count === 0) return hasNominations ? undefined : refusedNodes(run, shared, startAt)
  const best = favourites.subarray(0, equals)
  return new Fitting(run.snapshot, fitting.subarray(0, count), { ...unrefused, favourites: best, evaluated })
}

/** Of a search that came to the end and found nothing: what was said of whom. */
function refusedNodes({ snapshot }: Run, { verdicts }: SharedResults, startAt: number): Found {
  const { nodes, order } = snapshot
  const first = startAt % nodes.length
  const rejected = first === 0 ? nodes : [...nodes.slice(first), ...nodes.slice(0, first)]
  const rejections = new Array<Rejection>(nodes.length)
  const rejectedBy = new Set<string>()
  let last = verdicts[order[first] as number] as Verdict
  rejectedBy.add(last.by)
  for (let i = 0, at = first; i < rejections.length; i++, at++) {
    if (at === nodes.length) at = 0
    const verdict = verdicts[order[at] as number] as Verdict
    if (verdict !== last) rejectedBy.add(verdict.by)
    last = verdict
    rejections[i] = verdict.rejection
  }
  return { nodes: [], evaluated: nodes.length, rejected, rejections, rejectedBy }
}
