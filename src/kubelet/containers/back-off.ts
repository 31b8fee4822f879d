/** Waiting between restarts of a container: 10 s, doubled up to 5 minutes, forgotten after 10 quiet minutes. */

export interface BackOff {
  /** Milliseconds. */
  readonly delay: number
  /** When it was last lengthened. */
  readonly at: number
}

const first = 10_000
const longest = 300_000

/** Milliseconds that a container that ended at `finishedAt` still has to wait; 0: it may start. */
export function backOffLeft(entry: BackOff | undefined, finishedAt: number, now: number): number {
  if (!entry || isForgotten(entry, finishedAt)) return 0
  return Math.max(0, finishedAt + entry.delay - now)
}

/** What to keep when a container that ended at `finishedAt` starts again. */
export function nextBackOff(entry: BackOff | undefined, finishedAt: number, now: number): BackOff {
  const delay = entry && !isForgotten(entry, finishedAt) ? Math.min(entry.delay * 2, longest) : first
  return { delay, at: now }
}

/** A run of ten minutes after the last restart makes the next failure a first one. */
function isForgotten(entry: BackOff, finishedAt: number): boolean {
  return finishedAt - entry.at > 2 * longest
}

/** As Go prints a `time.Duration` of whole seconds: `10s`, `1m20s`, `5m0s`. */
export function durationText(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000)
  const minutes = Math.floor(seconds / 60)
  const hours = Math.floor(minutes / 60)
  if (hours > 0) return `${hours}h${minutes % 60}m${seconds % 60}s`
  return minutes > 0 ? `${minutes}m${seconds % 60}s` : `${seconds}s`
}
