/**
 * The sqlite engine: durable commits, each beside raw SQLite committing groups of the same size in the same run; reads, watches, the
 * start with a million keys and that of a whole server, and what churn makes of the file. NAMI_BENCH_FULL=1 runs the whole of the last,
 * NAMI_BENCH_UPDATES says how many updates it has.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import { prefixEnd } from '#store/store.ts'
import { defineBench, type Figure } from './define-bench.ts'
import { cause, value, withStore } from './parts/bench-store.ts'
import { benchChurn } from './parts/store-churn.ts'
import { benchCommits } from './parts/store-commits.ts'
import { benchServing, benchStart } from './parts/store-start.ts'

const seconds = 1

export default defineBench({
  name: 'store',
  async run(report) {
    const directory = mkdtempSync(join(process.env.NAMI_BENCH_DIR ?? tmpdir(), 'nami-bench-'))
    try {
      await benchCommits(directory, report)
      await benchReads(directory, report)
      await benchStart(directory, report)
      await benchServing(directory, report)
      await benchChurn(directory, report)
    } finally {
      rmSync(directory, { recursive: true })
    }
  },
})

async function benchReads(directory: string, report: (figure: Figure) => void): Promise<void> {
  await withStore(join(directory, 'reads.db'), async (store) => {
    const key = (i: number) => `/registry/pods/default/pod-${i % 10_000}`
    const put = (i: number) => store.txn({ compare: [], success: [{ op: 'put', key: key(i), value }], cause })
    await Promise.all(Array.from({ length: 10_000 }, (_, i) => put(i)))
    const start = performance.now()
    let reads = 0
    for (; performance.now() < start + seconds * 1000; reads++) await store.range({ key: key(reads * 7919) })
    report({ what: 'reads of one key', value: reads / seconds, unit: '/s' })

    const stop = new AbortController()
    const lags: number[] = []
    let settled = 0
    const prefix = '/registry/pods/'
    store.watch({ key: prefix, end: prefixEnd(prefix), signal: stop.signal }, () => lags.push(performance.now() - settled))
    for (let i = 0; i < 300; i++) {
      // From the answer of the write, which comes with durability, to the watcher; and the other way round where that is later.
      const written = put(i).then(() => {
        settled = performance.now()
      })
      settled = performance.now()
      await written
      await setImmediate()
    }
    stop.abort()
    lags.sort((a, b) => a - b)
    const [p50 = 0, p99 = 0] = [0.5, 0.99].map((share) => lags[Math.floor(lags.length * share)])
    report({ what: 'from a write to its watcher', value: p50, unit: 'ms', note: `p99 ${p99.toFixed(1)} ms, the fsync included` })
  })
}
