/** Watches: the changes of a collection, or of one object, as they happen. */
import type { Clock, Timer } from '#lib/clock.ts'
import type { Kind } from '#schema/kind.ts'
import { expired, StatusError } from '#schema/status-error.ts'
import type { CacheBatch, CacheEvent } from '#store/watch-cache.ts'
import type { Request, Response, ServedEvent } from '../request.ts'
import { reach } from './freshness.ts'
import { parseVersion } from './get.ts'
import { type ListOptions, listOptions } from './list-options.ts'
import type { Registry } from './registry.ts'
import { type Selection, selectionOf } from './selection.ts'
import type { CacheRow, Entry, Storage } from './storage.ts'
import { WatchStream } from './watch-stream.ts'

/** Without a wish of the client a watch ends after so many seconds, or up to twice as many (default of `--min-request-timeout`). */
const minTimeout = 1800
const bookmarkPeriod = 60_000
/** A last bookmark is sent so long before the end. */
const bookmarkBeforeEnd = 2_000

export async function watch(registry: Registry, request: Request, kind: Kind): Promise<Response> {
  const storage = await registry.storage(kind)
  const options = listOptions(request.query, true, registry.gates.isOn('WatchList'))
  const selection = selectionOf(request, kind, storage)
  const version = parseVersion(options.resourceVersion)
  const stream = new WatchStream()
  if (options.sendInitialEvents) {
    if (version === undefined) await storage.cache.catchUp()
    else await reach(storage.cache, version, registry.clock)
  }
  const session = new Session({ storage, selection, options, stream, kind })
  stream.onEnd(bound(registry, { request, session, options, stream }))
  endWith(storage, stream)
  session.start(version)
  return { type: 'watch', kind, events: stream }
}

/** A clean end, after which clients go on where they are: with the kind as it is served then. */
function endWith({ stopped }: Storage, stream: WatchStream): void {
  if (stopped.aborted) queueMicrotask(() => stream.end())
  else stopped.addEventListener('abort', () => stream.end(), { once: true })
}

interface Parts {
  readonly storage: Storage
  readonly selection: Selection
  readonly options: ListOptions
  readonly stream: WatchStream
  readonly kind: Kind
}

type EventBatch = Extract<CacheBatch<any>, { type: 'events' }>

/** One watch: turns the cache's events into those that this client may see. */
class Session {
  #parts: Parts
  #bookmarked = 0
  #turn: Promise<void> | undefined
  readonly stop = new AbortController()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  start(version: number | undefined): void {
    const { storage, selection, options } = this.#parts
    const { cache } = storage
    const { index } = selection
    const request = { prefix: selection.key, signal: this.stop.signal, ...(index && { index }) }
    const onBatch = (batch: CacheBatch<any>) => this.#take(batch, version ?? 0)
    if (options.sendInitialEvents) {
      const { rows, revision } = cache.listAndWatch(request, onBatch)
      this.#whenNear(rows, () => {
        this.#push(
          rows
            .map((row) => storage.entry(row))
            .filter(this.#matches)
            .map(added),
        )
        if (options.allowWatchBookmarks) this.#bookmark(revision, { 'k8s.io/initial-events-end': 'true' })
      })
    } else if (version === undefined || version === 0) cache.watch(request, onBatch)
    else cache.watch({ ...request, from: version + 1 }, onBatch)
  }

  /** Tells the client how far it has come, if that is news: after what still waits to be converted, which it would else never see. */
  bookmark(): void {
    const { revision } = this.#parts.storage.cache
    if (!this.#parts.options.allowWatchBookmarks || revision <= this.#bookmarked) return
    this.#whenNear([], () => this.#bookmark(revision))
  }

  #bookmark(revision: number, annotations?: Record<string, string>): void {
    const { kind } = this.#parts
    this.#bookmarked = revision
    const metadata = { resourceVersion: String(revision), ...(annotations && { annotations }) }
    this.#push([{ type: 'BOOKMARK', object: { kind: kind.kind, apiVersion: kind.apiVersion, metadata } }])
  }

  #take(batch: CacheBatch<any>, asked: number): void {
    const rows = batch.type === 'events' ? batch.events.flatMap(({ row, previous }) => (previous ? [row, previous] : [row])) : []
    this.#whenNear(rows, () => this.#deliver(batch, asked))
  }

  /** At once, unless objects must be converted by others first; what comes meanwhile waits for its turn. */
  #whenNear(rows: readonly CacheRow[], deliver: () => void): void {
    const { storage, stream } = this.#parts
    const near = this.#turn ? this.#turn.then(() => storage.bring(rows)) : storage.bring(rows)
    if (!(near instanceof Promise)) return deliver()
    const fail = (error: unknown) => {
      const status = error instanceof StatusError ? error : new StatusError('InternalError', `Internal error occurred: ${error}`)
      this.#push([{ type: 'ERROR', object: status.toStatus() }])
      stream.end()
    }
    const turn: Promise<void> = near
      .then(deliver)
      .catch(fail)
      .then(() => {
        if (this.#turn === turn) this.#turn = undefined
      })
    this.#turn = turn
  }

  #deliver(batch: CacheBatch<any>, asked: number): void {
    const { stream } = this.#parts
    if (batch.type === 'expired') {
      const status = expired(`too old resource version: ${asked} (${batch.oldest - 1})`).toStatus()
      this.#push([{ type: 'ERROR', object: status }])
      stream.end()
      return
    }
    this.#push(this.#parts.selection.everything ? this.#all(batch) : this.#selected(batch))
  }

  /** Made once for all who watch everything. */
  #all(batch: EventBatch): readonly ServedEvent[] {
    const { shared } = this.#parts.storage
    let events = shared.get(batch)
    if (!events) shared.set(batch, (events = this.#selected(batch)))
    return events
  }

  #selected({ events }: EventBatch): readonly ServedEvent[] {
    return events.map((event) => this.#served(event)).filter((event) => event !== undefined)
  }

  #served({ type, row, previous, revision }: CacheEvent<any>): ServedEvent | undefined {
    const { storage, selection } = this.#parts
    if (type === 'delete') {
      const last = storage.entry(row)
      return this.#matches(last) ? served('DELETED', last) : undefined
    }
    const now = storage.entry(row)
    if (selection.everything) return served(previous ? 'MODIFIED' : 'ADDED', now)
    const before = previous && this.#matches(storage.entry(previous))
    if (this.#matches(now)) return served(before ? 'MODIFIED' : 'ADDED', now)
    return before ? served('DELETED', storage.lastState(previous.row, revision, storage.entry(previous))) : undefined
  }

  #matches = (entry: Entry): boolean => this.#parts.selection.everything || this.#parts.selection.matches(entry.object)

  #push(events: readonly ServedEvent[]): void {
    if (events.length > 0) this.#parts.stream.push(events)
  }
}

function added(entry: Entry): ServedEvent {
  return served('ADDED', entry)
}

function served(type: ServedEvent['type'], entry: Entry): ServedEvent {
  return new EntryEvent(type, entry)
}

class EntryEvent implements ServedEvent {
  readonly type: ServedEvent['type']
  #entry: Entry

  constructor(type: ServedEvent['type'], entry: Entry) {
    this.type = type
    this.#entry = entry
  }

  get object(): unknown {
    return this.#entry.object
  }

  get bytes(): Uint8Array {
    return this.#entry.bytes
  }
}

interface Bounds {
  readonly request: Request
  readonly session: Session
  readonly options: ListOptions
  readonly stream: WatchStream
}

/** Ends the watch with its client or its time, and sends bookmarks meanwhile; answers what is to be undone at the end. */
function bound(
  { clock, random, minRequestTimeout = minTimeout }: Registry,
  { request, session, options, stream }: Bounds,
): () => void {
  const seconds = options.timeoutSeconds || minRequestTimeout * (1 + random.next())
  const end = () => stream.end()
  const timers = [clock.after(seconds * 1000, end)]
  if (options.allowWatchBookmarks) {
    if (seconds * 1000 > bookmarkBeforeEnd) timers.push(clock.after(seconds * 1000 - bookmarkBeforeEnd, () => session.bookmark()))
    timers.push(every(clock, bookmarkPeriod, () => session.bookmark()))
  }
  request.signal.addEventListener('abort', end, { once: true })
  if (request.signal.aborted) queueMicrotask(end)
  return () => {
    session.stop.abort()
    request.signal.removeEventListener('abort', end)
    for (const timer of timers) timer.cancel()
  }
}

function every(clock: Clock, period: number, callback: () => void): Timer {
  const tick = () => {
    timer = clock.after(period, tick)
    callback()
  }
  let timer = clock.after(period, tick)
  return { cancel: () => timer.cancel() }
}
