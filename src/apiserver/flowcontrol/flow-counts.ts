/** What is counted of the requests of one flow schema, for metrics (upstream `util/flowcontrol/metrics`). */
import { Histogram } from '../publish/exposition.ts'

/** Seconds; upstream's buckets. */
const durations = [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30]
const queueLengths = [0, 10, 25, 50, 100, 250, 500, 1000]
const seatNumbers = [1, 2, 4, 8, 16, 32, 64, 100]
const watchNumbers = [0, 1, 10, 100, 1000, 10_000]

/**
 * Who begins at once and is over in the same turn is counted as `dispatched` and nowhere else: the rest follows. Such a request did not
 * wait, took no time, and one seat.
 */
export class FlowCounts {
  dispatched = 0
  readonly refused = new Map<string, number>()
  /** Now, without those that are over at once. */
  readonly executing = { requests: 0, seats: 0 }
  readonly queued = { requests: 0, seats: 0 }
  readonly waits = new Histogram(durations)
  readonly waitsInVain = new Histogram(durations)
  readonly ran = new Histogram(durations)
  readonly watchesBegan = new Histogram(durations)
  readonly queueLengths = new Histogram(queueLengths)
  /** Of more than one. */
  readonly wide = new Histogram(seatNumbers)
  readonly watchers = new Histogram(watchNumbers)
  noAccommodation = 0

  get refusedInAll(): number {
    let sum = 0
    for (const count of this.refused.values()) sum += count
    return sum
  }

  begin(seats: number): void {
    this.executing.requests++
    this.executing.seats += seats
  }

  end(seats: number, seconds: number, isWatch: boolean): void {
    this.executing.requests--
    this.executing.seats -= seats
    const histogram = isWatch ? this.watchesBegan : this.ran
    histogram.observe(seconds)
  }

  wait(seats: number, queueLength: number): void {
    this.queued.requests++
    this.queued.seats += seats
    this.queueLengths.observe(queueLength)
  }

  leave(seats: number): void {
    this.queued.requests--
    this.queued.seats -= seats
  }
}
