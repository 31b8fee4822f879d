import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { put } from './conformance/bench.ts'
import { openSqliteStore } from './sqlite.ts'

const kilobyte = 1024

/** 100 keys of 1 KB, and 1 MB of what was overwritten: the rest is what SQLite and the log need. */
const bound = { file: 6 << 20, log: 5 << 20 }

test('the file and its log stay small while a hundred keys are overwritten again and again', { timeout: 60_000 }, async () => {
  const directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'nami-churn-'))
  const path = join(directory, 'state.db')
  const size = (file: string) => statSync(file, { throwIfNoEntry: false })?.size ?? 0
  const options = { path, clock: new VirtualClock(), reserveBytes: 4096, checkpointBytes: 1 << 20, recentBytes: 1 << 20 }
  const store = await openSqliteStore(options)
  try {
    const value = 'x'.repeat(kilobyte)
    let [file, log] = [0, 0]
    for (let round = 0; round < 60; round++) {
      await Promise.all(Array.from({ length: 500 }, (_, i) => put(store, `/k/${i % 100}`, value)))
      file = Math.max(file, size(path))
      log = Math.max(log, size(`${path}-wal`))
    }
    // 30 MB were written.
    assert(file < bound.file && log < bound.log, `the file had ${file} bytes, its log ${log}`)
    assert.equal((await store.range({ key: '/k/', end: '/k0', countOnly: true })).count, 100)
  } finally {
    await store.close()
    rmSync(directory, { recursive: true })
  }
})
