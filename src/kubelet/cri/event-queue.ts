/** An unbounded queue that one reader iterates; it ends with the reader's signal or when it is closed. */

/** Assumption: one reader. Items pushed after the end are dropped. */
export class EventQueue<T> implements AsyncIterable<T> {
  #items: T[] = []
  #wake: (() => void) | undefined
  #ended = false
  #error: unknown

  constructor(signal?: AbortSignal) {
    if (signal?.aborted) this.#ended = true
    signal?.addEventListener('abort', () => this.close(), { once: true })
  }

  push(item: T): void {
    if (this.#ended) return
    this.#items.push(item)
    this.#wake?.()
  }

  /** Ends the iteration after what is queued; with an error, the iteration throws it. */
  close(error?: unknown): void {
    this.#ended = true
    this.#error ??= error
    this.#wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
    for (;;) {
      while (this.#items.length > 0) yield this.#items.shift()!
      if (this.#ended) {
        if (this.#error) throw this.#error
        return
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#wake = undefined
    }
  }
}
