/**
 * `boundedTransport`: lets only so many calls be under way at a time, the others in the order in which they were made, as client-go's rate limiter
 * keeps a component from flooding the server.
 *
 * Guarantees: a call that the server turned away for the time being (429 with Retry-After) is made again up to ten times, as client-go does, and keeps its
 * place meanwhile, so that a busy server slows its clients down. Watches are not counted. Caveat: an eviction that a budget forbids is answered at once.
 */
import { type Clock, sleep } from '#lib/clock.ts'
import { StatusError } from '#schema/status-error.ts'
import type { Call, Transport } from './client.ts'

export interface Bounds {
  /** Calls under way at a time. */
  readonly width: number
  readonly clock: Clock
}

/** client-go's `maxRetries`. */
const mostRetries = 10

export function boundedTransport(transport: Transport, { width, clock }: Bounds): Transport {
  const places = new Places(width)
  return {
    async request(call) {
      const wait = places.take(call.signal)
      if (wait) await wait
      try {
        return await patiently(transport, call, clock)
      } finally {
        places.giveBack()
      }
    },
    watch: (call) => transport.watch(call),
    close: () => transport.close(),
  }
}

async function patiently(transport: Transport, call: Call, clock: Clock): Promise<unknown> {
  for (let tries = 0; ; tries++) {
    try {
      return await transport.request(call)
    } catch (error) {
      const seconds = error instanceof StatusError && error.code === 429 ? error.details?.retryAfterSeconds : undefined
      if (seconds === undefined || call.subresource === 'eviction' || tries >= mostRetries) throw error
      await sleep(clock, seconds * 1000, call.signal)
    }
  }
}

interface Waiting {
  begin(): void
  isOver: boolean
}

class Places {
  #free: number
  #waiting: Waiting[] = []
  /** Of `#waiting`: those before it have begun. */
  #next = 0

  constructor(width: number) {
    this.#free = width
  }

  /** Undefined: at once. Rejects with the signal's reason when aborted before its turn. */
  take(signal: AbortSignal | undefined): Promise<void> | undefined {
    if (this.#free > 0) {
      this.#free--
      return undefined
    }
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const abort = () => {
        waiting.isOver = true
        reject(signal?.reason)
      }
      const waiting: Waiting = {
        isOver: false,
        begin() {
          signal?.removeEventListener('abort', abort)
          resolve()
        },
      }
      signal?.addEventListener('abort', abort, { once: true })
      this.#waiting.push(waiting)
    })
  }

  giveBack(): void {
    while (this.#next < this.#waiting.length) {
      const waiting = this.#waiting[this.#next++] as Waiting
      this.#forget()
      if (!waiting.isOver) return waiting.begin()
    }
    this.#free++
  }

  #forget(): void {
    if (this.#next < 1024 && this.#next < this.#waiting.length) return
    this.#waiting = this.#waiting.slice(this.#next)
    this.#next = 0
  }
}
