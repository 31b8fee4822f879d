/** Files that a running server follows: read at the start, and again whenever they change. */
import { readFileSync } from 'node:fs'
import type { Clock } from '#lib/clock.ts'

export interface FollowOptions {
  readonly paths: readonly string[]
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Milliseconds between two looks. */
  readonly every?: number
  /** Takes what the files hold now; what it throws goes to `onError`, and what it took before stays. */
  readonly take: (texts: readonly string[]) => void
  readonly onError: (error: unknown) => void
}

const lookEvery = 2_000

/** The first reading is the caller's to fail by: it throws. */
export function followFiles({ paths, clock, signal, every = lookEvery, take, onError }: FollowOptions): void {
  const read = () => paths.map((path) => readFileSync(path, 'utf8'))
  let known = read()
  take(known)
  const look = () => {
    if (signal.aborted) return
    try {
      const found = read()
      if (found.some((text, i) => text !== known[i])) {
        known = found
        take(found)
      }
    } catch (error) {
      onError(error)
    }
    timer = clock.after(every, look)
  }
  let timer = clock.after(every, look)
  signal.addEventListener('abort', () => timer.cancel(), { once: true })
}
