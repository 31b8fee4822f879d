/** Who listens to a watch cache, found by the key of an event and by the values of its indexers. */
import type { CachedRow } from './cached-row.ts'
import type { CacheBatch, CacheEvent, CacheWatch } from './watch-cache.ts'

interface Watcher<T> extends CacheWatch {
  readonly from: number
  readonly onBatch: (batch: CacheBatch<T>) => void
  readonly leave: () => void
  events: CacheEvent<T>[]
  /** Whether its first delivery, made in a microtask, is over. */
  started: boolean
}

type Indexers<T> = Readonly<Record<string, (object: T) => string | undefined>>

/** Watchers of the same are called in the order in which they came; what `onBatch` throws stops nobody. */
export class CacheWatchers<T> {
  #indexers: Indexers<T>
  #names: string[]
  #rows = new Map<string, Set<CachedRow<T>>>()
  /** Rows that will be in the index when somebody asks it: to read their values they must be decoded, which takes long when all are new. */
  #unread = new Set<CachedRow<T>>()
  /** Values of rows in the index, so that they are found again when they leave. */
  #values = new Map<CachedRow<T>, (string | undefined)[]>()
  #groups = new Map<string, Set<Watcher<T>>>()
  #revision = 0

  constructor(indexers: Indexers<T>) {
    this.#indexers = indexers
    this.#names = Object.keys(indexers)
  }

  add(
    request: CacheWatch & { readonly from: number },
    {
      missed,
      revision,
      onBatch,
    }: { missed: readonly CacheEvent<T>[]; revision: number; onBatch: (batch: CacheBatch<T>) => void },
  ): void {
    if (request.signal.aborted) return
    const leave = () => this.#remove(watcher)
    const events = missed.filter((event) => this.#concerns(event, request))
    const watcher: Watcher<T> = { ...request, onBatch, leave, events, started: false }
    const group = groupOf(request)
    const peers = this.#groups.get(group)
    if (peers) peers.add(watcher)
    else this.#groups.set(group, new Set([watcher]))
    request.signal.addEventListener('abort', leave, { once: true })
    this.#revision = Math.max(this.#revision, revision)
    queueMicrotask(() => {
      watcher.started = true
      this.#flush(watcher)
    })
  }

  dispatch(events: readonly CacheEvent<T>[], revision: number): void {
    this.#revision = revision
    const concerned = new Map<Set<Watcher<T>>, CacheEvent<T>[]>()
    for (const event of events) {
      for (const group of this.#groupsOf(event)) {
        const watchers = this.#groups.get(group)
        if (!watchers) continue
        const known = concerned.get(watchers)
        if (known) known.push(event)
        else concerned.set(watchers, [event])
      }
    }
    for (const [watchers, own] of concerned) this.#deliver(watchers, own)
  }

  /** All who have seen what was before are handed the same batch, so that what they make of it can be shared. */
  #deliver(watchers: ReadonlySet<Watcher<T>>, events: readonly CacheEvent<T>[]): void {
    const batch: CacheBatch<T> = { type: 'events', events, revision: this.#revision }
    const first = events[0]?.revision ?? 0
    for (const watcher of [...watchers]) {
      if (watcher.started && watcher.from <= first) call(watcher, batch)
      else {
        for (const event of events) if (event.revision >= watcher.from) watcher.events.push(event)
        if (watcher.started) this.#flush(watcher)
      }
    }
  }

  /** Tells all that they must list again, and forgets them. */
  expire(oldest: number): void {
    for (const watcher of [...this.#groups.values()].flatMap((group) => [...group])) {
      this.#remove(watcher)
      call(watcher, { type: 'expired', oldest })
    }
  }

  indexed(name: string, value: string): Iterable<CachedRow<T>> {
    for (const row of this.#unread) this.#index(row)
    this.#unread.clear()
    return this.#rows.get(`${name}\0${value}`) ?? []
  }

  reindex(row: CachedRow<T> | undefined, previous: CachedRow<T> | undefined): void {
    if (this.#names.length === 0) return
    if (previous && !this.#unread.delete(previous)) {
      for (const [i, value] of (this.#values.get(previous) ?? []).entries()) this.#unlist(`${this.#names[i]}\0${value}`, previous)
      this.#values.delete(previous)
    }
    if (row) this.#unread.add(row)
  }

  #index(row: CachedRow<T>): void {
    const values = this.#valuesOf(row)
    this.#values.set(row, values)
    for (const [i, value] of values.entries()) if (value !== undefined) this.#enlist(`${this.#names[i]}\0${value}`, row)
  }

  clearIndexes(): void {
    this.#rows.clear()
    this.#values.clear()
    this.#unread.clear()
  }

  #enlist(place: string, row: CachedRow<T>): void {
    const rows = this.#rows.get(place)
    if (rows) rows.add(row)
    else this.#rows.set(place, new Set([row]))
  }

  #unlist(place: string, row: CachedRow<T>): void {
    const rows = this.#rows.get(place)
    rows?.delete(row)
    if (rows?.size === 0) this.#rows.delete(place)
  }

  #valuesOf(row: CachedRow<T>): (string | undefined)[] {
    const known = this.#values.get(row)
    if (known) return known
    const { decoded } = row
    return this.#names.map((name) => (decoded === undefined ? undefined : this.#indexers[name]?.(decoded)))
  }

  #concerns(event: CacheEvent<T>, watch: CacheWatch): boolean {
    const group = groupOf(watch)
    for (const other of this.#groupsOf(event)) if (other === group) return true
    return false
  }

  /** The groups of watchers that an event concerns. */
  #groupsOf({ row, previous }: CacheEvent<T>): Set<string> {
    const { key } = row
    const prefixes = [key]
    for (let at = key.indexOf('/'); at >= 0; at = key.indexOf('/', at + 1)) prefixes.push(key.slice(0, at + 1))
    const groups = new Set(prefixes)
    for (const side of this.#names.length > 0 ? [row, previous] : []) {
      for (const [i, value] of (side ? this.#valuesOf(side) : []).entries()) {
        if (value !== undefined) for (const prefix of prefixes) groups.add(`${prefix}\0${this.#names[i]}\0${value}`)
      }
    }
    return groups
  }

  #flush(watcher: Watcher<T>): void {
    if (watcher.events.length === 0) return
    const { events } = watcher
    watcher.events = []
    call(watcher, { type: 'events', events, revision: this.#revision })
  }

  #remove(watcher: Watcher<T>): void {
    const group = groupOf(watcher)
    const peers = this.#groups.get(group)
    peers?.delete(watcher)
    if (peers?.size === 0) this.#groups.delete(group)
    watcher.events = []
    watcher.signal.removeEventListener('abort', watcher.leave)
  }
}

function groupOf({ prefix, index }: CacheWatch): string {
  return index ? `${prefix}\0${index.name}\0${index.value}` : prefix
}

function call<T>({ onBatch, signal }: Watcher<T>, batch: CacheBatch<T>): void {
  if (signal.aborted) return
  try {
    onBatch(batch)
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}
