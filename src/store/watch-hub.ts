/** Hands the ledger's durable events to watchers, each in its own batch per delivery, in a microtask after the commit. */
import type { Ledger } from './ledger.ts'
import { orderOf } from './sorted-map.ts'
import type { StoreEvent, WatchBatch, WatchRequest } from './store.ts'

interface Watcher {
  readonly start: string
  /** Exclusive. */
  readonly stop: string
  readonly signal: AbortSignal
  readonly onBatch: (batch: WatchBatch) => void
  readonly leave: () => void
  /** First revision that was not yet looked at for it. */
  next: number
  /** Events of the delivery that is under way. */
  events: StoreEvent[]
}

/** Between two neighbouring bounds of ranges the same watchers listen. */
interface Segment {
  readonly start: string
  readonly watchers: readonly Watcher[]
}

/** What there was, for those who begin in the past. */
type Past = Pick<Ledger, 'durable' | 'compactRevision' | 'eventsFrom'>

/**
 * Guarantees: a delivery runs in a microtask of its own, never inside a caller's call and never inside another delivery;
 * watchers are called in the order in which they came. What `onBatch` throws is thrown in a microtask and stops nobody.
 */
export class WatchHub {
  #ledger: Past
  #watchers = new Set<Watcher>()
  /** Watchers whose next event is not in `#settled`. */
  #behind = new Set<Watcher>()
  #segments: Segment[] | undefined
  /** Events since the last delivery. */
  #settled: StoreEvent[] = []
  #progressAsked = false
  #scheduled = false

  constructor(ledger: Past) {
    this.#ledger = ledger
  }

  watch({ key, end, from, signal }: WatchRequest, onBatch: (batch: WatchBatch) => void): void {
    if (signal.aborted) return
    const start = orderOf(key)
    // Nothing lies between a key and itself followed by NUL.
    const stop = end === undefined ? `${start}\0` : orderOf(end)
    const leave = () => this.#remove(watcher)
    const next = from || this.#ledger.durable + 1
    const watcher: Watcher = { start, stop, signal, onBatch, leave, next, events: [] }
    signal.addEventListener('abort', leave, { once: true })
    this.#watchers.add(watcher)
    this.#segments = undefined
    this.#behind.add(watcher)
    this.#schedule()
  }

  /** Takes events that have just become durable. */
  publish(events: readonly StoreEvent[]): void {
    if (this.#watchers.size === 0 || events.length === 0) return
    for (const event of events) this.#settled.push(event)
    this.#schedule()
  }

  askProgress(): void {
    this.#progressAsked = true
    this.#schedule()
  }

  /** Events are missing: whoever needs them is told so, in a microtask. */
  interrupt(): void {
    for (const watcher of this.#watchers) this.#behind.add(watcher)
    this.#settled = []
    this.#schedule()
  }

  close(): void {
    for (const watcher of this.#watchers) this.#remove(watcher)
    this.#settled = []
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#deliver()
    })
  }

  #deliver(): void {
    const revision = this.#ledger.durable
    const events = this.#settled
    const progress = this.#progressAsked
    this.#settled = []
    this.#progressAsked = false
    for (const event of events) this.#sort(event)
    const watchers = events.length > 0 || progress ? [...this.#watchers] : [...this.#behind]
    for (const watcher of watchers) {
      if (this.#behind.has(watcher) && !this.#catchUp(watcher)) continue
      const found = watcher.events
      watcher.next = Math.max(watcher.next, revision + 1)
      if (found.length > 0) {
        watcher.events = []
        call(watcher, { type: 'events', events: found, revision })
      }
      if (progress) call(watcher, { type: 'progress', revision })
    }
  }

  /** Adds the event to the watchers of its key that have seen all before it. */
  #sort(event: StoreEvent): void {
    const segments = (this.#segments ??= segmentsOf([...this.#watchers]))
    const order = orderOf(event.row.key)
    let low = 0
    let high = segments.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((segments[middle] as Segment).start <= order) low = middle + 1
      else high = middle
    }
    const segment = segments[low - 1]
    if (!segment) return
    for (const watcher of segment.watchers) {
      if (event.row.revision >= watcher.next && !this.#behind.has(watcher)) watcher.events.push(event)
    }
  }

  /** Reads what the watcher missed from the ledger; false where that is compacted, which ends the watch. */
  #catchUp(watcher: Watcher): boolean {
    this.#behind.delete(watcher)
    const missed = this.#ledger.eventsFrom(watcher.next)
    if (!missed) {
      this.#remove(watcher)
      call(watcher, { type: 'compacted', compactRevision: this.#ledger.compactRevision })
      return false
    }
    watcher.events = missed.filter(({ row }) => {
      const order = orderOf(row.key)
      return order >= watcher.start && order < watcher.stop
    })
    return true
  }

  #remove(watcher: Watcher): void {
    if (!this.#watchers.delete(watcher)) return
    this.#behind.delete(watcher)
    this.#segments = undefined
    watcher.signal.removeEventListener('abort', watcher.leave)
  }
}

function segmentsOf(watchers: readonly Watcher[]): Segment[] {
  const bounds = new Set<string>()
  for (const { start, stop } of watchers) bounds.add(start).add(stop)
  const starts = [...bounds].sort((a, b) => (a < b ? -1 : 1))
  return starts.map((start) => ({
    start,
    watchers: watchers.filter((watcher) => watcher.start <= start && start < watcher.stop),
  }))
}

function call({ onBatch, signal }: Watcher, batch: WatchBatch): void {
  if (signal.aborted) return
  try {
    onBatch(batch)
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}
