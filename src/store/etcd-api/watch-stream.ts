/** One stream of etcd's watch service: several watches, each with filters of its own, and questions about how far they are. */
import { status } from '@grpc/grpc-js'
import type { Clock, Timer } from '#lib/clock.ts'
import type { EventMessage, Header, WatchAnswer, WatchCreate, WatchMessage } from '../etcd/messages.ts'
import type { Store, StoreEvent, WatchBatch } from '../store.ts'
import type { GrpcCall } from './grpc-server.ts'
import { Refusal } from './refusals.ts'
import { kvOf, type Span, spanOf } from './wire.ts'

export interface WatchStreamOptions {
  readonly store: Store
  readonly clock: Clock
  readonly header: (revision: number) => Header
}

interface Watcher {
  readonly id: number
  readonly request: WatchCreate
  readonly stop: AbortController
  /** Whether anything was sent since the last notice of progress. */
  isBusy: boolean
}

/** etcd's: how often an idle watch that asked for it hears how far it is. */
const noticePeriod = 600_000
/** etcd's `--max-request-bytes`: what a fragment may hold. */
const fragmentBytes = 1_572_864
/** A client that does not read is let go before its answers fill the memory. */
const mostUnsent = 256 << 20
const allWatches = -1

export function serveWatchStream(call: GrpcCall, options: WatchStreamOptions): void {
  const stream = new WatchStream(call, options)
  call.on('data', (message: WatchMessage) => stream.take(message))
  call.on('end', () => {
    stream.close()
    call.end()
  })
  call.on('close', () => stream.close())
}

class WatchStream {
  #call: GrpcCall
  #options: WatchStreamOptions
  #watchers = new Map<number, Watcher>()
  #nextId = 0
  /** Watches that have yet to say how far they are, for a client that asked. */
  #asked: Set<Watcher> | undefined
  #notice: Timer | undefined
  #isClosed = false

  constructor(call: GrpcCall, options: WatchStreamOptions) {
    this.#call = call
    this.#options = options
  }

  take({ create_request: create, cancel_request: cancel, progress_request: progress }: WatchMessage): void {
    const answered = create ? this.#create(create) : cancel ? this.#cancel(cancel.watch_id) : progress && this.#askProgress()
    answered?.catch((error: Error) => this.#call.destroy(error))
  }

  close(): void {
    this.#isClosed = true
    this.#notice?.cancel()
    for (const { stop } of this.#watchers.values()) stop.abort()
    this.#watchers.clear()
  }

  async #create(request: WatchCreate): Promise<void> {
    const id = this.#idFor(request)
    const { revision } = await this.#options.store.status()
    if (this.#isClosed) return
    if (id === undefined) {
      const reason = 'etcdserver: duplicate watch ID provided on the WatchStream'
      return this.#send({ watch_id: allWatches, created: true, canceled: true, cancel_reason: reason }, revision)
    }
    const watcher: Watcher = { id, request, stop: new AbortController(), isBusy: false }
    this.#watchers.set(id, watcher)
    this.#send({ watch_id: id, created: true }, revision)
    const from = request.start_revision && request.start_revision > 0 ? request.start_revision : revision + 1
    const watch = { ...this.#spanOf(request), from, signal: watcher.stop.signal }
    this.#options.store.watch(watch, (batch) => this.#deliver(watcher, batch))
    if (request.progress_notify) this.#notice ??= this.#options.clock.after(noticePeriod, () => this.#notify())
  }

  #idFor({ watch_id: wanted = 0 }: WatchCreate): number | undefined {
    if (wanted !== 0) return this.#watchers.has(wanted) ? undefined : wanted
    while (this.#watchers.has(this.#nextId)) this.#nextId++
    return this.#nextId++
  }

  /** etcd takes a watch without a key as one from the first key on. */
  #spanOf({ key, range_end: end }: WatchCreate): Span {
    return spanOf({ key: key.byteLength > 0 ? key : Uint8Array.of(0), ...(end && { range_end: end }) })
  }

  async #cancel(id: number): Promise<void> {
    const watcher = this.#watchers.get(id)
    if (!watcher) return
    this.#remove(watcher)
    const { revision } = await this.#options.store.status()
    this.#send({ watch_id: id, canceled: true }, revision)
  }

  #remove(watcher: Watcher): void {
    watcher.stop.abort()
    this.#watchers.delete(watcher.id)
    this.#progressed(watcher, 0)
  }

  async #askProgress(): Promise<void> {
    this.#asked = new Set(this.#watchers.values())
    if (this.#asked.size === 0) this.#asked = undefined
    else await this.#options.store.requestProgress()
  }

  #notify(): void {
    this.#notice = this.#options.clock.after(noticePeriod, () => this.#notify())
    this.#options.store.requestProgress().catch((error: Error) => this.#call.destroy(error))
  }

  #deliver(watcher: Watcher, batch: WatchBatch): void {
    if (batch.type === 'progress') return this.#progressed(watcher, batch.revision)
    if (batch.type === 'compacted') {
      this.#remove(watcher)
      const reason = 'etcdserver: mvcc: required revision has been compacted'
      const gone = { watch_id: watcher.id, canceled: true, compact_revision: batch.compactRevision, cancel_reason: reason }
      return this.#send(gone, batch.compactRevision)
    }
    const { filters = [], prev_kv: withPrevious = false } = watcher.request
    const wanted = batch.events.filter(({ type }) => !filters.includes(type === 'put' ? 0 : 1))
    if (wanted.length === 0) return
    watcher.isBusy = true
    this.#sendEvents(
      watcher,
      wanted.map((event) => messageOf(event, withPrevious)),
      batch.revision,
    )
  }

  #sendEvents({ id, request }: Watcher, events: readonly EventMessage[], revision: number): void {
    let [part, size]: [EventMessage[], number] = [[], 0]
    for (const event of events) {
      const more = event.kv.value.byteLength + event.kv.key.byteLength + (event.prev_kv?.value.byteLength ?? 0)
      if (request.fragment && size > 0 && size + more > fragmentBytes) {
        this.#send({ watch_id: id, events: part, fragment: true }, revision)
        part = []
        size = 0
      }
      part.push(event)
      size += more
    }
    this.#send({ watch_id: id, events: part }, revision)
  }

  /** One answer for all, when all are that far; and for those who hear of it now and then, unless they have just heard. */
  #progressed(watcher: Watcher, revision: number): void {
    if (this.#asked?.delete(watcher) && this.#asked.size === 0) {
      this.#asked = undefined
      if (revision > 0) this.#send({ watch_id: allWatches }, revision)
    } else if (!this.#asked && watcher.request.progress_notify && !watcher.isBusy && revision > 0) {
      this.#send({ watch_id: watcher.id }, revision)
    }
    watcher.isBusy = false
  }

  #send(answer: Partial<WatchAnswer>, revision: number): void {
    if (this.#isClosed) return
    if (this.#call.writableLength > mostUnsent) {
      this.close()
      return void this.#call.destroy(new Refusal(status.RESOURCE_EXHAUSTED, 'etcdserver: the client does not read'))
    }
    const whole: Partial<WatchAnswer> = { header: this.#options.header(revision), ...answer }
    this.#call.write(whole)
  }
}

function messageOf({ type, row, previous }: StoreEvent, withPrevious: boolean): EventMessage {
  return { type: type === 'put' ? 0 : 1, kv: kvOf(row), prev_kv: withPrevious && previous ? kvOf(previous) : null }
}
