/** How the server's seats are shared among priority levels that lend and borrow (KEP-1040; upstream `conc_alloc.go`, `seatDemandStats`). */

export interface AllocationItem {
  readonly lowerBound: number
  readonly upperBound: number
  readonly target: number
}

/**
 * A share for each, between its bounds, all of them the same proportion of their targets where the bounds allow, together
 * `requiredSum` or as near as the bounds let them.
 */
export function allocate(requiredSum: number, items: readonly AllocationItem[]): { shares: number[]; proportion: number } {
  const at = (proportion: number) =>
    items.map(({ lowerBound, upperBound, target }) => Math.min(upperBound, Math.max(lowerBound, proportion * target)))
  const sum = (shares: readonly number[]) => shares.reduce((total, share) => total + share, 0)
  let low = 0
  let high = 1
  const most = sum(items.map(({ upperBound }) => upperBound))
  if (most <= requiredSum) return { shares: items.map(({ upperBound }) => upperBound), proportion: 0 }
  while (sum(at(high)) < requiredSum && high < 2 ** 60) high *= 2
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2
    if (sum(at(middle)) < requiredSum) low = middle
    else high = middle
  }
  return { shares: at(high), proportion: high }
}

/** Half of what was is forgotten in five minutes, at one look every ten seconds. */
const smoothing = 0.977

/** How many seats a level wanted since the last look, over time. */
export class SeatDemand {
  highWatermark = 0
  average = 0
  deviation = 0
  smoothed = 0
  #value = 0
  #since: number
  #start: number
  #integral = 0
  #squares = 0
  #max = 0

  constructor(now: number) {
    this.#since = now
    this.#start = now
  }

  get current(): number {
    return this.#value
  }

  set(value: number, now: number): void {
    this.#pass(now)
    this.#value = value
    if (value > this.#max) this.#max = value
  }

  /** Looks, and begins anew. */
  update(now: number): void {
    this.#pass(now)
    const span = now - this.#start
    this.average = span > 0 ? this.#integral / span : this.#value
    const variance = span > 0 ? this.#squares / span - this.average ** 2 : 0
    this.deviation = Math.sqrt(Math.max(0, variance))
    this.highWatermark = this.#max
    const envelope = this.average + this.deviation
    this.smoothed = Math.max(envelope, smoothing * this.smoothed + (1 - smoothing) * envelope)
    this.#start = now
    this.#integral = 0
    this.#squares = 0
    this.#max = this.#value
  }

  #pass(now: number): void {
    const passed = now - this.#since
    this.#integral += this.#value * passed
    this.#squares += this.#value ** 2 * passed
    this.#since = now
  }
}
