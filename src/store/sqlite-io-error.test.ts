import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { CrashPlan } from './conformance/crash-writer.ts'
import { CrashingStore } from './conformance/crashes.ts'

const directory = mkdtempSync(join(tmpdir(), 'nami-eio-'))
after(() => rmSync(directory, { recursive: true }))

const hasStrace = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0
const options = { skip: hasStrace ? false : 'strace is not installed, or may not trace here', timeout: 60_000 }

interface Fault {
  readonly what: string
  /** Which file has the fault. */
  readonly end: string
  /** As strace has it. */
  readonly inject: string
  readonly plan?: Partial<CrashPlan>
}

const faults: readonly Fault[] = [
  { what: 'an fsync of the write-ahead log', end: '-wal', inject: 'fsync,fdatasync:error=EIO:when=40+' },
  { what: 'a write to the write-ahead log', end: '-wal', inject: 'pwrite64:error=EIO:when=200+' },
  { what: 'one fsync, and the next would not', end: '-wal', inject: 'fsync,fdatasync:error=EIO:when=40' },
  {
    what: 'a write to the database, by the thread that copies',
    ...{ end: '', inject: 'pwrite64:error=EIO:when=20+', plan: { checkpointBytes: 100_000 } },
  },
  {
    what: 'an fsync of the database, by the thread that copies',
    ...{ end: '', inject: 'fsync,fdatasync:error=EIO:when=6+', plan: { checkpointBytes: 100_000 } },
  },
  {
    what: 'giving back the space of the log, on a disk that is full',
    ...{ end: '-wal', inject: 'ftruncate:error=EIO:when=1+', plan: { maxBytes: 200_000, valueBytes: 2000 } },
  },
]

for (const [i, { what, end, inject, plan = {} }] of faults.entries()) {
  test(`the process ends, and what it had acknowledged is there, when this fails: ${what}`, options, async () => {
    const store = new CrashingStore(join(directory, `${i}.db`))
    await store.live(plan, { writes: 20 })
    const around = ['strace', '-f', '-o', '/dev/null', '-P', `${store.path}${end}`, '-e', `inject=${inject}`]
    const { code, signal, stderr } = await store.live({ ...plan, most: 1000 }, { around })
    assert.deepEqual([code, signal], [1, null], stderr)
    assert.match(stderr, /Error: the store's disk failed: disk I\/O error \(SQLite code (266|778|1034|1546|\d*10)\)/)
    await store.judge()
  })
}
