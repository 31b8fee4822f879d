/**
 * Calls within the server's own process wait for no socket, so that what controllers have to do at a start would keep the answers of everybody else
 * waiting until all of it is done. This one lets the event loop come round in between.
 */
import type { RequestMetrics } from '#apiserver/publish/metrics.ts'
import type { Request } from '#apiserver/request.ts'
import type { Call, Transport } from '#client/client.ts'
import { type Clock, sleep } from '#lib/clock.ts'

/** Milliseconds of a turn of the event loop after which a call waits for the next one. */
const share = 4
/** Milliseconds from the process's beginning in which whoever has waited for the server is answered before anything else is done. */
const youth = 3000
/** Milliseconds after such an answer: most that ask once have more to ask. */
const grace = 3

/** Shared by all transports of a process. */
export class Turns {
  #clock: Clock
  #began: number | undefined
  #next: Promise<void> = Promise.resolve()
  readonly #end: number
  readonly #asked = new Set<Request>()
  #lastAnswer = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
    this.#end = clock.monotonic() + youth
  }

  /** Others' requests as they come and are answered. */
  following(metrics: RequestMetrics): RequestMetrics {
    const answered = (request: Request) => {
      if (this.#asked.delete(request)) this.#lastAnswer = this.#clock.monotonic()
    }
    return {
      ...metrics,
      begin: (request) => {
        this.#asked.add(request)
        const end = metrics.begin(request)
        return (response, sent) => {
          answered(request)
          end(response, sent)
        }
      },
      lasts(request) {
        answered(request)
        return metrics.lasts(request)
      },
    }
  }

  /** Undefined while this turn is young, and nobody else waits. */
  wait(): Promise<void> | undefined {
    const now = this.#clock.monotonic()
    if (now < this.#end && (this.#asked.size > 0 || now - this.#lastAnswer < grace)) return sleep(this.#clock, 1)
    if (this.#began !== undefined) return now - this.#began < share ? undefined : this.#next
    this.#began = now
    this.#next = sleep(this.#clock, 0).then(() => {
      this.#began = undefined
    })
    return undefined
  }
}

export function politeTransport(transport: Transport, turns: Turns): Transport {
  const request = async (call: Call) => {
    for (let wait = turns.wait(); wait; wait = turns.wait()) await wait
    return transport.request(call)
  }
  return {
    request: (call) => (isOfEverything(call) ? inParts(call, request) : request(call)),
    watch: (call) => transport.watch(call),
    close: () => transport.close(),
  }
}

/** The list by which a component begins to follow a collection. */
function isOfEverything({ verb, query = {} }: Call): boolean {
  return verb === 'list' && query.resourceVersion === '0' && query.limit === undefined && query.continue === undefined
}

/** Upstream's size of a page. */
const part = '500'

interface Page {
  readonly items: readonly unknown[]
  readonly metadata: { readonly continue?: string }
}

/** All objects of a list are decoded for it: many take seconds, in which nobody else would be answered. */
async function inParts(call: Call, request: (call: Call) => Promise<unknown>): Promise<Page> {
  const { resourceVersion: _, ...query } = call.query ?? {}
  const items: unknown[] = []
  for (let from = {}; ; ) {
    const page = (await request({ ...call, query: { ...query, ...from, limit: part } })) as Page
    for (const item of page.items) items.push(item)
    if (!page.metadata.continue) return { ...page, items }
    from = { continue: page.metadata.continue }
  }
}
