/** The end of a server, in upstream's order (`PrepareRun` in `server/genericapiserver.go`). */
import type { Listening } from '#apiserver/http/listen.ts'
import { type Clock, sleep } from '#lib/clock.ts'
import type { ApiserverFlags } from './apiserver-flags.ts'

export interface Stopping {
  readonly listening: Pick<Listening, 'turnAway' | 'endWatches' | 'close'>
  readonly flags: Pick<
    ApiserverFlags,
    'shutdown-delay-duration' | 'shutdown-send-retry-after' | 'shutdown-watch-termination-grace-period' | 'request-timeout'
  >
  readonly clock: Clock
  /** Ends what runs beside the requests, and may still make some. */
  components(): Promise<void>
}

/** How long answers under way may take, once nothing new is taken. */
const farewell = 10_000

/**
 * Assumes that health checks tell of it already. First load balancers are given time to hear of it, then nothing new is taken, then
 * watches end, then the last answers go out.
 */
export async function stopServing({ listening, flags, clock, components }: Stopping): Promise<void> {
  const delay = flags['shutdown-delay-duration']
  if (delay > 0) await sleep(clock, delay)
  if (flags['shutdown-send-retry-after']) await turnAway(listening, clock, flags['request-timeout'])
  const watches = flags['shutdown-watch-termination-grace-period']
  if (watches > 0) await listening.endWatches(watches)
  await Promise.all([components(), listening.close(farewell)])
}

/** Nobody waits longer for what is under way than a request may take. */
async function turnAway(listening: Stopping['listening'], clock: Clock, longest: number): Promise<void> {
  const late = new AbortController()
  const timer = clock.after(longest, () => late.abort())
  await listening.turnAway(late.signal)
  timer.cancel()
}
