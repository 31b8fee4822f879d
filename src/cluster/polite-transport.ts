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
  return {
    async request(call: Call) {
      for (let wait = turns.wait(); wait; wait = turns.wait()) await wait
      return transport.request(call)
    },
    watch: (call) => transport.watch(call),
    close: () => transport.close(),
  }
}
