/**
 * `place`: one pod, one decision. Looks at a snapshot and answers with a node or with the reasons why there is none; changes
 * nothing. Equal inputs and an equal Random give equal answers, with or without shared results.
 */
import type { Pod } from '#api/core/v1/pod.ts'
import type { Random } from '#lib/random.ts'
import { Fitting, type Found, fittingNodes, type Search } from './fitting.ts'
import type { Nomination, Rejection, Verdicts } from './framework/plugin.ts'
import type { NodeInfo, Snapshot } from './framework/snapshot.ts'
import type { Weighted } from './profiles.ts'
import { firstRejection, prepareRun, type Run, reasonsOf, rememberedOf, verdictOf, verdictWithFewer } from './run.ts'
import { bestSlots } from './scores.ts'
import type { ResultCache, SharedResults } from './shared-results.ts'

export type Placement = Placed | Refused

export interface Placed {
  readonly node: NodeInfo
  /** What the plugins prepared, for the points that follow. */
  readonly run: Run
  readonly evaluated: number
  readonly feasible: number
}

export interface Refused {
  readonly node: undefined
  /** Upstream's sentence. */
  readonly message: string
  readonly rejectedBy: ReadonlySet<string>
  /** Something failed, so that this is no verdict. */
  readonly isError: boolean
  /** What would make room. */
  readonly nomination?: Nomination | undefined
}

export interface PlaceOptions {
  readonly profile: readonly Weighted[]
  readonly random: Random
  /** Where in the list of nodes to begin, so that all get their turn when not all are looked at. */
  readonly startAt?: number
  /** `percentageOfNodesToScore`; 0 adapts to the size of the cluster. */
  readonly percentage?: number
  /** Shares results between pods of one template. */
  readonly cache?: ResultCache | undefined
  /** Looks beyond the node on which room was made for the pod, also where it still fits there. */
  readonly ignoresNomination?: boolean
}

export function place(pod: Pod, snapshot: Snapshot, options: PlaceOptions): Placement {
  const looked = look(pod, snapshot, options)
  return 'found' in looked ? conclude(looked, options) : looked
}

/** The nodes that fit, of which one is still to be chosen. */
export interface Looked {
  readonly run: Run
  readonly found: Found
  readonly total: number
}

/** The first half of `place`: asks the filters. */
export function look(pod: Pod, snapshot: Snapshot, options: PlaceOptions): Looked | Refused {
  const { profile, startAt = 0, percentage = 0, cache } = options
  const total = snapshot.nodes.length
  if (total === 0) return { ...refused('no nodes available to schedule pods', new Set()), nomination: { node: '' } }
  const run = prepareRun(pod, snapshot, { profile, cache })
  if (run.reject) return refusedBefore(run, total)
  const preferred = options.ignoresNomination ? undefined : nominatedNode(run)
  if (preferred) return { run, found: { ...nothing, nodes: [preferred] }, total }
  const found = feasibleNodes(run, { startAt, enough: enoughNodes(total, percentage) })
  if (found.error) return { ...refused(found.error.message, found.rejectedBy), isError: true }
  return { run, found, total }
}

/** The second half: chooses, or says why there is nothing to choose from. `extra` is added to the scores. */
export function conclude(
  { run, found, total }: Looked,
  { random }: Pick<PlaceOptions, 'random'>,
  extra?: ReadonlyMap<string, number>,
): Placement {
  const feasible = found.slots?.length ?? found.nodes.length
  if (feasible === 0) return refusedByAll(run, found, total)
  return { node: bestNode(run, found, { random, extra }), run, evaluated: found.evaluated, feasible }
}

/** How many fitting nodes are enough (upstream's adaptive `percentageOfNodesToScore`). */
export function enoughNodes(total: number, percentage = 0): number {
  const least = 100
  if (total < least) return total
  const share = percentage > 0 ? percentage : Math.max(5, 50 - Math.trunc(total / 125))
  return Math.max(least, Math.trunc((total * share) / 100))
}

/** The node on which room was made for the pod, while it still fits there. */
function nominatedNode(run: Run): NodeInfo | undefined {
  const name = run.pod.status?.nominatedNodeName
  const node = name ? run.snapshot.get(name) : undefined
  if (!node || (run.among && !run.among.nodes.has(node.name))) return undefined
  return verdictOf(run, node) ? undefined : node
}

const nothing: Found = { nodes: [], evaluated: 0, rejected: [], rejections: [], rejectedBy: new Set() }

function feasibleNodes(run: Run, { startAt, enough }: Search): Found {
  if (run.shared && !run.among) return knownNodes(run, run.shared, { startAt, enough })
  const all = run.among ? namedIn(run.snapshot, run.among.nodes) : run.snapshot.nodes
  const nodes: NodeInfo[] = []
  const rejected: NodeInfo[] = []
  const rejections: Rejection[] = []
  const rejectedBy = new Set<string>(run.among && all.length < run.snapshot.nodes.length ? run.among.by : [])
  let evaluated = 0
  for (; evaluated < all.length && nodes.length < enough; evaluated++) {
    const at = startAt + evaluated
    const node = all[at < all.length ? at : at % all.length] as NodeInfo
    const verdict = verdictOf(run, node)
    if (!verdict) {
      nodes.push(node)
      continue
    }
    const { rejection, by } = verdict
    rejectedBy.add(by)
    if (rejection.error) return { nodes, evaluated, rejected, rejections, rejectedBy, error: rejection }
    rejected.push(node)
    rejections.push(rejection)
  }
  return { nodes, evaluated, rejected, rejections, rejectedBy }
}

/** As `feasibleNodes`, where much is known of most nodes: those that are as they were are not looked at. */
function knownNodes(run: Run, shared: SharedResults, search: Search): Found {
  if (run.otherFilters.length === 0) {
    const found = fittingNodes(run, shared, search)
    if (found) return found
  }
  const { snapshot, otherFilters } = run
  const { nodes: all, order, generations, hasNominations, kept } = snapshot
  const { filtered, verdicts, fitting } = shared
  let count = 0
  const rejected: NodeInfo[] = []
  const rejections: Rejection[] = []
  const rejectedBy = new Set<string>()
  let evaluated = 0
  let last = ''
  for (let at = search.startAt % all.length; evaluated < all.length && count < search.enough; evaluated++, at++) {
    if (at === all.length) at = 0
    const slot = order[at] as number
    const node = all[at] as NodeInfo
    const isKnown = filtered[slot] === generations[slot] && !(hasNominations && kept[slot] === 1)
    const verdict = isKnown ? (verdicts[slot] ?? firstRejection(otherFilters, node)) : verdictOf(run, node)
    if (!verdict) {
      fitting[count++] = slot
      continue
    }
    const { rejection, by } = verdict
    if (by !== last) rejectedBy.add(by)
    last = by
    if (rejection.error) return { ...nothing, evaluated, rejected, rejections, rejectedBy, error: rejection }
    rejected.push(node)
    rejections.push(rejection)
  }
  return new Fitting(snapshot, fitting.subarray(0, count), { evaluated, rejected, rejections, rejectedBy })
}

function namedIn(snapshot: Snapshot, names: ReadonlySet<string>): NodeInfo[] {
  return [...names].map((name) => snapshot.get(name)).filter((node) => node !== undefined)
}

/** The nodes with the highest weighted sum. */
export function bestNodes(run: Run, nodes: readonly NodeInfo[]): readonly NodeInfo[] {
  const best = bestSlots(run, slotsOf(nodes))
  return Array.from(best, (slot) => run.snapshot.at(slot))
}

function slotsOf(nodes: readonly NodeInfo[]): Int32Array {
  return Int32Array.from(nodes, ({ slot }) => slot)
}

/** Chance decides between equals. */
function bestNode(run: Run, found: Found, { random, extra }: Choosing): NodeInfo {
  const { favourites } = found
  const equals = bestSlots(run, found.slots ?? slotsOf(found.nodes), { extra, favourites })
  const chosen = equals[equals.length === 1 ? 0 : Math.floor(random.next() * equals.length)]
  return run.snapshot.at(chosen as number)
}

interface Choosing {
  readonly random: Random
  readonly extra?: ReadonlyMap<string, number> | undefined
}

function refused(message: string, rejectedBy: ReadonlySet<string>): Refused {
  return { node: undefined, message, rejectedBy, isError: false }
}

/** `0/3 nodes are available: persistentvolumeclaim "a" not found. preemption: ...` */
function refusedBefore(run: Run, total: number): Refused {
  const { rejection, by } = run.reject as NonNullable<Run['reject']>
  const rejectedBy = new Set([by])
  if (rejection.error) return { ...refused(rejection.message, rejectedBy), isError: true }
  const nomination = nominate(run, { nodes: [], rejections: [], total })
  return { ...refused(sentence(total, rejection.message, nomination), rejectedBy), nomination }
}

function refusedByAll(run: Run, { rejected, rejections, rejectedBy }: Found, total: number): Refused {
  const counts = countReasons(rejections)
  const left = total - rejected.length
  const { among } = run
  if (among && left > 0) {
    const named = `node(s) didn't satisfy plugin(s) [${among.by.join(' ')}]`
    if (among.nodes.size > 0) counts.set(named, left)
  }
  const nomination = nominate(run, { nodes: rejected, rejections, total })
  const text =
    among && among.nodes.size === 0
      ? `node(s) didn't satisfy plugin(s) [${among.by.join(' ')}] simultaneously`
      : histogram(counts)
  return { ...refused(sentence(total, text, nomination), rejectedBy), nomination }
}

/** Neighbours are mostly refused for the same thing. */
function countReasons(rejections: readonly Rejection[]): Map<string, number> {
  const counts = new Map<string, number>()
  const note = (rejection: Rejection, times: number) => {
    for (const reason of reasonsOf(rejection)) counts.set(reason, (counts.get(reason) ?? 0) + times)
  }
  let alike = 0
  for (let i = 0; i < rejections.length; i++) {
    const rejection = rejections[i] as Rejection
    alike++
    const next = rejections[i + 1]
    if (rejection === next || rejection.message === next?.message) continue
    note(rejection, alike)
    alike = 0
  }
  return counts
}

function sentence(total: number, reasons: string, { message }: Nomination): string {
  return `${unavailable(total, reasons)}${message ? ` ${message}` : ''}`
}

/** `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable.` (upstream `FitError`). */
export function unavailable(total: number, reasons: string): string {
  return `0/${total} nodes are available:${reasons ? ` ${reasons}.` : ''}`
}

export function histogram(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .sort()
    .join(', ')
}

type Seen = { nodes: readonly NodeInfo[]; rejections: readonly Rejection[]; total: number }

/** The first plugin that makes room, or fails; without any, what all of them say (upstream `RunPostFilterPlugins`). */
function nominate(run: Run, looked: Seen): Nomination {
  const verdicts: Verdicts = {
    ...looked,
    tryNode: (node) => verdictWithFewer(run, node)?.rejection,
    remember: (topic, node, work) => rememberedOf(run, topic, { node, work }),
  }
  const asked = run.running.filter(({ plugin }) => plugin.postFilter)
  if (asked.length === 0) return { node: '' }
  let said: Nomination = {}
  for (const { plugin, cycle } of asked) {
    const nomination = plugin.postFilter?.(cycle, verdicts)
    if (!nomination) continue
    const { act = said.act } = nomination
    if (nomination.error) return { ...nomination, act }
    if (nomination.node) return { ...nomination, act, otherwise: said.message }
    const message = [said.message, nomination.message].filter(Boolean).join(', ')
    said = { node: nomination.node ?? said.node, message, act }
  }
  return said
}
