/**
 * Upstream's compaction of the API: every five minutes the store forgets what is older than five minutes. Several API servers on one
 * store agree through `compact_rev_key`, whose version is their common clock (`storage/etcd3/compact.go`).
 */
import type { Clock } from '#lib/clock.ts'
import { hasCode, type Store } from './store.ts'

export const compactKey = 'compact_rev_key'

export interface CompactorOptions {
  readonly store: Store
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Milliseconds; default 5 minutes (`--etcd-compaction-interval`). */
  readonly period?: number
  readonly onError?: (error: unknown) => void
}

export function runCompactor({ store, clock, signal, period = 300_000, onError }: CompactorOptions): void {
  let state: State = { version: 0, revision: 0 }
  const round = async () => {
    if (signal.aborted) return
    try {
      state = await compactOnce(store, state, clock.now())
    } catch (error) {
      // Somebody compacted further, or there is no space to note it: the next round tries again.
      if (!signal.aborted && !hasCode(error, 'Compacted') && !hasCode(error, 'NoSpace')) onError?.(error)
    }
    schedule()
  }
  const schedule = () => {
    if (signal.aborted) return
    const timer = clock.after(period, () => {
      signal.removeEventListener('abort', cancel)
      void round()
    })
    const cancel = () => timer.cancel()
    signal.addEventListener('abort', cancel, { once: true })
  }
  schedule()
}

/** What this server knows of the key: its version, and the store's revision when it looked last. */
interface State {
  readonly version: number
  readonly revision: number
}

async function compactOnce(store: Store, { version, revision }: State, time: number): Promise<State> {
  const result = await store.txn({
    compare: [{ key: compactKey, target: 'version', op: '=', operand: version }],
    success: [{ op: 'put', key: compactKey, value: new TextEncoder().encode(`${revision}`) }],
    failure: [{ op: 'range', key: compactKey }],
    cause: { user: 'system:apiserver', time, request: 'compaction' },
  })
  if (!result.succeeded) {
    const [read] = result.results
    const row = read?.op === 'range' ? read.rows[0] : undefined
    return { version: row?.version ?? 0, revision: result.revision }
  }
  const next = { version: version + 1, revision: result.revision }
  if (revision === 0) return next
  await store.compact(revision).catch((error) => {
    if (!hasCode(error, 'Compacted')) throw error
  })
  return next
}
