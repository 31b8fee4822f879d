/**
 * The one watch on etcd that feeds all watches of the engine.
 *
 * Guarantees: events come once and in order over every loss of a connection; `reached` resolves only when everything up to a revision
 * has come; when etcd no longer has what comes next, all watchers are told so, and the feed goes on with what there is; nothing is told of
 * a state that was moved in.
 *
 * How it knows how far it is: it watches all of etcd, where every revision has an event. Where a member's progress notifications are to
 * be trusted (`progress.ts`), it watches its own prefix alone and asks for them.
 */
import type { Clock, Timer } from '#lib/clock.ts'
import { StoreError, type StoreEvent } from '../store.ts'
import type { KeySpace } from './key-space.ts'
import type { Members, OpenStream } from './members.ts'
import type { EventMessage, WatchAnswer, WatchMessage } from './messages.ts'
import type { Places } from './places.ts'
import type { RecentEvents } from './recent-events.ts'
import { hasMoved } from './revision-offset.ts'
import { causesOf, markOf } from './slots.ts'

export interface FeedOptions {
  readonly members: Members
  readonly keys: KeySpace
  readonly recent: RecentEvents
  readonly places: Places
  readonly clock: Clock
  /** Whether progress notifications say the truth. */
  readonly trustsProgress: boolean
  onEvents(events: readonly StoreEvent[]): void
  /** Events are missing. */
  onGap(): void
  /** Another state was moved in. */
  onMoved(): void
  /** Asked when events are missing: rejects where a move was, or may have been, among them. */
  checkUnmoved(): Promise<void>
}

interface Waiter {
  readonly revision: number
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** A member that is this late is given up; the watch goes on at another. */
const patience = 3_000
const reconnectPause = 50
const progressPeriod = 100

export class Feed {
  #options: FeedOptions
  #stream: OpenStream<WatchMessage, WatchAnswer> | undefined
  #began = false
  #fragments: EventMessage[] = []
  #waiting = new Set<Waiter>()
  #impatience: Timer | undefined
  #asking: Timer | undefined
  #pause: Timer | undefined
  #isClosed = false

  constructor(options: FeedOptions) {
    this.#options = options
  }

  /** Begins with the oldest event that etcd has. */
  begin(): void {
    this.#connect()
  }

  reached(revision: number): Promise<void> {
    if (revision <= this.#options.recent.durable) return Promise.resolve()
    if (this.#isClosed) return Promise.reject(closedError())
    return new Promise((resolve, reject) => {
      this.#waiting.add({ revision, resolve, reject })
      this.#watchLateness()
      this.#ask()
    })
  }

  close(): void {
    this.#isClosed = true
    for (const timer of [this.#impatience, this.#asking, this.#pause]) timer?.cancel()
    this.#stream?.cancel()
    for (const { reject } of this.#waiting) reject(closedError())
    this.#waiting.clear()
  }

  #connect(): void {
    if (this.#isClosed) return
    const { members, keys, recent } = this.#options
    this.#fragments = []
    const stream = members.stream<WatchMessage, WatchAnswer>('Watch.Watch', {
      onMessage: (answer) => this.#stream === stream && this.#take(answer),
      onEnd: () => {
        if (this.#stream !== stream) return
        this.#stream = undefined
        this.#connectLater()
      },
    })
    this.#stream = stream
    // Revision 1 is that of an empty etcd and has no event; from there etcd says what it still has.
    const start = this.#began ? keys.toRaw(recent.durable) + 1 : 1
    const span = keys.all(this.#options.trustsProgress)
    stream.write({ create_request: { ...span, start_revision: start, prev_kv: true, fragment: true, progress_notify: true } })
  }

  #take(answer: WatchAnswer): void {
    const { recent, keys, trustsProgress } = this.#options
    if (answer.compact_revision > 0) return this.#compacted(keys.toPublic(answer.compact_revision))
    if (answer.canceled) return this.#reconnect()
    if (!this.#began) {
      this.#began = true
      recent.begin(keys.toPublic(1), false)
    }
    for (const event of answer.events) this.#fragments.push(event)
    if (answer.fragment) return
    if (this.#fragments.length > 0) this.#deliver(this.#fragments.splice(0))
    else if (trustsProgress && !answer.created) recent.add([], keys.toPublic(answer.header.revision))
    this.#release()
  }

  #deliver(messages: readonly EventMessage[]): void {
    const { recent, keys, onEvents } = this.#options
    const before = recent.durable
    const fresh = messages.filter(({ kv }) => keys.toPublic(kv.mod_revision) > before)
    const last = fresh.at(-1)
    if (!last) return
    const written = fresh.map(({ kv }) => kv)
    if (hasMoved(keys, written)) return this.#options.onMoved()
    const events: StoreEvent[] = []
    for (let from = 0, to = 0; from < fresh.length; from = to) {
      const revision = fresh[from]?.kv.mod_revision
      while (fresh[to]?.kv.mod_revision === revision) to++
      this.#convert(fresh.slice(from, to), events)
    }
    recent.add(events, keys.toPublic(last.kv.mod_revision))
    onEvents(events)
  }

  /** The events of one revision. */
  #convert(messages: readonly EventMessage[], into: StoreEvent[]): void {
    const { keys, places } = this.#options
    const causes = causesOf(keys.internal)
    const mark = messages.find(({ kv }) => Buffer.from(kv.key).toString().startsWith(causes))
    const written = mark && mark.type === 0 ? markOf(mark.kv.value) : undefined
    const cause = written && { user: written.user, time: written.time, request: written.request }
    const names: string[] = []
    for (const { type, kv, prev_kv: before } of messages) {
      const key = keys.fromStored(kv.key)
      if (key === undefined) continue
      const row = { ...keys.rowOf(kv, key, names.length), ...(type === 1 && { createRevision: 0, version: 0, lease: 0 }) }
      const previous = before ? keys.rowOf(before, key, places.of(keys.toPublic(before.mod_revision), key)) : undefined
      into.push({ type: type === 1 ? 'delete' : 'put', row, ...(previous && { previous }), ...(cause && { cause }) })
      names.push(key)
    }
    places.note(keys.toPublic(messages[0]?.kv.mod_revision ?? 0), names)
  }

  /** What comes next is gone: everybody who watches has to begin anew. */
  #compacted(revision: number): void {
    const { recent, checkUnmoved, onGap } = this.#options
    const stream = this.#stream
    this.#stream = undefined
    stream?.cancel()
    checkUnmoved().then(
      () => {
        if (this.#isClosed) return
        const isGap = this.#began
        this.#began = true
        recent.begin(revision, true)
        if (isGap) onGap()
        this.#release()
        this.#connect()
      },
      () => this.#connectLater(),
    )
  }

  #connectLater(): void {
    if (this.#isClosed) return
    this.#pause?.cancel()
    this.#pause = this.#options.clock.after(reconnectPause, () => this.#connect())
  }

  #reconnect(): void {
    const stream = this.#stream
    this.#stream = undefined
    stream?.cancel()
    this.#connect()
  }

  #release(): void {
    const { durable } = this.#options.recent
    for (const waiter of this.#waiting) {
      if (waiter.revision > durable) continue
      this.#waiting.delete(waiter)
      waiter.resolve()
    }
    if (this.#waiting.size > 0) return
    this.#impatience?.cancel()
    this.#impatience = undefined
  }

  #watchLateness(): void {
    this.#impatience ??= this.#options.clock.after(patience, () => {
      this.#impatience = undefined
      if (this.#waiting.size === 0) return
      this.#watchLateness()
      this.#stream?.fail()
    })
  }

  #ask(): void {
    const { trustsProgress, clock, keys } = this.#options
    if (!trustsProgress || !keys.isConfined || this.#waiting.size === 0 || this.#asking) return
    this.#stream?.write({ progress_request: {} })
    this.#asking = clock.after(progressPeriod, () => {
      this.#asking = undefined
      this.#ask()
    })
  }
}

function closedError(): StoreError {
  return new StoreError('Closed', 'the store is closed')
}
