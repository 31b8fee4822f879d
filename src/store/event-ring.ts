/** The latest events of a watch cache, bounded in number and bytes; the oldest give way. */
import type { CacheEvent } from './watch-cache.ts'

export class EventRing<T> {
  #limits: { readonly events: number; readonly bytes: number }
  #events: CacheEvent<T>[] = []
  /** Events before this index have given way. */
  #first = 0
  #bytes = 0
  /** The ring has every event after this revision. */
  #floor = Number.MAX_SAFE_INTEGER

  constructor(limits: { readonly events: number; readonly bytes: number }) {
    this.#limits = limits
  }

  /** The first revision that can be asked for. */
  get oldest(): number {
    return this.#floor + 1
  }

  /** Forgets all; what comes next follows `revision`. */
  reset(revision: number): void {
    this.#events = []
    this.#first = 0
    this.#bytes = 0
    this.#floor = revision
  }

  push(event: CacheEvent<T>): void {
    this.#events.push(event)
    this.#bytes += size(event)
    while (this.#events.length - this.#first > this.#limits.events || this.#bytes > this.#limits.bytes) {
      const oldest = this.#events[this.#first++]
      if (!oldest) break
      this.#bytes -= size(oldest)
      this.#floor = oldest.revision
    }
    if (this.#first < 1024 || this.#first < this.#events.length / 2) return
    this.#events = this.#events.slice(this.#first)
    this.#first = 0
  }

  /** Events at and after `revision`, or undefined where some of them have given way. */
  from(revision: number): CacheEvent<T>[] | undefined {
    if (revision <= this.#floor) return undefined
    let low = this.#first
    let high = this.#events.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#events[middle] as CacheEvent<T>).revision < revision) low = middle + 1
      else high = middle
    }
    return this.#events.slice(low)
  }
}

function size<T>({ row }: CacheEvent<T>): number {
  return row.row.value.byteLength
}
