/** A watch that tells of its end. */
import type { ServedEvent, WatchEvents, WatchReader } from '../request.ts'

export class Followed implements WatchEvents {
  readonly #events: WatchEvents
  #ended: (() => void) | undefined

  /** `ended` is called once. */
  constructor(events: WatchEvents, ended: () => void) {
    this.#events = events
    this.#ended = ended
  }

  pour(reader: WatchReader): void {
    this.#events.pour(reader)
  }

  end(): void {
    this.#events.end()
    this.#tell()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly ServedEvent[]> {
    try {
      yield* this.#events
    } finally {
      this.#tell()
    }
  }

  #tell(): void {
    const ended = this.#ended
    this.#ended = undefined
    ended?.()
  }
}
