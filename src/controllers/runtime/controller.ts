/**
 * `defineController`: one file, one controller. It declares what it reads and writes; the runtime makes informers, the RBAC
 * role and the graph from that, and the compiler refuses access to anything undeclared.
 *
 * Guarantees of the runtime
 * - One `reconcile` at a time per object; changes during it lead to another.
 * - After a visit that took long, changes wait for up to 50 ms, so that many of them lead to one visit.
 * - A throw leads to another attempt with upstream's back-off (5 ms doubling to 1000 s, and 10 per second overall).
 * - `cluster` reads from informer caches that are at least as new as this controller's own last write: an object that
 *   it created, changed or deleted is seen so (expectations).
 * Assumptions: reconcile is level-triggered; it may be stopped at any line and started again, and a second instance
 * may run at the same time (leader election does not fence), so writes carry preconditions and creation is idempotent.
 */
import type { Client, DeleteOptions, Patch, Ref } from '#client/client.ts'
import type { Handlers, Selection } from '#client/informer.ts'
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
  visits(object: any, caches: Caches<any>): readonly Ref[]
  /** Whether the change matters at all; `old` is absent when the object is new, `object` when it is gone. Default: always. */
  when?(change: Change): boolean
  /** Notes for each object of `for` which objects changed: `Cluster.changes` answers them. `all`: also where `when` sees no reason to visit. */
  readonly follows?: 'visited' | 'all'
  /** Objects of a kind that is followed which count as changed too, without a visit. */
  readonly touches?: { readonly kind: Kind; objects(object: any, caches: Caches<any>): readonly KubeObject[] }
}

/** Objects of a kind as they are now, by key; undefined where one is gone. */
export interface Changes<T = any> {
  /** Whether these are all objects of the namespace: on the first call, or where that is asked for. */
  readonly whole: boolean
  readonly objects: ReadonlyMap<string, T | undefined>
}

export interface Change<T = any> {
  readonly object: T | undefined
  readonly old: T | undefined
}

/** A further way to find objects in the cache, by the keys that they stand under. */
export interface Index {
  readonly kind: Kind
  readonly name: string
  keys(object: any): readonly string[]
}

/** An API right beyond those that `for`, `owns`, `reads` and `writes` imply. */
export interface Grant {
  readonly groups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
  /** Only objects of these names; default all. */
  readonly names?: readonly string[]
}

type NameOf<K> = K extends Kind<infer N, any> ? N : never
export type Undeclared<N extends string> = { readonly __undeclared: N }
type Declared<N extends string, Names> = [N] extends [Names] ? unknown : Undeclared<N>

/** Reads from caches; answers are shared and read-only. */
export interface Caches<Reads extends Kind> {
  get<N extends string, T extends KubeObject>(kind: Kind<N, T> & Declared<N, NameOf<Reads>>, at: Ref): T | undefined
  list<N extends string, T extends KubeObject>(kind: Kind<N, T> & Declared<N, NameOf<Reads>>, options?: Selection): readonly T[]
  /** Objects whose controller reference is `owner` (by UID). */
  owned<N extends string, T extends KubeObject>(kind: Kind<N, T> & Declared<N, NameOf<Reads>>, owner: KubeObject): readonly T[]
  /** Objects that stand under `value` in an index that the controller declares. */
  indexed<N extends string, T extends KubeObject>(
    kind: Kind<N, T> & Declared<N, NameOf<Reads>>,
    at: { readonly index: string; readonly value: string },
  ): readonly T[]
  /** Objects of a namespace ('' where the kind has none) that have no controller reference. */
  orphans<N extends string, T extends KubeObject>(kind: Kind<N, T> & Declared<N, NameOf<Reads>>, namespace: string): readonly T[]
}

export interface StatusOptions {
  /** Resource version of the only state that may be written onto: for counts that add up over visits. Else it is a Conflict. */
  readonly onlyOnto?: string
  /** The status from which the new one was made; default that of the object. */
  readonly seen?: unknown
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
  /**
   * Replaces `status` if it differs. Annotations of `object` that the cache does not have go along (a status may carry
   * them without counting as a change of what is wanted); nothing else of it does. Written onto whatever state is newest,
   * unless the options name one; a Conflict where somebody else has changed the status meanwhile.
   */
  status<N extends string, T extends KubeObject & { status?: unknown }>(
    kind: Kind<N, T> & Declared<N, NameOf<Writes>>,
    object: T,
    status: Draft<T['status']>,
    options?: StatusOptions,
  ): Promise<T>
  /**
   * What changed since the last call among objects of a kind that is followed. Whoever asks must carry it into what it remembers
   * before anything can fail: it is not told twice.
   */
  changes<N extends string, T extends KubeObject>(
    kind: Kind<N, T> & Declared<N, NameOf<Reads>>,
    owner: KubeObject,
    options?: { readonly whole?: boolean },
  ): Changes<T>
  /** Tells of every change of a kind, for controllers that `run`; answers a function that ends it. */
  watch<N extends string, T extends KubeObject>(kind: Kind<N, T> & Declared<N, NameOf<Reads>>, handlers: Handlers<T>): () => void
  /** Tells of a failure that is dealt with, for controllers that `run`: the others throw. */
  readonly onError: (error: unknown) => void
  /** Records an Event about `object`, aggregated and rate-limited as upstream's recorder does. */
  event(object: KubeObject, event: { type: 'Normal' | 'Warning'; reason: string; message: string; action?: string }): void
}

export interface Controller<
  For extends Kind = Kind,
  Owns extends Kind = any,
  Reads extends Kind = any,
  Writes extends Kind = any,
> {
  /** As `--controllers` names it: `replicaset-controller`. */
  readonly name: string
  /** Its service account in `kube-system` and the last part of its role's name, as upstream has them; default the name. */
  readonly account?: string
  /** Its name in Events; default the account. */
  readonly component?: string
  readonly for: For
  /** Whether a change of such an object leads to a visit; default: always. */
  when?(change: Change<ObjectFor<For>>): boolean
  /** Kinds whose objects carry a controller reference to `for`: their changes visit the owner. */
  readonly owns?: readonly Owns[]
  readonly reads?: readonly Reads[]
  readonly writes?: readonly Writes[]
  readonly watches?: readonly Watch[]
  readonly indexes?: readonly Index[]
  readonly grants?: readonly Grant[]
  /** Visited once at the start, whether they exist or not: for objects that the controller itself is to make. */
  readonly starts?: readonly Ref[]
  /** How many objects are worked on at once; default 32. They wait for commits, which many share: upstream's 5 would wait for each in turn. */
  readonly workers?: number
  /** Brings the cluster closer to what `object` asks for. */
  reconcile?(object: ObjectFor<For>, cluster: Cluster<For | Owns | Reads, For | Writes>): Promise<Again | undefined | void>
  /** Visited instead when the object is gone. */
  reconcileAbsent?(at: Ref, cluster: Cluster<For | Owns | Reads, For | Writes>): Promise<Again | undefined | void>
  /** For the few that are no loop over one kind (garbage collector): runs until the signal, and is restarted when it throws. */
  run?(cluster: Cluster<For | Owns | Reads, For | Writes>, signal: AbortSignal): Promise<void>
}

type ObjectFor<K> = K extends Kind<any, infer T> ? T : never

/** Checks the shape and infers the kinds; the value is used as it is. */
export function defineController<
  const For extends Kind,
  const Owns extends Kind = never,
  const Reads extends Kind = never,
  const Writes extends Kind = never,
>(controller: Controller<For, Owns, Reads, Writes>): Controller {
  return controller as unknown as Controller
}

/** An error that no retry can cure: reported once, then the object is left until it changes. */
export class TerminalError extends Error {}
