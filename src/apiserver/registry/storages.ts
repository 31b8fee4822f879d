/** The storages of all kinds, and the lister that reads their caches. */
import type { Soon } from '#lib/soon.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import type { Lister } from '../admission/plugin.ts'
import { type Cache, type CacheOptions, indexedFields, openCache, Storage, storedKindOf } from './storage.ts'

export class Storages {
  readonly lister: Lister
  #options: CacheOptions
  #caches = new Map<Kind, Cache>()
  #opened = new Map<Kind, Storage>()
  #filled = new WeakSet<Storage>()
  #stop = new AbortController()

  constructor(options: CacheOptions) {
    this.#options = options
    this.lister = {
      get: (kind, name, namespace = '') => this.#cached(kind).cached(this.#cached(kind).keyOf(namespace, name))?.object,
      list: (kind, namespace) => this.#list(kind, namespace),
      select: (kind, field, value) => this.#select(kind, field, value),
      onChange: (kind, listener) => this.#onChange(kind, listener),
    }
  }

  /** Opens a kind on first need; its cache is filled when this resolves. */
  open(kind: Kind): Soon<Storage> {
    const storage = this.#storageOf(kind)
    if (this.#filled.has(storage)) return storage
    return storage.cache.ready.then(() => {
      this.#filled.add(storage)
      return storage
    })
  }

  /** Fills the caches of everything that can be listed synchronously. */
  async openAll(kinds: readonly Kind[]): Promise<void> {
    const stored = kinds.filter((kind) => !kind.def.virtual && storedKindOf(kind).kind !== 'Event')
    await Promise.all(stored.map((kind) => this.open(kind)))
  }

  /** A kind that is no longer served: its watchers must list again, and find nothing. */
  forget(kind: Kind): void {
    this.#opened.get(kind)?.stop()
    this.#opened.delete(kind)
    if (storedKindOf(kind) !== kind) return
    this.#caches.get(kind)?.close()
    this.#caches.delete(kind)
  }

  close(): void {
    this.#stop.abort()
    for (const cache of this.#caches.values()) cache.close()
  }

  #storageOf(kind: Kind): Storage {
    let storage = this.#opened.get(kind)
    if (!storage) {
      const { store, freeze } = this.#options
      storage = new Storage(kind, { store, freeze, cache: this.#cacheOf(storedKindOf(kind)) })
      this.#opened.set(kind, storage)
    }
    return storage
  }

  #cacheOf(kind: Kind): Cache {
    let cache = this.#caches.get(kind)
    if (!cache) this.#caches.set(kind, (cache = openCache(kind, this.#options)))
    return cache
  }

  #cached(kind: Kind): Storage {
    const storage = this.#opened.get(kind)
    if (!storage) throw new Error(`${kind.plural} are not in the lister`)
    return storage
  }

  #list<T extends KubeObject>(kind: Kind<string, T>, namespace?: string): readonly T[] {
    const storage = this.#cached(kind)
    return storage.cache.list(storage.prefix(namespace)).map((row) => storage.entry(row).object)
  }

  #select<T extends KubeObject>(kind: Kind<string, T>, field: string, value: string): readonly T[] | undefined {
    const storage = this.#cached(kind)
    if (!indexedFields(kind).includes(field)) return undefined
    return storage.cache.byIndex(field, value).map((row) => storage.entry(row).object)
  }

  /** The cache starts anew when the store lost its place: everything may have changed then. */
  #onChange(kind: Kind, listener: (namespace: string) => void): void {
    const storage = this.#cached(kind)
    const prefix = storage.prefix()
    const namespaceOf = (key: string) => (kind.namespaced ? (key.slice(prefix.length).split('/')[0] as string) : '')
    const subscribe = () =>
      storage.cache.watch({ prefix, signal: this.#stop.signal }, (batch) => {
        if (batch.type === 'events') return void batch.events.map(({ row }) => listener(namespaceOf(row.key)))
        if (this.#stop.signal.aborted) return
        listener('')
        subscribe()
      })
    subscribe()
  }
}
