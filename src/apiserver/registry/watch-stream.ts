/** The events of one watch on their way to one reader, in the batches in which they came. */
import type { ServedEvent, WatchEvents, WatchReader } from '../request.ts'

type Batch = readonly ServedEvent[]

/** A reader that is so many events behind is cut off: it lists or watches again (upstream's blocked watchers). */
const maxBacklog = 100_000

export class WatchStream implements WatchEvents {
  #batches: Batch[] = []
  #backlog = 0
  #ended = false
  #reader: WatchReader | undefined
  #wake: (() => void) | undefined
  #onEnd: (() => void) | undefined

  /** Called once, when the stream ends for whatever reason. */
  onEnd(callback: () => void): void {
    this.#onEnd = callback
  }

  push(batch: Batch): void {
    if (this.#ended) return
    // It bounds by itself what it has not passed on.
    if (this.#reader) return this.#reader.take(batch)
    // However long the first batch is: a watch may begin with all there is.
    if (this.#backlog > maxBacklog) return this.end()
    this.#batches.push(batch)
    this.#backlog += batch.length
    this.#wake?.()
  }

  /** What was pushed before is still delivered. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#onEnd?.()
    this.#wake?.()
    this.#reader?.end()
  }

  pour(reader: WatchReader): void {
    this.#reader = reader
    for (const batch of this.#batches) reader.take(batch)
    this.#batches = []
    if (this.#ended) reader.end()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Batch> {
    try {
      for (;;) {
        const batches = this.#batches
        this.#batches = []
        this.#backlog = 0
        yield* batches
        if (this.#batches.length > 0) continue
        if (this.#ended) return
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        this.#wake = undefined
      }
    } finally {
      this.end()
    }
  }
}
