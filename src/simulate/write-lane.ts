/** Calls in the order in which they were asked for, a bounded number of them under way at a time. */

export class WriteLane {
  #width: number
  #waiting: (() => Promise<void>)[] = []
  /** Of `#waiting`: what lies before is under way or done. */
  #next = 0
  #running = 0

  constructor(width: number) {
    this.#width = width
  }

  /** `call` never rejects. */
  add(call: () => Promise<void>): void {
    this.#waiting.push(call)
    this.#work()
  }

  /** Resolves when all of them are done. */
  all<T>(items: readonly T[], call: (item: T) => Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    let left = items.length
    if (left === 0) resolve()
    for (const item of items) {
      this.add(async () => {
        await call(item)
        if (--left === 0) resolve()
      })
    }
    return promise
  }

  #work(): void {
    while (this.#running < this.#width && this.#next < this.#waiting.length) {
      const call = this.#waiting[this.#next++] as () => Promise<void>
      this.#running++
      void call().finally(() => {
        this.#running--
        this.#work()
      })
    }
    if (this.#next < 1024 && this.#next < this.#waiting.length) return
    this.#waiting = this.#waiting.slice(this.#next)
    this.#next = 0
  }
}
