/**
 * `startInformer`: a copy of all objects of one kind, kept up to date by a reflector, and handlers told of every change.
 *
 * Guarantees: handlers run in the order of the changes, after the store has them; one that is added late is first told
 * of what is there. A change that was missed while the connection was down shows as one update or deletion.
 * Caveats: the store lags behind the server, and intermediate states may be skipped. Objects are shared and read-only.
 */
import { type LabelSelector, selects } from '#api/meta/v1/label-selector.ts'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import type { GiveWay } from '#lib/turn.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import type { Client, Ref } from './client.ts'
import { byNamespace, byOwner, IndexedStore, type IndexKeys, keyOf } from './indexed-store.ts'
import { type Reflected, reflect } from './reflector.ts'

export interface Handlers<T> {
  added?(object: T, options: { readonly initial: boolean }): void
  updated?(object: T, old: T): void
  /** The last state known, which may be older than the last state there was. */
  deleted?(object: T): void
}

export interface Selection {
  readonly namespace?: string | undefined
  /** Labels that must be equal. */
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly selector?: LabelSelector | undefined
}

export interface Informer<T extends KubeObject> {
  readonly kind: Kind<string, T>
  /** True once the first list is in the store and told to the handlers. */
  readonly hasSynced: boolean
  /** Resolves when `hasSynced`; rejects when the signal is aborted before. */
  synced(): Promise<void>
  /** The version that the store has reached; '' before the first list. */
  readonly resourceVersion: string
  get(at: Ref): T | undefined
  list(selection?: Selection): readonly T[]
  /** Objects that name `uid` among their owners. */
  ownedBy(uid: string): readonly T[]
  addIndex(name: string, keys: IndexKeys<T>): void
  indexed(name: string, value: string): readonly T[]
  /** Answers a function that removes the handlers again. */
  addHandlers(handlers: Handlers<T>): () => void
}

export interface InformerOptions {
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
  /** Told of every failure; the informer goes on by itself. */
  readonly onError?: ((error: unknown) => void) | undefined
  readonly namespace?: string | undefined
  readonly labelSelector?: string | undefined
  readonly fieldSelector?: string | undefined
  /** `stream` asks for the first state as watch events (WatchList); a server that cannot is then listed. Default `list`. */
  readonly initial?: 'list' | 'stream' | undefined
  /** Asked while a first list, or a new one, is taken in, of which there may be very many; default: never. */
  readonly giveWay?: GiveWay | undefined
  /** Told of each version that the store has reached, after the handlers. */
  readonly onVersion?: ((resourceVersion: string) => void) | undefined
}

/** Starts at once and runs until the signal is aborted. */
export function startInformer<T extends KubeObject>(
  client: Client,
  kind: Kind<string, T>,
  options: InformerOptions,
): Informer<T> {
  return new ReflectedInformer(client, kind, options)
}

/** Objects that are taken in without asking whether somebody else waits. */
const partSize = 32

class ReflectedInformer<T extends KubeObject> implements Informer<T> {
  readonly kind: Kind<string, T>
  hasSynced = false
  resourceVersion = ''
  #store = new IndexedStore<T>()
  #handlers = new Set<Handlers<T>>()
  #options: InformerOptions
  #synced = Promise.withResolvers<void>()

  constructor(client: Client, kind: Kind<string, T>, options: InformerOptions) {
    this.kind = kind
    this.#options = options
    this.#synced.promise.catch(() => {})
    const { signal } = options
    const stop = () => this.#synced.reject(signal.reason)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
    void reflect(client, kind, { ...options, onEvents: (events) => this.#apply(events) })
  }

  synced(): Promise<void> {
    return this.#synced.promise
  }

  get(at: Ref): T | undefined {
    return this.#store.get(at)
  }

  list({ namespace, labels, selector }: Selection = {}): readonly T[] {
    const found = namespace ? this.#store.indexed(byNamespace, namespace) : this.#store.values()
    if (!labels && !selector) return found
    return found.filter(
      ({ metadata }) =>
        (!selector || selects(selector, metadata.labels)) &&
        (!labels || Object.entries(labels).every(([key, value]) => metadata.labels?.[key] === value)),
    )
  }

  ownedBy(uid: string): readonly T[] {
    return this.#store.indexed(byOwner, uid)
  }

  addIndex(name: string, keys: IndexKeys<T>): void {
    this.#store.addIndex(name, keys)
  }

  indexed(name: string, value: string): readonly T[] {
    return this.#store.indexed(name, value)
  }

  addHandlers(handlers: Handlers<T>): () => void {
    this.#handlers.add(handlers)
    for (const object of this.#store.values()) this.#tell(handlers, () => handlers.added?.(object, { initial: true }))
    return () => this.#handlers.delete(handlers)
  }

  #apply(events: readonly Reflected<T>[]): Promise<void> | undefined {
    const parts = this.#parts(events)
    while (!parts.next().done) {
      const wait = this.#options.giveWay?.()
      if (wait) return this.#goOn(parts, wait)
    }
    return undefined
  }

  async #goOn(parts: Generator<void>, first: Promise<void>): Promise<void> {
    const { giveWay, signal } = this.#options
    for (let wait: Promise<void> | undefined = first; ; wait = giveWay?.()) {
      if (wait) await wait
      else if (signal.aborted || parts.next().done) return
    }
  }

  /** Yields where others may have their turn. */
  *#parts(events: readonly Reflected<T>[]): Generator<void> {
    for (const event of events) {
      if (event.type === 'replaced') yield* this.#replace(event.objects)
      else if (event.type === 'set') this.#set(event.object)
      else if (event.type === 'deleted') this.#delete(event.object)
      this.resourceVersion = event.resourceVersion
    }
    this.#options.onVersion?.(this.resourceVersion)
    if (!this.hasSynced && events.some(({ type }) => type === 'replaced')) {
      this.hasSynced = true
      this.#synced.resolve()
    }
  }

  *#replace(objects: readonly T[]): Generator<void> {
    const known = this.#store.values()
    for (const [i, object] of objects.entries()) {
      this.#set(object)
      if (i % partSize === partSize - 1) yield
    }
    if (known.length === 0) return
    const kept = new Set(objects.map(({ metadata }) => keyOf(metadata)))
    for (const old of known) if (!kept.has(keyOf(old.metadata))) this.#delete(old)
  }

  /** An object that was deleted and made anew between two looks shows as both. */
  #set(object: T): void {
    const key = keyOf(object.metadata)
    const known = this.#store.at(key)
    if (known && known.metadata.uid !== object.metadata.uid) this.#delete(known)
    const old = this.#store.set(object, key)
    if (old?.metadata.resourceVersion === object.metadata.resourceVersion) return
    for (const handlers of this.#handlers) {
      this.#tell(handlers, () => (old ? handlers.updated?.(object, old) : handlers.added?.(object, { initial: !this.hasSynced })))
    }
  }

  #delete(object: T): void {
    if (!this.#store.delete(object.metadata)) return
    for (const handlers of this.#handlers) this.#tell(handlers, () => handlers.deleted?.(object))
  }

  /** A handler that throws must not keep the others, or the store, from going on. */
  #tell(_handlers: Handlers<T>, call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#options.onError?.(error)
    }
  }
}
