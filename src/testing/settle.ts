/** When a cluster on a virtual clock has come to rest. */
import type { VirtualClock } from '#lib/virtual-clock.ts'

/** Calls under way and calls so far. */
export class Activity {
  pending = 0
  total = 0

  async during<T>(call: () => Promise<T>): Promise<T> {
    this.pending++
    this.total++
    try {
      return await call()
    } finally {
      this.pending--
      this.total++
    }
  }
}

export interface Quiet {
  readonly clock: VirtualClock
  readonly activity: Activity
  /** Bytes are on their way through sockets, in real time. */
  readonly patient: boolean
}

/** Turns of the event loop in which nothing happens, until that counts as rest. */
const restful = 4
/** A call that waits for time to pass (a cache that lags, say) never ends by itself: rest with one pending takes longer. */
const restfulWithCalls = 50
/** Real milliseconds without anything happening, where sockets are in play. */
const restfulOnSockets = 25

/** Runs what is due now until nothing happens any more; time stands still. */
export async function settleAt({ clock, activity, patient }: Quiet): Promise<void> {
  let seen = activity.total
  let quiet = 0
  let since = performance.now()
  for (;;) {
    await turn()
    if (clock.runNext(clock.now())) {
      while (clock.runNext(clock.now()));
      quiet = 0
    } else if (activity.total !== seen) {
      seen = activity.total
      quiet = 0
    } else quiet++
    if (quiet === 0) since = performance.now()
    const enough = activity.pending > 0 ? restfulWithCalls : restful
    if (quiet >= enough && !(patient && performance.now() - since < restfulOnSockets)) return
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
