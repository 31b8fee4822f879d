/** One pod's way through the plugins of a profile: prepared once, then asked about nodes. */
import type { Pod } from '#api/core/v1/pod.ts'
import type { Cycle, Plugin, Prepared, Rejection } from './framework/plugin.ts'
import { factsOf, priorityOf } from './framework/pod-facts.ts'
import type { NodeInfo, Snapshot } from './framework/snapshot.ts'
import type { Weighted } from './profiles.ts'
import { type ResultCache, remembered, type SharedResults, type Verdict } from './shared-results.ts'

export interface Running {
  readonly plugin: Plugin
  readonly weight: number
  readonly cycle: Cycle
  /** Its filter has nothing to say. */
  readonly skipsFilter: boolean
  /** Reads only the one node, so that the answer may be shared. */
  readonly isLocal: boolean
}

export interface Run {
  readonly pod: Pod
  readonly snapshot: Snapshot
  readonly running: readonly Running[]
  /** Those whose filter has something to say: first those that read only the one node. */
  readonly localFilters: readonly Running[]
  readonly otherFilters: readonly Running[]
  /** What pods of this template found out before. */
  readonly shared: SharedResults | undefined
  readonly reject: Verdict | undefined
  /** Nodes that may be looked at, and the plugins that say so. */
  readonly among: { readonly nodes: ReadonlySet<string>; readonly by: readonly string[] } | undefined
}

export interface RunOptions {
  readonly profile: readonly Weighted[]
  readonly cache?: ResultCache | undefined
}

export function prepareRun(pod: Pod, snapshot: Snapshot, { profile, cache }: RunOptions): Run {
  const template = cache?.of(signatureOf(pod, snapshot, profile), snapshot)
  const known = template?.running ?? none
  const running: Running[] = []
  let among: { nodes: ReadonlySet<string>; by: string[] } | undefined
  let reject: Verdict | undefined
  for (let i = 0; i < profile.length; i++) {
    const earlier = known[i]
    if (earlier) {
      running.push(earlier)
      continue
    }
    const { plugin, weight } = profile[i] as Weighted
    // Whom evictions may help is prepared for them (upstream `RunPreFilterPlugins`).
    const isUnprepared = reject && (reject.rejection.unresolvable || reject.rejection.error)
    const prepared = (isUnprepared ? undefined : plugin.prepare?.(pod, snapshot)) ?? nothing
    if (prepared.reject) reject = { rejection: prepared.reject, by: plugin.name }
    if (prepared.nodes) {
      const nodes = among ? among.nodes.intersection(prepared.nodes) : prepared.nodes
      among = { nodes, by: [...(among?.by ?? []), plugin.name] }
    }
    const cycle = { pod, snapshot, state: prepared.state, isUnprepared }
    const skipsFilter = prepared.skip === true || !plugin.filter
    const isLocal = plugin.signature?.(pod, snapshot) !== undefined
    const one = { plugin, weight, cycle, skipsFilter, isLocal }
    if (template && isLocal && !reject && !prepared.nodes && !acts(plugin)) template.running[i] = one
    running.push(one)
  }
  const { localFilters, otherFilters } = filtersOf(running)
  return { pod, snapshot, running, localFilters, otherFilters, shared: reject ? undefined : template, reject, among }
}

/** On behalf of the one pod. */
function acts({ postFilter, reserve, permit, preBind, bind, postBind }: Plugin): boolean {
  return [postFilter, reserve, permit, preBind, bind, postBind].some((point) => point !== undefined)
}

const none: readonly undefined[] = []
const nothing: Prepared<undefined> = {}

/** Equal for pods that share results. */
function signatureOf(pod: Pod, snapshot: Snapshot, profile: readonly Weighted[]): string {
  let all = ''
  for (const { plugin } of profile) {
    const text = plugin.signature?.(pod, snapshot)
    if (text !== undefined) all += text
    all += text === undefined ? '\n' : '+\n'
  }
  return all
}

/** Once one reads more than the node, those behind it wait for its verdict, too. */
function filtersOf(running: readonly Running[]): Pick<Run, 'localFilters' | 'otherFilters'> {
  const localFilters: Running[] = []
  const otherFilters: Running[] = []
  for (const one of running) {
    if (one.skipsFilter) continue
    if (one.isLocal && otherFilters.length === 0) localFilters.push(one)
    else otherFilters.push(one)
  }
  return { localFilters, otherFilters }
}

/** Whether the node has room for the pod beside those nominated to it, whose room must not be taken (upstream `RunFilterPluginsWithNominatedPods`). */
export function verdictOf(run: Run, node: NodeInfo): Verdict | undefined {
  if (run.snapshot.hasNominations) {
    const topic = `beside ${priorityOf(run.pod)}`
    const verdict = rememberedOf(run, topic, { node, work: () => verdictBeside(run, node) })
    if (verdict) return verdict
  }
  return localVerdict(run, node) ?? firstRejection(run.otherFilters, node)
}

/** As `verdictOf`, for a snapshot that has more pods than when the run was prepared, or others. */
export function verdictAnew(run: Run, node: NodeInfo): Verdict | undefined {
  return verdictAgain(run, node, run.running)
}

/**
 * As `verdictOf`, for a snapshot that has only lost pods since. What had nothing to say before has nothing to say then: no rule is about
 * pods that are not there.
 */
export function verdictWithFewer(run: Run, node: NodeInfo): Verdict | undefined {
  const { localFilters, otherFilters } = run
  return verdictBeside(run, node) ?? verdictAgain(run, node, localFilters) ?? verdictAgain(run, node, otherFilters)
}

/** With those that are nominated to the node as if they were there; more pods than when the run was prepared may call for other rules. */
function verdictBeside(run: Run, node: NodeInfo): Verdict | undefined {
  const { pod, snapshot } = run
  const rivals = snapshot.nominatedTo(node.name).filter((one) => isRival(one, pod))
  if (rivals.length === 0) return undefined
  return snapshot.without(node.name, { added: rivals }, () => verdictAnew(run, node))
}

/** Its room on the node must not be taken. */
function isRival(one: Pod, pod: Pod): boolean {
  return one.metadata.uid !== pod.metadata.uid && priorityOf(one) >= priorityOf(pod)
}

/** What is found out about the node, shared where it is the same for all pods of the template. `topic` has the pod's priority. */
export function rememberedOf<T>(run: Run, topic: string, { node, work }: { node: NodeInfo; work: (node: NodeInfo) => T }): T {
  const { pod, snapshot, shared, otherFilters } = run
  if (!shared || otherFilters.length > 0) return work(node)
  const nominated = snapshot.nominatedTo(node.name)
  for (const one of nominated) {
    // Whom anti-affinity keeps away is not in the signature.
    if (one.metadata.uid === pod.metadata.uid || factsOf(one).terms.antiAffinity.length > 0) return work(node)
  }
  return remembered(shared, topic, { node, nominated, work })
}

function verdictAgain(run: Run, node: NodeInfo, running: readonly Running[]): Verdict | undefined {
  for (const { plugin, cycle, isLocal, skipsFilter } of running) {
    if (isLocal) {
      const rejection = skipsFilter ? undefined : plugin.filter?.(cycle, node)
      if (rejection) return { rejection, by: plugin.name }
      continue
    }
    if (!plugin.filter) continue
    const { reject, skip, state } = plugin.prepare?.(run.pod, run.snapshot) ?? {}
    const rejection = reject ?? (skip ? undefined : plugin.filter({ ...cycle, state }, node))
    if (rejection) return { rejection, by: plugin.name }
  }
  return undefined
}

/** Of the plugins that read only the node, shared. */
export function localVerdict({ shared, localFilters }: Run, node: NodeInfo): Verdict | undefined {
  if (!shared) return firstRejection(localFilters, node)
  const { slot, generation } = node
  if (shared.filtered[slot] === generation) return shared.verdicts[slot]
  const found = firstRejection(localFilters, node)
  const { last } = shared
  const verdict = found && last?.rejection === found.rejection && last.by === found.by ? last : found
  shared.last = verdict ?? last
  shared.filtered[slot] = generation
  shared.verdicts[slot] = verdict
  return verdict
}

export function firstRejection(filters: readonly Running[], node: NodeInfo): Verdict | undefined {
  for (const { plugin, cycle } of filters) {
    const rejection = (plugin.filter as NonNullable<Plugin['filter']>)(cycle, node)
    if (rejection) return { rejection, by: plugin.name }
  }
  return undefined
}

/** `reasons` where there are several. */
export function reasonsOf({ reasons, message }: Rejection): readonly string[] {
  return reasons ?? [message]
}
