/** The seats of one priority level, and the queues of those who wait for them (upstream `fairqueuing/queueset`). */
import type { Clock, Timer } from '#lib/clock.ts'
import { SeatDemand } from './concurrency.ts'
import { deal } from './shuffle-sharding.ts'
import { TimingRatio } from './timing-ratio.ts'

export interface Queuing {
  readonly queues: number
  readonly handSize: number
  readonly queueLengthLimit: number
}

/** What a request takes: seats while it runs, and seats for a while afterwards. */
export interface Work {
  readonly initialSeats: number
  readonly finalSeats: number
  /** Milliseconds for which the final seats are held. */
  readonly additionalLatency: number
}

/** Upstream's names, which metrics carry. */
export type Refusal = 'queue-full' | 'concurrency-limit' | 'time-out' | 'cancelled'

/** Somebody who waits. */
export interface Waiting {
  readonly work: Work
  readonly schema: string
  readonly distinguisher: string
  readonly arrivedAt: number
  /** In virtual time; the queue set fills it in. */
  readonly arrivalR?: number
  /** For the dumps. */
  readonly subject: unknown
  decide(refusal: Refusal | undefined): void
  /** It would be its turn, but there are not seats enough for it. */
  held?(): void
}

export interface Queue {
  readonly waiting: Waiting[]
  executing: number
  seatsInUse: number
  /** The virtual time at which its next request would start. */
  nextDispatchR: number
}

const utilizations = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1]
const fillings = [0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.25, 0.5, 0.75, 1]
const demands = [0.2, 0.4, 0.6, 0.8, 1, 1.2, 1.4, 1.7, 2, 2.8, 4, 6]

/** What is assumed of a request's duration until it is known (upstream's `estimatedServiceDuration`), in seconds. */
const estimated = 0.003

export class QueueSet {
  readonly queues: Queue[] = []
  readonly demand: SeatDemand
  /** Seats that may be taken now: what borrowing and lending have made of it. */
  limit = 0
  /** Without limit, and nobody waits. */
  isExempt = false
  seatsInUse = 0
  executing = 0
  waiting = 0
  seatsWaiting = 0
  dispatched = 0
  readonly refused: Record<Refusal, number> = { 'queue-full': 0, 'concurrency-limit': 0, 'time-out': 0, cancelled: 0 }
  queuing: Queuing | undefined
  /** Virtual times of the last dispatch: when it was, and of the request. */
  dispatchR = 0
  latestS = 0
  /** Of the limits, over time. */
  readonly ratios: { readonly [name in 'seats' | 'executing' | 'waiting' | 'demand']: TimingRatio }
  #clock: Clock
  #enqueued = 0
  #robin = 0
  #currentR = 0
  #syncedAt: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#syncedAt = clock.monotonic()
    const now = this.#syncedAt
    this.demand = new SeatDemand(now)
    this.ratios = {
      seats: new TimingRatio(utilizations, now),
      executing: new TimingRatio(fillings, now),
      waiting: new TimingRatio(fillings, now),
      demand: new TimingRatio(demands, now),
    }
  }

  get isIdle(): boolean {
    return this.executing === 0 && this.waiting === 0
  }

  configure(queuing: Queuing | undefined): void {
    this.queuing = queuing
    const wanted = queuing?.queues ?? 0
    this.ratios.waiting.setDenominator(wanted * (queuing?.queueLengthLimit ?? 0), this.#clock.monotonic())
    while (this.queues.length < wanted)
      this.queues.push({ waiting: [], executing: 0, seatsInUse: 0, nextDispatchR: this.#currentR })
    // Queues that are no longer dealt drain before they go.
    while (this.queues.length > wanted && isEmpty(this.queues.at(-1) as Queue)) this.queues.pop()
  }

  /** A level without seats is measured by a tenth of the server's. */
  setLimit(limit: number, serverSeats: number): void {
    this.limit = limit
    const now = this.#clock.monotonic()
    const measure = limit > 0 ? limit : Math.round(serverSeats / 10)
    for (const name of ['seats', 'executing', 'demand'] as const) this.ratios[name].setDenominator(measure, now)
  }

  /** Whether the request may begin at once: nobody waits, and the seats are free. */
  canStart(seats: number): boolean {
    if (this.isExempt) return true
    return this.waiting === 0 && (this.seatsInUse + seats <= this.limit || (this.executing === 0 && seats > this.limit))
  }

  /** Takes seats; pairs with `finish`. */
  start(seats: number): void {
    this.seatsInUse += seats
    this.executing++
    this.dispatched++
  }

  /** Measures demand, which is cheap but not free: for requests that are not over at once. */
  noteDemand(): void {
    const now = this.#clock.monotonic()
    const { ratios, seatsInUse } = this
    const wanted = seatsInUse + this.seatsWaiting
    this.demand.set(wanted, now)
    ratios.demand.set(wanted, now)
    ratios.seats.set(seatsInUse, now)
    ratios.executing.set(this.executing, now)
    ratios.waiting.set(this.waiting, now)
  }

  /** Of a request of one seat that was over in the turn in which it began: nobody can have come to wait meanwhile. */
  finishAtOnce(): void {
    this.executing--
    this.seatsInUse--
  }

  /** Gives the seats back, those for what comes after only when that is over, and lets others begin. */
  finish(seats: number, { finalSeats, additionalLatency }: Work, ran?: Ran): void {
    this.executing--
    this.#release(seats - (additionalLatency > 0 ? finalSeats : 0), ran)
    if (additionalLatency > 0)
      this.#clock.after(additionalLatency, () => this.#release(finalSeats, ran && { ...ran, isOver: true }))
  }

  /** Waits for seats; `decide` is called once, never before this returns. Undefined: refused already. */
  enqueue(hash: bigint, waiting: Waiting, limit: { signal: AbortSignal; milliseconds: number }): Refusal | undefined {
    const { queuing } = this
    if (!queuing) {
      this.refused['concurrency-limit']++
      return 'concurrency-limit'
    }
    this.#syncTime()
    const queue = this.#queueFor(hash, queuing)
    if (queue.waiting.length >= queuing.queueLengthLimit) {
      this.refused['queue-full']++
      return 'queue-full'
    }
    if (isEmpty(queue)) queue.nextDispatchR = this.#currentR
    const entry = this.#entry(queue, waiting, limit)
    queue.waiting.push(entry)
    this.waiting++
    this.seatsWaiting += seatsOf(entry.work)
    this.noteDemand()
    return undefined
  }

  /** Lets begin whoever may. */
  dispatch(): void {
    if (this.waiting === 0) return
    this.#syncTime()
    while (this.waiting > 0 && this.seatsInUse < this.limit) {
      const queue = this.#next()
      if (!queue) return
      const [first] = queue.waiting
      const seats = seatsOf((first as Waiting).work)
      if (this.seatsInUse + seats > this.limit && this.executing > 0) return first?.held?.()
      this.#begin(queue, first as Waiting)
    }
  }

  /** First and last virtual start of those who are next in their queues; with or without the work that these have under way. */
  nextBounds(isDiscounted: boolean): [min: number, max: number] {
    const starts = this.queues
      .filter(({ waiting }) => waiting.length > 0)
      .map(({ nextDispatchR, seatsInUse }) => nextDispatchR - (isDiscounted ? seatsInUse * estimated : 0))
    return starts.length === 0 ? [0, 0] : [Math.min(...starts), Math.max(...starts)]
  }

  get currentR(): number {
    return this.#currentR
  }

  #begin(queue: Queue, waiting: Waiting): void {
    const seats = seatsOf(waiting.work)
    this.#leave(queue, waiting)
    this.start(seats)
    queue.executing++
    queue.seatsInUse += seats
    this.dispatchR = this.#currentR
    this.latestS = queue.nextDispatchR
    queue.nextDispatchR += workOf(waiting.work)
    this.noteDemand()
    waiting.decide(undefined)
  }

  /** Adds the end of waiting: the time limit, or a client that leaves. */
  #entry(queue: Queue, waiting: Waiting, { signal, milliseconds }: { signal: AbortSignal; milliseconds: number }): Waiting {
    const give = (refusal: Refusal) => {
      if (!queue.waiting.includes(entry)) return
      this.#leave(queue, entry)
      this.refused[refusal]++
      this.noteDemand()
      entry.decide(refusal)
    }
    const leave = () => give('cancelled')
    const timer: Timer = this.#clock.after(milliseconds, () => give('time-out'))
    signal.addEventListener('abort', leave, { once: true })
    const entry: Waiting = {
      ...waiting,
      arrivalR: this.#currentR,
      decide(refusal) {
        timer.cancel()
        signal.removeEventListener('abort', leave)
        waiting.decide(refusal)
      },
    }
    return entry
  }

  #leave(queue: Queue, waiting: Waiting): void {
    queue.waiting.splice(queue.waiting.indexOf(waiting), 1)
    this.waiting--
    this.seatsWaiting -= seatsOf(waiting.work)
  }

  #release(seats: number, ran?: Ran): void {
    this.seatsInUse -= seats
    if (ran) {
      const { queue, work, startedAt, isOver } = ran
      queue.seatsInUse -= seats
      if (!isOver) {
        queue.executing--
        // What was assumed of its duration gives way to what it took.
        const took = (this.#clock.monotonic() - startedAt) / 1000
        queue.nextDispatchR += work.initialSeats * (took - estimated)
      }
    }
    this.noteDemand()
    this.dispatch()
  }

  #queueFor(hash: bigint, { queues, handSize }: Queuing): Queue {
    const hand = deal(hash, { deckSize: queues, handSize })
    const offset = this.#enqueued++ % handSize
    let best: Queue | undefined
    let least = Number.POSITIVE_INFINITY
    for (let i = 0; i < handSize; i++) {
      const queue = this.queues[hand[(offset + i) % handSize] as number] as Queue
      const work = queue.waiting.reduce((sum, one) => sum + workOf(one.work), 0)
      if (work < least) {
        best = queue
        least = work
      }
    }
    return best as Queue
  }

  /** The queue whose first request would be over soonest in virtual time; ties go round. */
  #next(): Queue | undefined {
    let best: Queue | undefined
    let soonest = Number.POSITIVE_INFINITY
    const count = this.queues.length
    for (let i = 1; i <= count; i++) {
      const at = (this.#robin + i) % count
      const queue = this.queues[at] as Queue
      const [first] = queue.waiting
      if (!first) continue
      const end = queue.nextDispatchR + workOf(first.work)
      if (end < soonest) {
        soonest = end
        best = queue
      }
    }
    if (best) this.#robin = this.queues.indexOf(best)
    return best
  }

  /** Virtual time passes at the rate at which each queue that has requests is served. */
  #syncTime(): void {
    const now = this.#clock.monotonic()
    let active = 0
    for (const queue of this.queues) if (!isEmpty(queue)) active++
    const requested = this.seatsInUse + this.seatsWaiting
    if (active > 0) this.#currentR += ((now - this.#syncedAt) / 1000) * (Math.min(requested, this.limit) / active)
    this.#syncedAt = now
    // What a queue was owed before its oldest request came is not paid out later.
    for (const queue of this.queues) {
      const since = queue.waiting[0]?.arrivalR
      if (since !== undefined && queue.nextDispatchR < since) queue.nextDispatchR = since
    }
  }
}

/** A request that came from a queue. */
export interface Ran {
  readonly queue: Queue
  readonly work: Work
  readonly startedAt: number
  readonly isOver?: boolean
}

export function seatsOf({ initialSeats, finalSeats }: Work): number {
  return initialSeats > finalSeats ? initialSeats : finalSeats
}

/** Seat-seconds. */
function workOf({ initialSeats, finalSeats, additionalLatency }: Work): number {
  return initialSeats * estimated + (finalSeats * additionalLatency) / 1000
}

function isEmpty({ waiting, executing }: Queue): boolean {
  return waiting.length === 0 && executing === 0
}
