/** How long a read waits for the cache. */
import type { Clock } from '#lib/clock.ts'
import { StatusError } from '#schema/status-error.ts'
import type { Cache } from './storage.ts'

/** Upstream's `blockTimeout`. */
const patience = 3_000

/** Resolves when the cache has seen `revision`; after three seconds the client is told to come back. */
export async function reach(cache: Cache, revision: number, clock: Clock): Promise<void> {
  await cache.ready
  if (revision <= cache.revision) return
  const stop = new AbortController()
  const timer = clock.after(patience, () => stop.abort(tooLarge(revision, cache.revision)))
  try {
    await cache.waitFor(revision, stop.signal)
  } finally {
    timer.cancel()
  }
}

/** Upstream's `NewTooLargeResourceVersionError`. */
export function tooLarge(wanted: number, current: number): StatusError {
  return new StatusError('Timeout', `Timeout: Too large resource version: ${wanted}, current: ${current}`, {
    details: { retryAfterSeconds: 1, causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }] },
  })
}
