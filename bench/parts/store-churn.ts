/** What becomes of the file when 10,000 keys are overwritten again and again, and compacted as the API server does. */
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Store } from '#store/store.ts'
import type { Figure } from '../define-bench.ts'
import { cause, value, withStore } from './bench-store.ts'

const updates = Number(process.env.NAMI_BENCH_UPDATES ?? (process.env.NAMI_BENCH_FULL === '1' ? 10_000_000 : 200_000))
const keys = 10_000
const atOnce = 1000
const compactEvery = 20_000
/** So often the size is told. */
const parts = 10

export async function benchChurn(directory: string, report: (figure: Figure) => void): Promise<void> {
  const path = join(directory, 'churn.db')
  await withStore(path, async (store) => {
    const curve: number[] = []
    let [first, largest, compacted] = [0, 0, 0]
    for (let done = 0; done < updates; ) {
      const revision = await overwrite(store, done)
      done += atOnce
      if (done % compactEvery === 0) {
        if (compacted) await store.compact(compacted)
        compacted = revision
      }
      const size = sizeOf(path)
      if (done === keys) first = size
      largest = Math.max(largest, size)
      if (done % (updates / parts) === 0) curve.push(largest)
    }
    report({
      what: `largest file in ${updates.toLocaleString('en')} updates of ${keys.toLocaleString('en')} keys`,
      value: largest,
      unit: 'MB',
      note: `${first.toFixed(1)} when each was written once; the largest after each tenth ${curve.map((size) => size.toFixed(1)).join(' ')}; ${sizeOf(path).toFixed(1)} at the end`,
    })
  })
}

async function overwrite(store: Store, done: number): Promise<number> {
  const group = Array.from({ length: atOnce }, (_, i) => {
    const key = `/registry/pods/default/pod-${(done + i) % keys}`
    return store.txn({ compare: [], success: [{ op: 'put', key, value }], cause })
  })
  return (await Promise.all(group)).at(-1)?.revision ?? 0
}

/** The log included. */
function sizeOf(path: string): number {
  return ['', '-wal'].reduce((sum, end) => sum + (existsSync(path + end) ? statSync(path + end).size : 0), 0) / 2 ** 20
}
