import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { seededRandom } from '#lib/random.ts'
import { CrashingStore } from './conformance/crashes.ts'

const directory = mkdtempSync(join(tmpdir(), 'nami-crash-'))
after(() => rmSync(directory, { recursive: true }))

test('openSqliteStore() has lost nothing acknowledged after kill -9 at any point, and a watch goes on without gap or repeat', {
  timeout: 60_000,
}, async () => {
  const store = new CrashingStore(join(directory, 'crash.db'))
  const random = seededRandom(7)
  for (let run = 0; run < 5; run++) {
    const { code, signal } = await store.live({}, { writes: 1 + Math.floor(random.next() * 1500) })
    assert.deepEqual([code, signal], [null, 'SIGKILL'])
    await store.judge()
  }
  assert(store.acknowledged > 1000)
})
