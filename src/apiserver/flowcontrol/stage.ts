/** The stage that lets requests begin, wait, or go away (upstream `filters/priority-and-fairness.go`). */
import type { Clock } from '#lib/clock.ts'
import { StatusError } from '#schema/status-error.ts'
import type { Next, Request, Response, Stage } from '../request.ts'
import { Followed } from '../stages/followed.ts'
import { isLongRunning } from '../stages/long-running.ts'
import type { Flow, FlowControl } from './flow-control.ts'
import { type Ran, type Refusal, seatsOf, type Work } from './queue-set.ts'
import { flowHash } from './shuffle-sharding.ts'
import { type Estimator, estimateWork, oneSeat } from './work-estimate.ts'

export interface PriorityOptions {
  readonly control: FlowControl
  readonly estimator: Estimator
  readonly clock: Clock
  /** Milliseconds that a request may wait for its turn: a quarter of `--request-timeout`. */
  readonly patience: number
}

/** Where seats are free, and the answer is known at once, it costs a few comparisons. */
export function priorityAndFairness(options: PriorityOptions): Stage {
  const { control, estimator, clock } = options
  return (request, next) => {
    const { info } = request
    const isWatch = info.isResource && info.verb === 'watch'
    if (!isWatch && isLongRunning(info)) return next(request)
    const flow = control.classify(request.user, info)
    request.flowHeaders = flow.headers
    const { seats, maxSeats } = flow.level
    const work = seats.isExempt ? oneSeat : estimateWork(request, estimator, { maxSeats, counts: flow.counts })
    const wanted = seatsOf(work)
    if (seats.canStart(wanted)) {
      const counted = isWatch ? watched(options, next) : next
      return runNow(flow, work, { request, next: counted, isWatch, control, clock })
    }
    return inTurn(options, flow, { request, next: isWatch ? watched(options, next) : next, work, isWatch })
  }
}

interface Task {
  readonly request: Request
  readonly next: Next
  readonly isWatch: boolean
}

function runNow(
  flow: Flow,
  work: Work,
  { request, next, isWatch, control, clock }: Task & { control: FlowControl; clock: Clock },
): Response | Promise<Response> {
  const { counts, level } = flow
  const { seats } = level
  const taken = seatsOf(work)
  counts.dispatched++
  seats.start(taken)
  let answered: Response | Promise<Response>
  try {
    answered = next(request)
  } catch (error) {
    seats.finish(taken, work)
    throw error
  }
  if (!(answered instanceof Promise)) {
    if (work === oneSeat) seats.finishAtOnce()
    else seats.finish(taken, work)
    return answered
  }
  seats.noteDemand()
  const began = clock.monotonic()
  counts.begin(taken)
  control.readsAndWrites.change('executing', request.info, 1)
  return answered.finally(() => {
    control.readsAndWrites.change('executing', request.info, -1)
    counts.end(taken, (clock.monotonic() - began) / 1000, isWatch)
    seats.finish(taken, work)
  })
}

/** Waits for its turn, then runs. */
function inTurn(
  { control: { readsAndWrites }, clock, patience }: PriorityOptions,
  flow: Flow,
  { request, next, work, isWatch }: Task & { work: Work },
): Promise<Response> {
  const { level, counts } = flow
  const { seats } = level
  const distinguisher = distinguisherOf(flow, request)
  const { promise, resolve } = Promise.withResolvers<Refusal | undefined>()
  const arrivedAt = clock.now()
  const began = clock.monotonic()
  const waiting = {
    ...{ work, schema: flow.name, distinguisher, arrivedAt, subject: request, decide: resolve },
    held: () => void counts.noAccommodation++,
  }
  const wanted = seatsOf(work)
  const limit = { signal: request.signal, milliseconds: patience }
  const refused = seats.enqueue(flowHash(flow.name, distinguisher), waiting, limit)
  if (refused) resolve(refused)
  const queue = refused ? undefined : seats.queues.find((one) => one.waiting.some(({ subject }) => subject === request))
  if (queue) {
    counts.wait(wanted, queue.waiting.length)
    readsAndWrites.change('waiting', request.info, 1)
    seats.dispatch()
  }
  return promise.then(async (refusal) => {
    if (queue) {
      counts.leave(wanted)
      readsAndWrites.change('waiting', request.info, -1)
    }
    const waited = refusal ? counts.waitsInVain : counts.waits
    waited.observe((clock.monotonic() - began) / 1000)
    request.audit?.took('apf-queue-wait', clock.monotonic() - began)
    if (refusal || !queue) return tooMany(flow, request, { refusal: refusal ?? 'cancelled', now: clock.now() })
    counts.dispatched++
    counts.begin(wanted)
    readsAndWrites.change('executing', request.info, 1)
    const ran: Ran = { queue, work, startedAt: clock.monotonic() }
    try {
      return await next(request)
    } finally {
      readsAndWrites.change('executing', request.info, -1)
      counts.end(wanted, (clock.monotonic() - ran.startedAt) / 1000, isWatch)
      seats.finish(wanted, work, ran)
    }
  })
}

function distinguisherOf({ distinguisher }: Flow, { user, info }: Request): string {
  return distinguisher === 'ByUser' ? user.name : distinguisher === 'ByNamespace' ? info.namespace : ''
}

function tooMany(flow: Flow, request: Request, { refusal, now }: { refusal: Refusal; now: number }): Response {
  const { retryAfter } = flow.level
  const { refused } = flow.counts
  refused.set(refusal, (refused.get(refusal) ?? 0) + 1)
  retryAfter.refused(now)
  return tooManyRequests(request, retryAfter.value)
}

const text = 'Too many requests, please try again later.'

/** Plain text, as upstream; who is in the same process gets the Status that client-go makes of it. */
export function tooManyRequests({ origin }: Request, seconds: number): Response {
  if (origin.type === 'in-process') {
    throw new StatusError('TooManyRequests', text, { details: { retryAfterSeconds: seconds } })
  }
  const headers = {
    'content-type': 'text/plain; charset=utf-8',
    'x-content-type-options': 'nosniff',
    'retry-after': String(seconds),
  }
  return { type: 'bytes', status: 429, bytes: Buffer.from(`${text}\n`), headers }
}

/** A watch holds its seat until it has begun; it is counted until it ends. */
function watched({ estimator }: PriorityOptions, next: Next): Next {
  return (request) => {
    const forget = estimator.watches.register(request)
    const count = (response: Response): Response => {
      if (response.type === 'watch') return { ...response, events: new Followed(response.events, forget) }
      forget()
      return response
    }
    try {
      const answered = next(request)
      if (!(answered instanceof Promise)) return count(answered)
      return answered.then(count, (error) => {
        forget()
        throw error
      })
    } catch (error) {
      forget()
      throw error
    }
  }
}
