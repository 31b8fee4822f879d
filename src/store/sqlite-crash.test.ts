import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { seededRandom } from '#lib/random.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { openSqliteStore } from './sqlite.ts'
import { prefixEnd } from './store.ts'

const directory = mkdtempSync(join(tmpdir(), 'nami-crash-'))
after(() => rmSync(directory, { recursive: true }))

const writer = join(import.meta.dirname, 'conformance/crash-writer.ts')

test('openSqliteStore() has lost nothing acknowledged after kill -9 at any point', { timeout: 60_000 }, async () => {
  const path = join(directory, 'crash.db')
  const random = seededRandom(7)
  const acknowledged = new Map<string, { value: string; revision: number }>()
  let newest = 0
  for (let run = 0; run < 5; run++) {
    const lines = 1 + Math.floor(random.next() * 1500)
    for (const line of await crash(path, run, lines)) {
      const [key = '', value = '', revision] = line.split(' ')
      if (Number(revision) > (acknowledged.get(key)?.revision ?? 0)) acknowledged.set(key, { value, revision: Number(revision) })
      newest = Math.max(newest, Number(revision))
    }
    const store = await openSqliteStore({ path, clock: new VirtualClock(), reserveBytes: 4096 })
    const found = await store.range({ key: '/', end: prefixEnd('/') })
    assert(found.revision >= newest, 'the revision never goes back')
    newest = found.revision
    const rows = new Map(found.rows.map((row) => [row.key, row]))
    for (const [key, { value, revision }] of acknowledged) {
      const row = rows.get(key)
      assert(row && row.revision >= revision, `${key} at ${revision} is lost`)
      if (row.revision === revision) assert.equal(Buffer.from(row.value).toString(), value)
    }
    await store.close()
  }
  assert(acknowledged.size > 100)
})

/** Lines of a writer that was killed after it had printed so many. */
async function crash(path: string, run: number, lines: number): Promise<string[]> {
  const child = spawn(process.execPath, [writer, path, `${run}`], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const printed: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    printed.push(line)
    if (printed.length === lines) child.kill('SIGKILL')
  }
  assert.deepEqual(await exited, [null, 'SIGKILL'])
  return printed
}
