/** Durable commits per second of the sqlite engine, each beside raw SQLite committing groups of the same size in the same run. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { DatabaseSync } from 'node:sqlite'
import { systemClock } from '#lib/clock.ts'
import { openSqliteStore } from '#store/sqlite.ts'
import { create, type Store } from '#store/store.ts'
import { defineBench } from './define-bench.ts'

const seconds = 1
const value = new Uint8Array(1024).fill(97)
const cause = { user: 'system:admin', time: 1_767_225_600_000, request: '00000000-0000-0000-0000-000000000000' }

interface Commits {
  readonly commits: number
  /** Longest wait for one commit, in milliseconds. */
  readonly worst: number
}

export default defineBench({
  name: 'store',
  async run(report) {
    const directory = mkdtempSync(join(process.env.NAMI_BENCH_DIR ?? tmpdir(), 'nami-bench-'))
    try {
      for (const writers of [1, 64, 1000]) {
        const raw = rawCommits(join(directory, `raw-${writers}.db`), writers)
        const path = join(directory, `nami-${writers}.db`)
        const nami = await withStore(path, (store) => storeCommits(store, writers))
        const again = rawCommits(join(directory, `raw-${writers}-again.db`), writers)
        const worst = `worst ${nami.worst.toFixed(1)} ms, raw ${Math.max(raw.worst, again.worst).toFixed(1)} ms`
        report({
          what: `commits of ${writers} writer${writers > 1 ? 's' : ''}`,
          value: nami.commits,
          unit: '/s',
          limit: { what: 'raw SQLite in groups', value: (raw.commits + again.commits) / 2 },
          note: worst,
        })
      }
    } finally {
      rmSync(directory, { recursive: true })
    }
  },
})

async function withStore(path: string, run: (store: Store) => Promise<Commits>): Promise<Commits> {
  const store = await openSqliteStore({ path, clock: systemClock })
  try {
    return await run(store)
  } finally {
    await store.close()
  }
}

async function storeCommits(store: Store, writers: number): Promise<Commits> {
  const start = performance.now()
  const end = start + seconds * 1000
  let commits = 0
  let worst = 0
  const writer = async (name: number) => {
    for (let i = 0; ; i++) {
      const asked = performance.now()
      if (asked >= end) return
      await create(store, { key: `/registry/pods/namespace-${name}/pod-${i}`, value }, cause)
      worst = Math.max(worst, performance.now() - asked)
      commits++
    }
  }
  await Promise.all(Array.from({ length: writers }, (_, i) => writer(i)))
  return { commits: commits / ((performance.now() - start) / 1000), worst }
}

/** The limit: one thread that does nothing but insert the same row, `group` to a transaction, with SQLite's own checkpoints. */
function rawCommits(path: string, group: number): Commits {
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
