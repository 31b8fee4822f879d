/** Batches of audit events: gathered, slowed down, and dropped where nobody takes them fast enough (upstream `plugin/audit/buffered`). */
import type { Clock, Timer } from '#lib/clock.ts'
import type { AuditBackend, AuditEvent } from './event.ts'

export interface BatchConfig {
  /** Events that may wait; more are dropped. */
  readonly bufferSize: number
  readonly maxBatchSize: number
  /** Milliseconds. */
  readonly maxBatchWait: number
  readonly throttle?: { readonly qps: number; readonly burst: number } | undefined
}

export interface BatchOptions extends BatchConfig {
  readonly name: string
  readonly clock: Clock
  /** Rejects where the batch is lost. */
  readonly send: (events: readonly AuditEvent[]) => Promise<void>
  readonly onError?: ((error: unknown, doing: string) => void) | undefined
  /** Counts events that nobody will see. */
  readonly onDropped?: ((count: number) => void) | undefined
}

export function batchingBackend(options: BatchOptions): AuditBackend {
  return new Batching(options)
}

class Batching implements AuditBackend {
  readonly name: string
  readonly #options: BatchOptions
  readonly #waiting: AuditEvent[] = []
  readonly #sending = new Set<Promise<void>>()
  #timer: Timer | undefined
  /** Batches that may go at once, and when that was true. */
  #allowance: number
  #allowedAt: number
  #isClosed = false

  constructor(options: BatchOptions) {
    this.name = options.name
    this.#options = options
    this.#allowance = options.throttle?.burst ?? 0
    this.#allowedAt = options.clock.monotonic()
  }

  take(events: readonly AuditEvent[]): void {
    const { bufferSize, onDropped, onError } = this.#options
    for (const event of events) {
      if (this.#isClosed || this.#waiting.length >= bufferSize) {
        onDropped?.(1)
        onError?.(new Error('audit buffer queue blocked'), `audit ${this.name}`)
      } else this.#waiting.push(event)
    }
    this.#schedule()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#timer?.cancel()
    while (this.#waiting.length > 0) this.#sendBatch()
    await Promise.all(this.#sending)
  }

  /** A full batch goes as soon as the throttle lets it; another waits for more events. */
  #schedule(): void {
    const { clock, maxBatchSize, maxBatchWait } = this.#options
    if (this.#waiting.length === 0) return
    const isFull = this.#waiting.length >= maxBatchSize
    if (this.#timer && !isFull) return
    this.#timer?.cancel()
    const held = this.#throttled()
    if (isFull && held === 0) {
      this.#timer = undefined
      this.#pay()
      this.#sendBatch()
      return this.#schedule()
    }
    this.#timer = clock.after(Math.max(held, isFull ? 0 : maxBatchWait), () => {
      this.#timer = undefined
      if (this.#throttled() > 0) return this.#schedule()
      this.#pay()
      this.#sendBatch()
      this.#schedule()
    })
  }

  /** Milliseconds until the next batch may go. */
  #throttled(): number {
    const { throttle, clock } = this.#options
    if (!throttle) return 0
    const now = clock.monotonic()
    this.#allowance = Math.min(throttle.burst, this.#allowance + ((now - this.#allowedAt) / 1000) * throttle.qps)
    this.#allowedAt = now
    return this.#allowance >= 1 - 1e-9 ? 0 : Math.ceil(((1 - this.#allowance) / throttle.qps) * 1000)
  }

  #pay(): void {
    this.#allowance--
  }

  #sendBatch(): void {
    const { send, maxBatchSize, onError, onDropped } = this.#options
    const batch = this.#waiting.splice(0, maxBatchSize)
    const sent = send(batch)
      .catch((error) => {
        onDropped?.(batch.length)
        onError?.(error, `audit ${this.name}`)
      })
      .finally(() => this.#sending.delete(sent))
    this.#sending.add(sent)
  }
}
