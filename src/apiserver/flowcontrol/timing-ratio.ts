/** For how long something was which fraction of its limit (upstream `TimingRatioHistogram`): a histogram of nanoseconds. */
import { type Labels, sample } from '../publish/exposition.ts'

export class TimingRatio {
  readonly #bounds: readonly number[]
  /** Nanoseconds in each bucket alone, the last of which has no bound. */
  readonly #times: number[]
  #sum = 0
  #numerator = 0
  #denominator = 1
  #since: number

  /** `now` in milliseconds, as everywhere here. */
  constructor(bounds: readonly number[], now: number) {
    this.#bounds = bounds
    this.#times = [...bounds, Number.POSITIVE_INFINITY].map(() => 0)
    this.#since = now
  }

  set(numerator: number, now: number): void {
    if (now > this.#since) this.#pass(now)
    this.#numerator = numerator
  }

  setDenominator(denominator: number, now: number): void {
    this.#pass(now)
    this.#denominator = Math.max(1, denominator)
  }

  #pass(now: number): void {
    const ratio = this.#numerator / this.#denominator
    const passed = (now - this.#since) * 1e6
    this.#since = now
    this.#sum += ratio * passed
    let bucket = 0
    while (bucket < this.#bounds.length && ratio > (this.#bounds[bucket] as number)) bucket++
    this.#times[bucket] = (this.#times[bucket] as number) + passed
  }

  lines(name: string, labels: Labels, now: number): string[] {
    this.#pass(now)
    let upTo = 0
    const buckets = [...this.#bounds, '+Inf'].map((le, i) => {
      upTo += this.#times[i] as number
      return sample(`${name}_bucket`, { ...labels, le }, Math.round(upTo))
    })
    return [...buckets, sample(`${name}_sum`, labels, this.#sum), sample(`${name}_count`, labels, Math.round(upTo))]
  }
}
