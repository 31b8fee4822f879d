/** A durable store for a benchmark, and what is written to it. */
import { systemClock } from '#lib/clock.ts'
import { openSqliteStore } from '#store/sqlite.ts'
import type { Store } from '#store/store.ts'

/** 1 KB. */
export const value = new Uint8Array(1024).fill(97)
export const cause = { user: 'system:admin', time: 1_767_225_600_000, request: '00000000-0000-0000-0000-000000000000' }

export async function withStore<T>(path: string, run: (store: Store) => Promise<T>): Promise<T> {
  const store = await openSqliteStore({ path, clock: systemClock })
  try {
    return await run(store)
  } finally {
    await store.close()
  }
}
