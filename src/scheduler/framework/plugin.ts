/**
 * `definePlugin`: one rule of the scheduler in one file. Every extension point is optional; those that decide are pure: they look at
 * a pod, a node and what earlier points prepared, and answer with a rejection or a number. Those that act (`preBind`, `bind`) are
 * handed what they act with. Order and weights stand only in `profiles.ts`.
 */
import type { Pod } from '#api/core/v1/pod.ts'
import type { Client } from '#client/client.ts'
import type { EventRecorder } from '#client/events.ts'
import type { Clock } from '#lib/clock.ts'
import type { Kind } from '#schema/kind.ts'
import type { NodeInfo, Snapshot } from './snapshot.ts'

/** Why a pod does not fit; `message` is upstream's, since it ends up in `0/3 nodes are available: ...`. */
export interface Rejection {
  readonly message: string
  /** Where several things are missing at once: each of them, counted by itself. */
  readonly reasons?: readonly string[]
  /** Evicting pods from the node cannot cure it (`UnschedulableAndUnresolvable`). */
  readonly unresolvable?: boolean
  /** Not a verdict but a failure: the pod is tried again after its back-off. */
  readonly error?: boolean
}

export function unschedulable(message: string): Rejection {
  return { message }
}

export function unresolvable(message: string): Rejection {
  return { message, unresolvable: true }
}

export function failure(message: string): Rejection {
  return { message, error: true }
}

/** What may have happened to an object; the names of upstream's `ActionType`. */
export type ActionType =
  | 'added'
  | 'deleted'
  | 'allocatableChanged'
  | 'labelsChanged'
  | 'taintsChanged'
  | 'conditionsChanged'
  | 'annotationsChanged'
  | 'declaredFeaturesChanged'
  | 'scaledDown'
  | 'tolerationsChanged'
  | 'gatesEliminated'
  | 'claimsGenerated'
  | 'updated'

/** An event that may make a rejected pod schedulable. Events of pods are those of pods on nodes, or of the pod itself. */
export interface Cure {
  readonly kind: Kind
  readonly when: readonly ActionType[]
  /** Upstream's queueing hint: whether this change can help this pod. Default: it can. */
  helps?(pod: Pod, before: any, after: any, snapshot?: Snapshot): boolean
}

/** The pod being scheduled, the nodes, and what `prepare` of the same plugin left for its later points. */
export interface Cycle<State = unknown> {
  readonly pod: Pod
  readonly snapshot: Snapshot
  state: State
  /** `prepare` was not called, since a plugin before it refused the pod once and for all. */
  readonly isUnprepared?: boolean | undefined
}

export interface Prepared<State> {
  readonly state?: State | undefined
  /** Fails the pod everywhere. */
  readonly reject?: Rejection | undefined
  /** Narrows the search. */
  readonly nodes?: ReadonlySet<string> | undefined
  /** The plugin's filter has nothing to say about this pod. */
  readonly skip?: boolean | undefined
}

/** What the acting points act with. */
export interface Actor {
  readonly client: Client
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly events: Pick<EventRecorder, 'record'>
}

/** Pods that permit plugins hold back. */
export interface WaitingPods {
  /** Says that the plugin has nothing against the pod any more. */
  allow(uid: string, plugin: string): void
  /** True when the pod was waiting. */
  reject(uid: string, plugin: string, message: string): boolean
}

/** What is known when no node fits. */
export interface Verdicts {
  /** The nodes that were looked at, and what was said of each. */
  readonly nodes: readonly NodeInfo[]
  readonly rejections: readonly Rejection[]
  /** All nodes there are. */
  readonly total: number
  /** Runs all filters for the pod on one node as the snapshot is now, counting pods nominated to it. */
  tryNode(node: NodeInfo): Rejection | undefined
  /**
   * What `work` finds out about the node, or what it found out for an earlier pod of this template while the node was as it is. `topic` has all
   * else that it depends on.
   */
  remember<T>(topic: string, node: NodeInfo, work: (node: NodeInfo) => T): T
}

/** Room that could be made on one node. */
export interface Candidate {
  readonly node: NodeInfo
  /** The most important first. */
  readonly victims: readonly Pod[]
  /** Victims that a disruption budget protects. */
  readonly violations: number
  /** Of the victims: the highest priority, the sum of all, each raised above zero, and the earliest start among those of the highest. */
  readonly highest: number
  readonly sum: number
  readonly start: string
}

export interface Nomination {
  /** Of these `node` and `victims` are the best; others may have a say in which it is to be. */
  readonly candidates?: readonly Candidate[]
  /** Node on which room is being made; '' takes an earlier nomination back, undefined leaves it. */
  readonly node?: string | undefined
  readonly victims?: readonly Pod[]
  readonly message?: string
  /** What is said where nothing comes of it. */
  readonly otherwise?: string | undefined
  /** Not an answer but a failure: nobody else is asked, and only this is said. */
  readonly error?: boolean
  /** Something to be done at the API beside, such as giving up an allocation. */
  readonly act?: ((actor: Actor) => Promise<void>) | undefined
}

/** A pod with what orders it in the queue. */
export interface Queued {
  readonly pod: Pod
  readonly arrival: number
}

export interface Plugin<State = any> {
  readonly name: string
  readonly requeueOn: readonly Cure[]
  /** Before a pod may enter the queue at all. */
  preEnqueue?(pod: Pod, snapshot?: Snapshot): Rejection | undefined
  /** QueueSort: below zero when the first goes first. */
  compare?(a: Queued, b: Queued): number
  /** Once per pod (PreFilter): computes what filter and score share. */
  prepare?(pod: Pod, snapshot: Snapshot): Prepared<State>
  filter?(cycle: Cycle<State>, node: NodeInfo): Rejection | undefined
  /** No node fits (PostFilter): what could be done about it. */
  postFilter?(cycle: Cycle<State>, verdicts: Verdicts): Nomination | undefined
  /** Once per pod (PreScore), over the slots of the nodes that passed. `skip` leaves this plugin out of scoring. */
  prepareScore?(cycle: Cycle<State>, slots: Int32Array): { skip?: boolean }
  /** Any number; `normalize` brings it to 0..100. */
  score?(cycle: Cycle<State>, node: NodeInfo): number
  normalize?(scores: number[], cycle: Cycle<State>, slots: Int32Array): void
  /** Takes what the pod needs on the node, in memory; `unreserve` gives it back, in memory at once, and may be called twice. */
  reserve?(cycle: Cycle<State>, node: NodeInfo): Rejection | undefined
  unreserve?(cycle: Cycle<State>, node: string, actor?: Actor): Promise<void> | undefined | void
  /** `wait` holds the pod back for at most so many milliseconds, until `waiting` is told that it is allowed or rejected. */
  permit?(cycle: Cycle<State>, node: NodeInfo, waiting: WaitingPods): Rejection | { readonly wait: number } | undefined
  /** Whether `preBind` will take its time (PreBindPreFlight): others are then told where the pod is going. */
  willPreBind?(cycle: Cycle<State>, node: string): boolean
  preBind?(cycle: Cycle<State>, node: string, actor: Actor): Promise<Rejection | undefined>
  /** True when it has bound the pod, so that no other plugin does. */
  bind?(cycle: Cycle<State>, node: string, actor: Actor): Promise<boolean>
  postBind?(cycle: Cycle<State>, node: string): void
  /**
   * The parts of a pod that `prepare`, `filter` and `score` read, as text, where they read nothing else but the one node and which images there are;
   * pods that agree share results, and what was prepared for the first of them. Absent, or undefined for this pod: never shared.
   */
  signature?(pod: Pod, snapshot: Snapshot): string | undefined
}

export function definePlugin<State>(plugin: Plugin<State>): Plugin<State> {
  return plugin
}

export const maxNodeScore = 100

/** Scales to 0..100 with the largest first (upstream's `DefaultNormalizeScore`). */
export function mostIsBest(scores: number[]): void {
  scale(scores, (score) => score)
}

/** Scales to 0..100 with the smallest first. */
export function fewestIsBest(scores: number[]): void {
  scale(scores, (score) => maxNodeScore - score)
}

function scale(scores: number[], finish: (score: number) => number): void {
  let max = 0
  for (const score of scores) if (score > max) max = score
  for (let i = 0; i < scores.length; i++) {
    const part = max === 0 ? 0 : Math.trunc((maxNodeScore * (scores[i] as number)) / max)
    scores[i] = finish(part)
  }
}
