/**
 * `createWorkQueue`: keys waiting to be worked on, each at most once at a time.
 *
 * Guarantees: a key is never handed to two workers at once; one that is added while it is worked on comes up again after
 * `done`; a key that is waiting is not added twice. Keys come out in the order in which they went in.
 * Pauses are client-go's defaults: per key 5 ms doubling to 1000 s, and 10 retries per second overall after a burst of 100.
 */
import type { Clock, Timer } from '#lib/clock.ts'

export interface WorkQueue<Key = string> {
  add(key: Key): void
  /** A key that already waits for an earlier time keeps it. */
  addAfter(key: Key, milliseconds: number): void
  /** After the pause that its failures have earned. */
  addRateLimited(key: Key): void
  /** Forgets its failures. */
  forget(key: Key): void
  failures(key: Key): number
  /** The next key; undefined once the queue is closed and empty. */
  take(): Promise<Key | undefined>
  /** Must follow every `take`. */
  done(key: Key): void
  /** Keys ready to be taken. */
  readonly length: number
  /** True when nothing is ready and nothing is being worked on. */
  readonly idle: boolean
  /** Workers get undefined from then on; waiting keys are dropped. */
  close(): void
}

export interface WorkQueueOptions {
  readonly clock: Clock
  readonly limiter?: RateLimiter<any>
  readonly watcher?: QueueWatcher | undefined
}

/** Told of what becomes of keys, for metrics. */
export interface QueueWatcher<Key = any> {
  /** It waits now, and did not before. */
  added(key: Key): void
  taken(key: Key): void
  done(key: Key): void
  retried(): void
}

/** Says how long a key has to wait until it is tried again. */
export interface RateLimiter<Key> {
  next(key: Key): number
  forget(key: Key): void
  failures(key: Key): number
}

export function createWorkQueue<Key = string>(options: WorkQueueOptions): WorkQueue<Key> {
  return new Queue(options.clock, options.limiter ?? defaultLimiter(options.clock), options.watcher)
}

/** Upstream's `DefaultTypedControllerRateLimiter`: the longer of the two pauses. */
export function defaultLimiter<Key>(clock: Clock): RateLimiter<Key> {
  const perKey = exponentialLimiter<Key>(5, 1_000_000)
  const overall = bucket(clock, { perSecond: 10, burst: 100 })
  return { ...perKey, next: (key) => Math.max(perKey.next(key), overall()) }
}

/** Doubles from `first` to `longest` milliseconds with each failure of a key. */
export function exponentialLimiter<Key>(first: number, longest: number): RateLimiter<Key> {
  const failures = new Map<Key, number>()
  return {
    next(key) {
      const count = failures.get(key) ?? 0
      failures.set(key, count + 1)
      return Math.min(first * 2 ** count, longest)
    },
    forget: (key) => void failures.delete(key),
    failures: (key) => failures.get(key) ?? 0,
  }
}

/** A token bucket that takes a token at each call and answers the milliseconds until that token is there. */
export function bucket(clock: Clock, { perSecond, burst }: { perSecond: number; burst: number }): () => number {
  let tokens = burst
  let last = clock.monotonic()
  return () => {
    const now = clock.monotonic()
    tokens = Math.min(burst, tokens + ((now - last) / 1000) * perSecond) - 1
    last = now
    return tokens >= 0 ? 0 : (-tokens / perSecond) * 1000
  }
}

class Queue<Key> implements WorkQueue<Key> {
  #clock: Clock
  #limiter: RateLimiter<Key>
  #watcher: QueueWatcher<Key> | undefined
  #ready = new Set<Key>()
  /** Goes on where it stopped: a new one would go past all that were taken before. */
  #order = this.#ready.values()
  #processing = new Set<Key>()
  /** Added while they were worked on. */
  #dirty = new Set<Key>()
  #delayed = new Map<Key, { due: number; timer: Timer }>()
  #takers: ((key: Key | undefined) => void)[] = []
  #closed = false

  constructor(clock: Clock, limiter: RateLimiter<Key>, watcher: QueueWatcher<Key> | undefined) {
    this.#clock = clock
    this.#limiter = limiter
    this.#watcher = watcher
  }

  get length(): number {
    return this.#ready.size
  }

  get idle(): boolean {
    return this.#ready.size === 0 && this.#processing.size === 0
  }

  add(key: Key): void {
    if (this.#closed) return
    if (this.#processing.has(key)) {
      if (!this.#dirty.has(key)) this.#watcher?.added(key)
      this.#dirty.add(key)
      return
    }
    if (this.#ready.has(key)) return
    this.#watcher?.added(key)
    this.#enqueue(key)
  }

  #enqueue(key: Key): void {
    const taker = this.#takers.shift()
    if (!taker) {
      this.#ready.add(key)
      return
    }
    this.#processing.add(key)
    this.#watcher?.taken(key)
    taker(key)
  }

  addAfter(key: Key, milliseconds: number): void {
    if (this.#closed) return
    if (milliseconds <= 0) {
      this.add(key)
      return
    }
    const due = this.#clock.monotonic() + milliseconds
    const waiting = this.#delayed.get(key)
    if (waiting && waiting.due <= due) return
    waiting?.timer.cancel()
    const timer = this.#clock.after(milliseconds, () => {
      this.#delayed.delete(key)
      this.add(key)
    })
    this.#delayed.set(key, { due, timer })
  }

  addRateLimited(key: Key): void {
    this.#watcher?.retried()
    this.addAfter(key, this.#limiter.next(key))
  }

  forget(key: Key): void {
    this.#limiter.forget(key)
  }

  failures(key: Key): number {
    return this.#limiter.failures(key)
  }

  take(): Promise<Key | undefined> {
    const key = this.#first()
    if (key !== undefined) {
      this.#ready.delete(key)
      this.#processing.add(key)
      this.#watcher?.taken(key)
      return Promise.resolve(key)
    }
    if (this.#closed) return Promise.resolve(undefined)
    return new Promise((resolve) => this.#takers.push(resolve))
  }

  #first(): Key | undefined {
    if (this.#ready.size === 0) return undefined
    let next = this.#order.next()
    if (next.done) next = (this.#order = this.#ready.values()).next()
    return next.value
  }

  done(key: Key): void {
    this.#processing.delete(key)
    this.#watcher?.done(key)
    if (this.#dirty.delete(key) && !this.#closed) this.#enqueue(key)
  }

  close(): void {
    this.#closed = true
    for (const { timer } of this.#delayed.values()) timer.cancel()
    this.#delayed.clear()
    this.#ready.clear()
    this.#dirty.clear()
    for (const taker of this.#takers.splice(0)) taker(undefined)
  }
}
