/** How long refused clients are sent away: longer while many are refused (upstream `dropped_requests_tracker.go`). */

const longest = 32

interface Second {
  readonly time: number
  readonly refused: number
}

export class RetryAfter {
  /** Seconds. */
  value = 1
  #history: Second[] = []
  #second = 0
  #count = 0
  #raisedAt = 0

  refused(now: number): void {
    const second = Math.floor(now / 1000)
    if (second === this.#second) return void this.#count++
    this.#history.push({ time: this.#second, refused: this.#count })
    const kept = Math.min(longest, 2 * this.value)
    this.#history = this.#history.filter(({ time }) => this.#second - time <= kept)
    this.#second = second
    this.#count = 1
    this.#adjust(second)
  }

  /** Doubles, and shrinks by one, as TCP's window does. */
  #adjust(second: number): void {
    const recent = this.#history.filter(({ time }) => second - time <= this.value && time < second)
    const refused = recent.reduce((sum, one) => sum + one.refused, 0)
    if (second - this.#raisedAt >= this.value && refused >= 3 * this.value) {
      this.value = Math.min(longest, this.value * 2)
      this.#raisedAt = second
    } else if (refused < this.value && this.value > 1) this.value--
  }
}
