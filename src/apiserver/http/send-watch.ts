/** Sends the events of a watch at the pace of the client. What one turn of the event loop brings goes out as one write. */
import type { Clock } from '#lib/clock.ts'
import { atEndOfTurn } from '#lib/turn.ts'
import type { WatchEvents, WatchReader } from '../request.ts'
import { chunkSize } from './chunks.ts'
import type { EncodeOptions } from './encode.ts'
import type { Exchange } from './exchange.ts'
import { type Batch, frameOf, sharedFrames, sizeOf } from './watch-frames.ts'

/**
 * Events that the client has not taken keep their bytes in memory. With so many of them it is cut off if it has taken nothing
 * for a while, and with yet more in any case; then it lists or watches anew. Bursts are no reason.
 */
const maxBehind = 8 * 1024 * 1024
const patience = 5_000
const farBehind = 64 * 1024 * 1024

export interface SendWatchOptions {
  readonly options: EncodeOptions
  readonly clock: Clock
  /** Those under way, for who wants to end them. */
  readonly watches?: Set<Endable> | undefined
  /** Counts events. */
  readonly watched?: { value: number } | undefined
  /** An event that cannot be encoded cuts off this watch alone. */
  readonly onError?: ((error: unknown) => void) | undefined
}

/** A watch that can be ended as if its time were over. */
export interface Endable {
  end(): void
}

/** Resolves when the watch is over for whatever reason. */
export function sendWatch(exchange: Exchange, events: WatchEvents, options: SendWatchOptions): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      options.watches?.delete(sender)
      events.end()
      resolve()
    }
    const sender = new Sender(exchange, options, finish)
    options.watches?.add(sender)
    events.pour(sender)
  })
}

/** All that have something to send at the end of this turn. */
let ready: Sender[] = []

function sendReady(): void {
  const senders = ready
  ready = []
  for (const sender of senders) sender.send()
}

class Sender implements WatchReader {
  #exchange: Exchange
  #options: EncodeOptions
  #clock: Clock
  #finish: () => void
  #queue: Batch[] = []
  /** Whether the batch with which the watch began is gone: that one may be as long as it is. */
  #hasBegun = false
  /** Size of the batches behind the first. */
  #behind = 0
  /** Event of the queue's first batch with which the next write begins. */
  #at = 0
  #isFirst = true
  #isWaiting = false
  #isReady = false
  #hasEnded = false
  #isOver = false
  #tookAt: number
  #watched: { value: number } | undefined
  #onError: ((error: unknown) => void) | undefined

  constructor(exchange: Exchange, { options, clock, watched, onError }: SendWatchOptions, finish: () => void) {
    this.#watched = watched
    this.#onError = onError
    this.#exchange = exchange
    this.#options = options
    this.#clock = clock
    this.#finish = finish
    this.#tookAt = clock.monotonic()
  }

  take(batch: Batch): void {
    if (batch.length === 0 || this.#isOver) return
    if (this.#watched) this.#watched.value += batch.length
    if (this.#hasBegun || this.#queue.length > 0) this.#behind += sizeOf(batch)
    this.#queue.push(batch)
    if (this.#isWaiting) this.#checkPace()
    else this.#sendSoon()
  }

  end(): void {
    this.#hasEnded = true
    if (!this.#isWaiting) this.#sendSoon()
  }

  /** As much as the client takes without being waited for. */
  send(): void {
    try {
      this.#send()
    } catch (error) {
      this.#onError?.(error)
      this.#cut()
    }
  }

  #send(): void {
    this.#isReady = false
    while (this.#queue.length > 0 && !this.#isWaiting && !this.#isOver) {
      const full = this.#exchange.write(this.#next())
      if (full) this.#waitFor(full)
    }
    if (!this.#hasEnded || this.#isWaiting || this.#isOver) return
    this.#isOver = true
    this.#exchange.end()
    this.#finish()
  }

  #sendSoon(): void {
    if (this.#isReady) return
    this.#isReady = true
    ready.push(this)
    atEndOfTurn(sendReady)
  }

  #checkPace(): void {
    const isStuck = this.#behind > maxBehind && this.#clock.monotonic() - this.#tookAt > patience
    if (isStuck || this.#behind > farBehind) this.#cut()
  }

  #waitFor(full: Promise<void>): void {
    this.#isWaiting = true
    this.#tookAt = this.#clock.monotonic()
    full.then(
      () => {
        this.#isWaiting = false
        this.#tookAt = this.#clock.monotonic()
        this.send()
      },
      () => this.#cut(),
    )
  }

  #cut(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#queue = []
    this.#exchange.abort()
    this.#finish()
  }

  /** The bytes of the next write: all that waits, where others write the same, or as many events as make a chunk. */
  #next(): Uint8Array {
    const batches = this.#queue
    const isShared = !this.#options.wanted.as && this.#at === 0
    if (isShared && batches.reduce((sum, batch) => sum + sizeOf(batch), 0) <= chunkSize) {
      this.#queue = []
      this.#behind = 0
      this.#hasBegun = true
      return sharedFrames(batches, this.#options)
    }
    return this.#chunk(batches[0] as Batch)
  }

  #chunk(batch: Batch): Uint8Array {
    const frames: Uint8Array[] = []
    let size = 0
    while (this.#at < batch.length && size < chunkSize) {
      const event = batch[this.#at++] as Batch[number]
      const frame = frameOf(event, { ...this.#options, now: this.#clock.now(), isFirst: this.#isFirst })
      this.#isFirst = false
      frames.push(frame)
      size += frame.length
    }
    if (this.#at === batch.length) {
      this.#at = 0
      this.#queue.shift()
      if (this.#hasBegun) this.#behind -= sizeOf(batch)
      this.#hasBegun = true
    }
    return frames.length === 1 ? (frames[0] as Uint8Array) : Buffer.concat(frames, size)
  }
}
