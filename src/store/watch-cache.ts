/**
 * The current rows below a prefix, and its latest events, in memory: the API server keeps one for each resource and answers
 * reads and watches from it.
 */
import type { Clock, Timer } from '#lib/clock.ts'
import type { Soon } from '#lib/soon.ts'
import { CacheWatchers } from './cache-watchers.ts'
import { CachedRow, type Decode, type Making, Recent } from './cached-row.ts'
import { EventRing } from './event-ring.ts'
import { SortedMap } from './sorted-map.ts'
import { hasCode, prefixEnd, type Row, type Store, StoreError, type StoreEvent, type WatchBatch } from './store.ts'

export interface CacheEvent<T> {
  readonly type: 'put' | 'delete'
  readonly revision: number
  /** The row written; for a delete what stood there last, under the revision of the deletion, as watches show it. */
  readonly row: CachedRow<T>
  /** The row before. */
  readonly previous?: CachedRow<T>
}

export type CacheBatch<T> =
  | { readonly type: 'events'; readonly events: readonly CacheEvent<T>[]; readonly revision: number }
  /** What was asked, or what comes next, is gone; the watch has ended and its client must list again. */
  | { readonly type: 'expired'; readonly oldest: number }

export interface CacheWatch {
  /** Ends in `/` for all below it, otherwise one key. */
  readonly prefix: string
  /** First revision to deliver; absent: the one after the cache's. */
  readonly from?: number
  /** Only events of rows that have, or had before, this value under the named indexer. */
  readonly index?: { readonly name: string; readonly value: string }
  readonly signal: AbortSignal
}

export interface WatchCacheOptions<T> {
  readonly store: Store
  /** Ends in `/`. */
  readonly prefix: string
  readonly clock: Clock
  /** Default: JSON with the resource version put in. */
  readonly decode?: Decode<T>
  /** Values to select rows by without looking at all of them, such as a pod's node. */
  readonly indexers?: Readonly<Record<string, (object: T) => string | undefined>>
  /** Bounds of the event ring; default 20,000 events holding 64 MB. */
  readonly ring?: { readonly events: number; readonly bytes: number }
  /** Stored bytes whose decoded objects, and served bytes that are kept; default 128 MB and 64 MB. */
  readonly keep?: { readonly decoded: number; readonly served: number }
}

/**
 * Guarantees
 * - `get`, `list` and `revision` belong together: they show everything up to `revision` and nothing after it.
 * - A started watch has been handed every event up to `revision` once, in order, a revision never split; so `revision` is
 *   what a bookmark may say.
 * - A row that cannot be decoded is listed and watched like any other, with `decoded` undefined.
 */
export interface WatchCache<T> {
  /** Resolves when the cache holds what the store held when it was opened; nothing else may be asked before. */
  readonly ready: Promise<void>
  readonly revision: number
  /** Objects that it holds. */
  readonly size: number
  /** Bytes of their stored form. */
  readonly byteSize: number
  get(key: string): CachedRow<T> | undefined
  /** Rows at `revision`, sorted by key; `after` and `limit` cut a page out. */
  list(prefix: string, page?: { readonly after?: string; readonly limit?: number }): CachedRow<T>[]
  /** Rows with `from <= key`, and `key < end` where an end is given. */
  between(from: string, end: string | undefined): CachedRow<T>[]
  /** What has changed after `revision`; undefined where that is no longer known. */
  changesSince(revision: number): readonly CacheEvent<T>[] | undefined
  /** Rows whose indexer answers `value`, sorted by key. */
  byIndex(name: string, value: string): CachedRow<T>[]
  /** Resolves when the cache has seen `revision`, which it asks the store to confirm; rejects with the signal's reason. */
  waitFor(revision: number, signal?: AbortSignal): Promise<void>
  /** Resolves, with the cache's revision, when it has seen all that is durable now: what follows is a consistent read. */
  catchUp(signal?: AbortSignal): Soon<number>
  /** `onBatch` is never called before `watch` returns, nor after the abort. */
  watch(request: CacheWatch, onBatch: (batch: CacheBatch<T>) => void): void
  /** The rows now and, in the same instant, a watch of what comes after `revision`. */
  listAndWatch(
    request: Omit<CacheWatch, 'from'>,
    onBatch: (batch: CacheBatch<T>) => void,
  ): { readonly rows: CachedRow<T>[]; readonly revision: number }
  close(): void
}

export function openWatchCache<T = unknown>(options: WatchCacheOptions<T>): WatchCache<T> {
  return new Cache(options)
}

/** As upstream's progress requester: how long to wait before the store is asked again. */
const progressPeriod = 100
const reloadDelay = 1000

class Cache<T> implements WatchCache<T> {
  readonly ready: Promise<void>
  #options: WatchCacheOptions<T>
  #making: Making<T>
  #rows = new SortedMap<CachedRow<T>>()
  #ring: EventRing<T>
  #watchers: CacheWatchers<T>
  #revision = 0
  #isFilled = false
  #byteSize = 0
  #waiting = new Set<{ revision: number; resolve: () => void; reject: (reason: unknown) => void }>()
  #asking = false
  #askMore = false
  #retry: Timer | undefined
  #closed = new AbortController()

  constructor(options: WatchCacheOptions<T>) {
    this.#options = options
    const { decoded, served } = options.keep ?? { decoded: 128 << 20, served: 64 << 20 }
    const decode = options.decode ?? (decodeJson as Decode<T>)
    this.#making = { decode, decoded: new Recent(decoded), served: new Recent(served) }
    this.#ring = new EventRing(options.ring ?? { events: 20_000, bytes: 64 << 20 })
    this.#watchers = new CacheWatchers(options.indexers ?? {})
    this.ready = this.#load()
    // Whoever needs the cache awaits `ready`; a failure that nobody awaits must not end the process.
    this.ready.catch(() => {})
  }

  get revision(): number {
    return this.#revision
  }

  get size(): number {
    return this.#rows.size
  }

  get byteSize(): number {
    return this.#byteSize
  }

  get(key: string): CachedRow<T> | undefined {
    return this.#rows.get(key)
  }

  list(prefix: string, { after, limit = 0 }: { after?: string; limit?: number } = {}): CachedRow<T>[] {
    if (!prefix.endsWith('/')) return [this.#rows.get(prefix)].filter((row) => row !== undefined)
    const rows: CachedRow<T>[] = []
    this.#rows.scan(after === undefined ? prefix : `${after}\0`, prefixEnd(prefix), (row) => {
      rows.push(row)
      return rows.length !== limit
    })
    return rows
  }

  between(from: string, end: string | undefined): CachedRow<T>[] {
    const rows: CachedRow<T>[] = []
    this.#rows.scan(from, end, (row) => void rows.push(row))
    return rows
  }

  changesSince(revision: number): readonly CacheEvent<T>[] | undefined {
    return this.#ring.from(revision + 1)
  }

  byIndex(name: string, value: string): CachedRow<T>[] {
    const keys = new SortedMap<CachedRow<T>>()
    for (const row of this.#watchers.indexed(name, value)) keys.set(row.key, row)
    const rows: CachedRow<T>[] = []
    keys.scan('', undefined, (row) => void rows.push(row))
    return rows
  }

  waitFor(revision: number, signal?: AbortSignal): Promise<void> {
    if (this.#closed.signal.aborted) return Promise.reject(closedError())
    if (signal?.aborted) return Promise.reject(signal.reason)
    if (revision <= this.#revision) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const waiter = {
        revision,
        resolve: () => {
          signal?.removeEventListener('abort', abort)
          resolve()
        },
        reject,
      }
      const abort = () => {
        this.#waiting.delete(waiter)
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', abort, { once: true })
      this.#waiting.add(waiter)
      this.#askProgress()
    })
  }

  catchUp(signal?: AbortSignal): Soon<number> {
    const known = this.#isFilled && !this.#closed.signal.aborted ? this.#options.store.revision?.() : undefined
    return known !== undefined && known <= this.#revision ? this.#revision : this.#catchUpLater(signal)
  }

  async #catchUpLater(signal?: AbortSignal): Promise<number> {
    await this.ready
    const { revision } = await this.#options.store.status()
    await this.waitFor(revision, signal)
    return this.#revision
  }

  watch({ from = this.#revision + 1, ...request }: CacheWatch, onBatch: (batch: CacheBatch<T>) => void): void {
    const missed = this.#ring.from(from)
    if (missed && !this.#closed.signal.aborted)
      this.#watchers.add({ ...request, from }, { missed, revision: this.#revision, onBatch })
    else {
      const oldest = this.#ring.oldest
      queueMicrotask(() => !request.signal.aborted && onBatch({ type: 'expired', oldest }))
    }
  }

  listAndWatch(request: Omit<CacheWatch, 'from'>, onBatch: (batch: CacheBatch<T>) => void) {
    const { prefix, index } = request
    const rows = index ? this.byIndex(index.name, index.value).filter(({ key }) => key.startsWith(prefix)) : this.list(prefix)
    this.watch(request, onBatch)
    return { rows, revision: this.#revision }
  }

  close(): void {
    this.#closed.abort()
    this.#retry?.cancel()
    this.#watchers.expire(this.#ring.oldest)
    for (const { reject } of this.#waiting) reject(closedError())
    this.#waiting.clear()
  }

  /** Begins at the oldest state that the store still has, so that clients may resume watches over a restart. */
  async #load(): Promise<void> {
    const { store } = this.#options
    const { revision, compactRevision } = await store.status()
    try {
      await this.#loadAt(Math.max(1, compactRevision))
    } catch (error) {
      if (!hasCode(error, 'Compacted')) throw error
      await this.#loadAt(revision)
    }
    await this.waitFor(revision)
    this.#isFilled = true
  }

  async #loadAt(revision: number): Promise<void> {
    const { store, prefix } = this.#options
    const end = prefixEnd(prefix)
    const { rows } = await store.range({ key: prefix, end, revision })
    if (this.#closed.signal.aborted) throw closedError()
    this.#rows.clear()
    this.#byteSize = 0
    this.#watchers.clearIndexes()
    for (const row of rows) this.#set(new CachedRow(row, this.#making))
    this.#revision = revision
    this.#ring.reset(revision)
    const ended = new AbortController()
    const signal = AbortSignal.any([ended.signal, this.#closed.signal])
    store.watch({ key: prefix, end, from: revision + 1, signal }, (batch) => {
      if (batch.type === 'compacted') ended.abort()
      this.#take(batch)
    })
  }

  #take(batch: WatchBatch): void {
    if (batch.type === 'compacted') {
      this.#watchers.expire(batch.compactRevision)
      this.#ring.reset(Number.MAX_SAFE_INTEGER)
      this.#reload()
      return
    }
    const events =
      batch.type === 'events' ? batch.events.map((event) => this.#apply(event)).filter((event) => event !== undefined) : []
    this.#revision = Math.max(this.#revision, batch.revision)
    if (events.length > 0) this.#watchers.dispatch(events, this.#revision)
    this.#release()
    if (batch.type === 'progress') this.#answered()
  }

  /** The store's history went away under the cache: it starts anew, and so must its watchers. */
  #reload(): void {
    this.#load().catch(() => {
      if (!this.#closed.signal.aborted) this.#options.clock.after(reloadDelay, () => this.#reload())
    })
  }

  #apply({ type, row }: StoreEvent): CacheEvent<T> | undefined {
    const { key, revision, subRevision } = row
    const previous = this.#rows.get(key)
    let event: CacheEvent<T>
    if (type === 'put') {
      const cached = new CachedRow(row, this.#making)
      this.#set(cached, previous)
      event = { type, revision, row: cached, ...(previous && { previous }) }
    } else {
      if (!previous) return undefined
      this.#rows.delete(key)
      this.#byteSize -= previous.row.value.byteLength
      this.#watchers.reindex(undefined, previous)
      event = { type, revision, row: new CachedRow({ ...previous.row, revision, subRevision }, this.#making, previous), previous }
    }
    this.#ring.push(event)
    return event
  }

  #set(row: CachedRow<T>, previous?: CachedRow<T>): void {
    this.#rows.set(row.key, row)
    this.#byteSize += row.row.value.byteLength - (previous?.row.value.byteLength ?? 0)
    this.#watchers.reindex(row, previous)
  }

  #release(): void {
    for (const waiter of this.#waiting) {
      if (waiter.revision > this.#revision) continue
      this.#waiting.delete(waiter)
      waiter.resolve()
    }
  }

  /** One question at a time for all who wait; those who come while it is under way may need another. */
  #askProgress(): void {
    this.#askMore = this.#asking
    if (this.#asking) return
    this.#asking = true
    this.#options.store.requestProgress().catch(() => this.#answered())
  }

  #answered(): void {
    this.#asking = false
    if (this.#waiting.size === 0 || this.#closed.signal.aborted) return
    if (this.#askMore) this.#askProgress()
    else this.#retry ??= this.#options.clock.after(progressPeriod, () => this.#askLater())
  }

  #askLater(): void {
    this.#retry = undefined
    if (this.#waiting.size > 0) this.#askProgress()
  }
}

function decodeJson(row: Row): unknown {
  const object = JSON.parse(Buffer.from(row.value.buffer, row.value.byteOffset, row.value.byteLength).toString())
  object.metadata = { ...object.metadata, resourceVersion: `${row.revision}` }
  return object
}

function closedError(): StoreError {
  return new StoreError('Closed', 'the watch cache is closed')
}
