/** The latest events of etcd in this process, from which all watches of the engine are served; the oldest give way. */
import type { StoreEvent } from '../store.ts'

/** Invariant: all events with `oldest` <= revision <= `durable` are there, in order. */
export class RecentEvents {
  #events: StoreEvent[] = []
  #bytes = 0
  #limit: number
  #oldest = 1
  /** Of the last compaction that this process knows of. */
  #compacted = 0
  /** Everything up to here has come. */
  durable = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** What was compacted, and what gave way: both are gone for a watch. */
  get compactRevision(): number {
    return Math.max(this.#compacted, this.#oldest - 1)
  }

  /** Forgets all; what comes next follows `revision`, of which there is no event unless that is compacted. */
  begin(revision: number, isCompacted: boolean): void {
    this.#events = []
    this.#bytes = 0
    this.#oldest = isCompacted ? revision + 1 : revision
    this.durable = revision
    if (isCompacted) this.#compacted = Math.max(this.#compacted, revision)
  }

  add(events: readonly StoreEvent[], durable: number): void {
    for (const event of events) {
      this.#events.push(event)
      this.#bytes += sizeOf(event)
    }
    this.durable = Math.max(this.durable, durable)
    if (this.#bytes > this.#limit) this.#giveWay()
  }

  eventsFrom(revision: number): StoreEvent[] | undefined {
    if (revision < this.#oldest || revision < this.#compacted) return undefined
    return this.#events.slice(this.#indexOf(revision))
  }

  compacted(revision: number): void {
    if (revision <= this.#compacted) return
    this.#compacted = revision
    if (revision <= this.#oldest) return
    this.#drop(this.#indexOf(revision))
    this.#oldest = revision
  }

  /** Half at once, at the boundary of a revision, since dropping costs a move of the rest. */
  #giveWay(): void {
    const middle = this.#events[this.#events.length >> 1]?.row.revision ?? 0
    this.#drop(this.#indexOf(middle + 1))
    this.#oldest = middle + 1
  }

  #drop(count: number): void {
    for (const event of this.#events.splice(0, count)) this.#bytes -= sizeOf(event)
  }

  #indexOf(revision: number): number {
    let low = 0
    let high = this.#events.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#events[middle] as StoreEvent).row.revision < revision) low = middle + 1
      else high = middle
    }
    return low
  }
}

function sizeOf({ row, previous }: StoreEvent): number {
  return row.value.byteLength + (previous?.value.byteLength ?? 0) + 200
}
