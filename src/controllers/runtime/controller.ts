/**
 * `defineController`: one file, one controller. It declares what it reads and writes; the runtime makes informers, the RBAC
 * role and the graph from that, and the compiler refuses access to anything undeclared.
 *
 * Guarantees of the runtime
 * - One `reconcile` at a time per object; changes during it lead to another.
 * - A throw leads to another attempt with upstream's back-off (5 ms doubling to 1000 s, and 10 per second overall).
 * - `cluster` reads from informer caches that are at least as new as this controller's own last write: an object that
 *   it created, changed or deleted is seen so (expectations).
 * Assumptions: reconcile is level-triggered; it may be stopped at any line and started again, and a second instance
 * may run at the same time (leader election does not fence), so writes carry preconditions and creation is idempotent.
 */
import type { Client, DeleteOptions, Patch, Ref } from '#client/client.ts'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import type { Draft } from '#schema/words.ts'

/** Asks for another visit after so many seconds. */
export interface Again {
  readonly after: number
}

/** A kind whose changes concern objects of `for` that it does not belong to by owner reference. */
export interface Watch<W extends Kind = Kind> {
  readonly kind: W
  /** The objects of `for` to visit when `object` changes; runs for the state before and after. */
  visits(object: any, caches: Caches<Kind>): readonly Ref[]
}

/** An API right beyond those that `for`, `owns`, `reads` and `writes` imply. */
export interface Grant {
  readonly groups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
}

type NameOf<K> = K extends Kind<infer N, any> ? N : never
export type Undeclared<N extends string> = { readonly __undeclared: N }
type Declared<N extends string, Names> = [N] extends [Names] ? unknown : Undeclared<N>

/** Reads from caches; answers are shared and read-only. */
export interface Caches<Reads extends Kind> {
  get<N extends string, T extends KubeObject>(kind: Kind<N, T> & Declared<N, NameOf<Reads>>, at: Ref): T | undefined
  list<N extends string, T extends KubeObject>(
    kind: Kind<N, T> & Declared<N, NameOf<Reads>>,
    options?: { readonly namespace?: string | undefined; readonly labels?: Readonly<Record<string, string>> },
  ): readonly T[]
  /** Objects whose controller reference is `owner` (by UID). */
  owned<N extends string, T extends KubeObject>(kind: Kind<N, T> & Declared<N, NameOf<Reads>>, owner: KubeObject): readonly T[]
}

/** What `reconcile` may do. */
export interface Cluster<Reads extends Kind, Writes extends Kind> extends Caches<Reads> {
  readonly clock: Clock
  readonly random: Random
  /** Past the caches, with this controller's identity and rights. */
  readonly live: Client
  /** With an owner: controller reference, and the owner's namespace unless the draft has one. */
  create<N extends string, T extends KubeObject>(
    kind: Kind<N, T> & Declared<N, NameOf<Writes>>,
    draft: Draft<T>,
    owner?: KubeObject,
  ): Promise<T>
  /** In batches of 1, 2, 4, ...; stops after a batch with an error and throws it. Answers how many were created. */
  createMany<N extends string, T extends KubeObject>(
    kind: Kind<N, T> & Declared<N, NameOf<Writes>>,
    drafts: readonly Draft<T>[],
    owner: KubeObject,
  ): Promise<number>
  update<N extends string, T extends KubeObject>(kind: Kind<N, T> & Declared<N, NameOf<Writes>>, object: Draft<T>): Promise<T>
  patch<N extends string, T extends KubeObject>(
    kind: Kind<N, T> & Declared<N, NameOf<Writes>>,
    object: T,
    patch: Patch,
  ): Promise<T>
  /** With the object's UID as precondition; an absent object is no error. */
  delete<N extends string, T extends KubeObject>(
    kind: Kind<N, T> & Declared<N, NameOf<Writes>>,
    object: T,
    options?: DeleteOptions,
  ): Promise<void>
  /** Replaces `status` if it differs; never touches the rest. */
  status<N extends string, T extends KubeObject & { status?: unknown }>(
    kind: Kind<N, T> & Declared<N, NameOf<Writes>>,
    object: T,
    status: Draft<T['status']>,
  ): Promise<T>
  /** Records an Event about `object`, aggregated and rate-limited as upstream's recorder does. */
  event(object: KubeObject, event: { type: 'Normal' | 'Warning'; reason: string; message: string; action?: string }): void
}

export interface Controller<For extends Kind = Kind, Reads extends Kind = any, Writes extends Kind = any> {
  /** As `--controllers` names it: `replicaset`, `node-lifecycle`. */
  readonly name: string
  readonly for: For
  /** Kinds whose objects carry a controller reference to `for`: their changes visit the owner. */
  readonly owns?: readonly Reads[]
  readonly reads?: readonly Reads[]
  readonly writes?: readonly Writes[]
  readonly watches?: readonly Watch[]
  readonly grants?: readonly Grant[]
  /** How many objects are worked on at once; default 5 as upstream. */
  readonly workers?: number
  /** Brings the cluster closer to what `object` asks for. */
  reconcile?(object: ObjectFor<For>, cluster: Cluster<For | Reads, For | Writes>): Promise<Again | undefined | void>
  /** Visited instead when the object is gone. */
  reconcileAbsent?(at: Ref, cluster: Cluster<For | Reads, For | Writes>): Promise<Again | undefined | void>
  /** For the few that are no loop over one kind (garbage collector): runs until the signal, and is restarted when it throws. */
  run?(cluster: Cluster<For | Reads, For | Writes>, signal: AbortSignal): Promise<void>
}

type ObjectFor<K> = K extends Kind<any, infer T> ? T : never

/** Checks the shape and infers the kinds; the value is used as it is. */
export function defineController<const For extends Kind, const Reads extends Kind = never, const Writes extends Kind = never>(
  controller: Controller<For, Reads, Writes>,
): Controller {
  return controller as unknown as Controller
}

/** An error that no retry can cure: reported once, then the object is left until it changes. */
export class TerminalError extends Error {}
