/**
 * Calls within the server's own process wait for no socket, so that what controllers have to do at a start would keep the answers of everybody else
 * waiting until all of it is done. This one lets the event loop come round in between.
 */
import type { Call, Transport } from '#client/client.ts'
import { type Clock, sleep } from '#lib/clock.ts'

/** Milliseconds of a turn of the event loop after which a call waits for the next one. */
const share = 4

/** Shared by all transports of a process. */
export class Turns {
  #clock: Clock
  #began: number | undefined
  #next: Promise<void> = Promise.resolve()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Undefined while this turn is young. */
  wait(): Promise<void> | undefined {
    const now = this.#clock.monotonic()
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
