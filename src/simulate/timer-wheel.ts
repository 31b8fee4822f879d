/**
 * Many timers on one: callbacks are collected in ticks, and only the next tick that has any is a timer of the clock.
 *
 * Guarantees: nothing runs before it is due, and at most a tick later; callbacks of one tick run in the order in which they were set.
 */
import type { Clock, Timer } from '#lib/clock.ts'
import { Heap } from '#lib/heap.ts'

const tick = 100

interface Slot {
  readonly at: number
  readonly callbacks: (() => void)[]
}

export class TimerWheel {
  #clock: Clock
  #slots = new Map<number, Slot>()
  #order = new Heap<Slot>((a, b) => a.at - b.at)
  #timer: { readonly at: number; readonly timer: Timer } | undefined

  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock
    signal.addEventListener('abort', () => this.#stop(), { once: true })
  }

  /** With `together`, rounded up to a multiple of that many milliseconds, so that more is done in one go. */
  after(delay: number, callback: () => void, together = tick): void {
    const at = Math.ceil((this.#clock.monotonic() + delay) / together) * together
    const slot = this.#slots.get(at)
    if (slot) return void slot.callbacks.push(callback)
    const fresh = { at, callbacks: [callback] }
    this.#slots.set(at, fresh)
    this.#order.push(fresh)
    this.#set()
  }

  #set(): void {
    const next = this.#order.peek()
    if (!next || (this.#timer && this.#timer.at <= next.at)) return
    this.#timer?.timer.cancel()
    const wait = Math.max(0, next.at - this.#clock.monotonic())
    this.#timer = { at: next.at, timer: this.#clock.after(wait, () => this.#run()) }
  }

  #run(): void {
    this.#timer = undefined
    const now = this.#clock.monotonic()
    for (let slot = this.#order.peek(); slot && slot.at <= now; slot = this.#order.peek()) {
      this.#order.pop()
      this.#slots.delete(slot.at)
      for (const callback of slot.callbacks) callback()
    }
    this.#set()
  }

  #stop(): void {
    this.#timer?.timer.cancel()
    this.#timer = undefined
    this.#slots.clear()
    this.#order = new Heap<Slot>((a, b) => a.at - b.at)
  }
}
