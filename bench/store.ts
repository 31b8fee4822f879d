/**
 * The sqlite engine: durable commits, each beside raw SQLite committing groups of the same size in the same run; reads, watches, the
 * start with a million keys, and what churn makes of the file. NAMI_BENCH_FULL=1 runs the whole of the last two, NAMI_BENCH_UPDATES
 * says how many updates the churn has.
 */
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { DatabaseSync } from 'node:sqlite'
import { setImmediate } from 'node:timers/promises'
import { systemClock } from '#lib/clock.ts'
import { openSqliteStore } from '#store/sqlite.ts'
import { importSqlite } from '#store/sqlite-restore.ts'
import { create, prefixEnd, type Row, type Store } from '#store/store.ts'
import { defineBench, type Figure } from './define-bench.ts'

const seconds = 1
const isFull = process.env.NAMI_BENCH_FULL === '1'
const value = new Uint8Array(1024).fill(97)
const cause = { user: 'system:admin', time: 1_767_225_600_000, request: '00000000-0000-0000-0000-000000000000' }

type Report = (figure: Figure) => void

interface Commits {
  readonly commits: number
  /** Of the waits for one commit, in milliseconds. */
  readonly p99: number
  readonly worst: number
}

export default defineBench({
  name: 'store',
  async run(report) {
    const directory = mkdtempSync(join(process.env.NAMI_BENCH_DIR ?? tmpdir(), 'nami-bench-'))
    try {
      await benchCommits(directory, report)
      await benchReads(directory, report)
      await benchStart(directory, report)
      await benchChurn(directory, report)
    } finally {
      rmSync(directory, { recursive: true })
    }
  },
})

async function benchCommits(directory: string, report: Report): Promise<void> {
  for (const writers of [1, 64, 1000]) {
    const raw = rawCommits(join(directory, `raw-${writers}.db`), writers)
    const nami = await withStore(join(directory, `nami-${writers}.db`), (store) => storeCommits(store, writers))
    const again = rawCommits(join(directory, `raw-${writers}-again.db`), writers)
    const worst = `worst ${nami.worst.toFixed(1)} ms, raw ${Math.max(raw.worst, again.worst).toFixed(1)} ms`
    report({
      what: `commits of ${writers} writer${writers > 1 ? 's' : ''}`,
      value: nami.commits,
      unit: '/s',
      limit: { what: 'raw SQLite in groups', value: (raw.commits + again.commits) / 2 },
      note: `p99 ${nami.p99.toFixed(1)} ms, ${worst}`,
    })
  }
}

async function withStore<T>(path: string, run: (store: Store) => Promise<T>): Promise<T> {
  const store = await openSqliteStore({ path, clock: systemClock })
  try {
    return await run(store)
  } finally {
    await store.close()
  }
}

/** After a warm-up, for a thread is new with each store. */
async function storeCommits(store: Store, writers: number): Promise<Commits> {
  await timeCommits(store, writers, 'warm')
  return timeCommits(store, writers, 'timed')
}

async function timeCommits(store: Store, writers: number, run: string): Promise<Commits> {
  const start = performance.now()
  const end = start + seconds * 1000
  const waits: number[] = []
  const writer = async (name: number) => {
    for (let i = 0; ; i++) {
      const asked = performance.now()
      if (asked >= end) return
      await create(store, { key: `/registry/pods/namespace-${name}/pod-${run}-${i}`, value }, cause)
      waits.push(performance.now() - asked)
    }
  }
  await Promise.all(Array.from({ length: writers }, (_, i) => writer(i)))
  const commits = waits.length / ((performance.now() - start) / 1000)
  waits.sort((a, b) => a - b)
  return { commits, p99: waits[Math.floor(waits.length * 0.99)] ?? 0, worst: waits.at(-1) ?? 0 }
}

/** The limit: one thread that does nothing but insert the same row, `group` to a transaction, with SQLite's own checkpoints. */
function rawCommits(path: string, group: number): Omit<Commits, 'p99'> {
  const database = new DatabaseSync(path)
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  database.exec('CREATE TABLE log (id INTEGER PRIMARY KEY, key TEXT NOT NULL, value BLOB NOT NULL, cause TEXT NOT NULL)')
  const insert = database.prepare('INSERT INTO log (key, value, cause) VALUES (?, ?, ?)')
  const reason = JSON.stringify(cause)
  const start = performance.now()
  const end = start + seconds * 1000
  let commits = 0
  let worst = 0
  for (let asked = start; asked < end; ) {
    database.exec('BEGIN IMMEDIATE')
    for (let i = 0; i < group; i++) insert.run(`/registry/pods/namespace-${i}/pod-${commits}`, value, reason)
    database.exec('COMMIT')
    commits += group
    const now = performance.now()
    worst = Math.max(worst, now - asked)
    asked = now
  }
  database.close()
  return { commits: commits / ((performance.now() - start) / 1000), worst }
}

async function benchReads(directory: string, report: Report): Promise<void> {
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

/** The time until a store answers that was not closed for the occasion. */
async function benchStart(directory: string, report: Report): Promise<void> {
  for (const count of isFull ? [150_000, 1_000_000] : [150_000]) {
    const path = join(directory, `start-${count}.db`)
    await importSqlite(path, { rows: rowsOf(count), leases: [], above: count })
    const start = performance.now()
    await withStore(path, async (store) => {
      const { count: found } = await store.range({ key: '/', end: '0', countOnly: true })
      if (found !== count) throw new Error(`${found} of ${count}`)
      report({ what: `start with ${count.toLocaleString('en')} keys of 1 KB`, value: performance.now() - start, unit: 'ms' })
    })
    rmSync(path)
  }
}

function* rowsOf(count: number): Generator<Row> {
  for (let i = 0; i < count; i++) {
    const [key, revision] = [`/registry/pods/namespace-${i % 1000}/pod-${i}`, i + 2]
    yield { key, value, revision, subRevision: 0, createRevision: revision, version: 1, lease: 0 }
  }
}

/** 10,000 keys, overwritten again and again, compacted as the API server does. */
async function benchChurn(directory: string, report: Report): Promise<void> {
  const updates = Number(process.env.NAMI_BENCH_UPDATES ?? (isFull ? 10_000_000 : 200_000))
  const path = join(directory, 'churn.db')
  await withStore(path, async (store) => {
    const size = () => ['', '-wal'].reduce((sum, end) => sum + (existsSync(path + end) ? statSync(path + end).size : 0), 0)
    let [first, largest, compacted] = [0, 0, 0]
    for (let done = 0; done < updates; done += 1000) {
      const group = Array.from({ length: 1000 }, (_, i) => {
        const key = `/registry/pods/default/pod-${(done + i) % 10_000}`
        return store.txn({ compare: [], success: [{ op: 'put', key, value }], cause })
      })
      const { revision } = (await Promise.all(group)).at(-1) as { revision: number }
      if (done % 20_000 === 19_000) {
        if (compacted) await store.compact(compacted)
        compacted = revision
      }
      if (done === 9_000) first = size()
      largest = Math.max(largest, size())
    }
    report({
      what: `largest file in ${updates.toLocaleString('en')} updates of 10,000 keys`,
      value: largest / 2 ** 20,
      unit: 'MB',
      note: `${(first / 2 ** 20).toFixed(1)} MB when each was written once, ${(size() / 2 ** 20).toFixed(1)} MB at the end`,
    })
  })
}
