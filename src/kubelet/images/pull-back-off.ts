/** Waiting between pulls of an image that failed: 10 s, doubled up to 5 minutes, forgotten after 10 quiet minutes. */
import type { Clock } from '#lib/clock.ts'

interface Entry {
  readonly delay: number
  readonly at: number
}

const first = 10_000
const longest = 300_000

export class PullBackOff {
  readonly #clock: Clock
  readonly #entries = new Map<string, Entry>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  isWaiting(key: string): boolean {
    const entry = this.#current(key)
    return entry !== undefined && this.#clock.monotonic() - entry.at < entry.delay
  }

  failed(key: string): void {
    const entry = this.#current(key)
    this.#entries.set(key, { delay: entry ? Math.min(entry.delay * 2, longest) : first, at: this.#clock.monotonic() })
  }

  /** Drops what is old, so that the table does not grow with pods that are gone. */
  sweep(): void {
    for (const key of this.#entries.keys()) this.#current(key)
  }

  #current(key: string): Entry | undefined {
    const entry = this.#entries.get(key)
    if (entry && this.#clock.monotonic() - entry.at > 2 * longest) this.#entries.delete(key)
    return this.#entries.get(key)
  }
}
