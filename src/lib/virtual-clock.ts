/** A clock that stands still until it is told to move: tests and simulations run on it. */
import type { Clock, Timer } from './clock.ts'
import { Heap } from './heap.ts'

interface Pending {
  due: number
  order: number
  callback: (() => void) | undefined
}

/**
 * Guarantees: time moves only in `runNext` and `advanceTo`; timers fire in order of due time, then of creation, so
 * two runs with the same inputs are identical.
 */
export class VirtualClock implements Clock {
  #now: number
  #start: number
  #order = 0
  #pending = new Heap<Pending>((a, b) => a.due - b.due || a.order - b.order)

  constructor(start = Date.UTC(2026, 0, 1)) {
    this.#now = start
    this.#start = start
  }

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#now - this.#start
  }

  after(delay: number, callback: () => void): Timer {
    const entry: Pending = { due: this.#now + Math.max(0, delay), order: this.#order++, callback }
    this.#pending.push(entry)
    return {
      cancel: () => {
        entry.callback = undefined
      },
    }
  }

  /** When the next timer is due, or undefined when none is pending. */
  nextDue(): number | undefined {
    this.#dropCancelled()
    return this.#pending.peek()?.due
  }

  /** Moves to the next timer that is due at or before `limit` and runs it; false when there is none. */
  runNext(limit = Number.POSITIVE_INFINITY): boolean {
    this.#dropCancelled()
    const next = this.#pending.peek()
    if (!next || next.due > limit) return false
    this.#pending.pop()
    this.#now = Math.max(this.#now, next.due)
    const { callback } = next
    next.callback = undefined
    callback?.()
    return true
  }

  /** Sets the time to `instant` without running what lies between; the caller has drained it with `runNext`. */
  advanceTo(instant: number): void {
    this.#now = Math.max(this.#now, instant)
  }

  #dropCancelled(): void {
    for (let top = this.#pending.peek(); top && !top.callback; top = this.#pending.peek()) this.#pending.pop()
  }
}
