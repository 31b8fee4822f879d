/** Durable creates by 1, 64 and 1,000 clients, in turns with a thread that does nothing but commit groups of the same size to SQLite. */
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { DatabaseSync } from 'node:sqlite'
import { create, type Store } from '#store/store.ts'
import type { Figure } from '../define-bench.ts'
import { cause, value, withStore } from './bench-store.ts'
import { median } from './timing.ts'

/** Milliseconds of one turn. */
const turn = 500
const turns = 7
/** Before them, for a store's thread is new and its code is not yet compiled. */
const warmUp = 4

interface Commits {
  readonly rate: number
  /** Of the waits for one commit, in milliseconds. */
  readonly p99: number
  readonly worst: number
}

export async function benchCommits(directory: string, report: (figure: Figure) => void): Promise<void> {
  for (const writers of [1, 64, 1000]) {
    const raw = new RawSqlite(join(directory, `raw-${writers}.db`))
    const ours: Commits[] = []
    const limits: Commits[] = []
    await withStore(join(directory, `nami-${writers}.db`), async (store) => {
      for (let i = -warmUp; i < turns; i++) {
        const limit = raw.commit(writers, turn)
        const own = await timeCommits(store, writers, `turn-${i}`)
        if (i < 0) continue
        limits.push(limit)
        ours.push(own)
      }
    })
    raw.close()
    const [p99, worst] = [median(ours.map(({ p99 }) => p99)), median(ours.map(({ worst }) => worst))]
    const ratios = ours.map(({ rate }, i) => rate / (limits[i] as Commits).rate).sort((a, b) => a - b)
    report({
      what: `commits of ${writers} writer${writers > 1 ? 's' : ''}`,
      value: median(ours.map(({ rate }) => rate)),
      unit: '/s',
      limit: { what: 'raw SQLite in groups', value: median(limits.map(({ rate }) => rate)) },
      note: [
        `median of ${turns} turns, their ratios ${ratios.map((ratio) => ratio.toFixed(2)).join(' ')}`,
        `p99 ${p99.toFixed(1)} ms, worst ${worst.toFixed(1)} ms, raw worst ${median(limits.map(({ worst }) => worst)).toFixed(1)} ms`,
      ].join('; '),
    })
  }
}

async function timeCommits(store: Store, writers: number, run: string): Promise<Commits> {
  const start = performance.now()
  const end = start + turn
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
  const rate = waits.length / ((performance.now() - start) / 1000)
  waits.sort((a, b) => a - b)
  return { rate, p99: waits[Math.floor(waits.length * 0.99)] ?? 0, worst: waits.at(-1) ?? 0 }
}

/** The limit: inserts of the same rows, with SQLite's own checkpoints. */
class RawSqlite {
  #database: DatabaseSync
  #written = 0

  constructor(path: string) {
    this.#database = new DatabaseSync(path)
    this.#database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
    this.#database.exec('CREATE TABLE log (id INTEGER PRIMARY KEY, key TEXT NOT NULL, value BLOB NOT NULL, cause TEXT NOT NULL)')
  }

  commit(group: number, milliseconds: number): Commits {
    const insert = this.#database.prepare('INSERT INTO log (key, value, cause) VALUES (?, ?, ?)')
    const reason = JSON.stringify(cause)
    const start = performance.now()
    const waits: number[] = []
    let commits = 0
    for (let asked = start; asked < start + milliseconds; ) {
      this.#database.exec('BEGIN IMMEDIATE')
      for (let i = 0; i < group; i++) insert.run(`/registry/pods/namespace-${i}/pod-${this.#written}`, value, reason)
      this.#database.exec('COMMIT')
      commits += group
      this.#written += group
      const now = performance.now()
      waits.push(now - asked)
      asked = now
    }
    const rate = commits / ((performance.now() - start) / 1000)
    waits.sort((a, b) => a - b)
    return { rate, p99: waits[Math.floor(waits.length * 0.99)] ?? 0, worst: waits.at(-1) ?? 0 }
  }

  close(): void {
    this.#database.close()
  }
}
