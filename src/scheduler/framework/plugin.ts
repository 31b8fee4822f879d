/**
 * `definePlugin`: one rule of the scheduler in one file. Every extension point is optional and pure: it looks at a pod,
 * a node and what earlier points prepared, and answers with a rejection or a number. Order and weights stand only
 * in `profiles.ts`.
 */
import type { Pod } from '#api/core/v1/pod.ts'
import type { Kind } from '#schema/kind.ts'
import type { NodeInfo, Snapshot } from './snapshot.ts'

/** Why a pod does not fit; `message` is upstream's, since it ends up in `0/3 nodes are available: ...`. */
export interface Rejection {
  readonly message: string
  /** Where several things are missing at once: each of them, counted by itself. */
  readonly reasons?: readonly string[]
  /** Evicting pods from the node cannot cure it (`UnschedulableAndUnresolvable`). */
  readonly unresolvable?: boolean
}

export function unschedulable(message: string): Rejection {
  return { message }
}

export function unresolvable(message: string): Rejection {
  return { message, unresolvable: true }
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
  | 'scaledDown'
  | 'updated'

/** An event that may make a rejected pod schedulable. */
export interface Cure {
  readonly kind: Kind
  readonly when: readonly ActionType[]
  /** Upstream's queueing hint: whether this change can help this pod. Default: it can. */
  helps?(pod: Pod, before: any, after: any): boolean
}

/** The pod being scheduled, the nodes, and what `prepare` of the same plugin left for its later points. */
export interface Cycle<State = unknown> {
  readonly pod: Pod
  readonly snapshot: Snapshot
  readonly state: State
}

export interface Plugin<State = any> {
  readonly name: string
  readonly requeueOn: readonly Cure[]
  /** Before a pod may enter the queue at all. */
  preEnqueue?(pod: Pod): Rejection | undefined
  /** Once per pod: computes what filter and score share. `reject` fails the pod everywhere; `nodes` narrows the search. */
  prepare?(pod: Pod, snapshot: Snapshot): { state?: State; reject?: Rejection; nodes?: ReadonlySet<string>; skip?: boolean }
  filter?(cycle: Cycle<State>, node: NodeInfo): Rejection | undefined
  /** Once per pod, over the nodes that passed. `skip` leaves this plugin out of scoring. */
  prepareScore?(cycle: Cycle<State>, nodes: readonly NodeInfo[]): { skip?: boolean }
  /** Any number; `normalize` brings it to 0..100. */
  score?(cycle: Cycle<State>, node: NodeInfo): number
  normalize?(scores: number[]): void
  /** The parts of a pod that `filter` and `score` read, as text; pods that agree share results. Absent: never shared. */
  signature?(pod: Pod): string
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
  const max = Math.max(0, ...scores)
  for (let i = 0; i < scores.length; i++) {
    const part = max === 0 ? 0 : Math.trunc((maxNodeScore * (scores[i] as number)) / max)
    scores[i] = finish(part)
  }
}
