import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { checkLinearizable } from '#testing/linearizability.ts'
import { del, keys, put, rejectsWith } from './conformance/bench.ts'
import { type Input, perform, Recording, storeModel } from './conformance/recorded-client.ts'
import { openSqliteStore } from './sqlite.ts'
import { DamagedStoreError } from './sqlite-damage.ts'
import { hasCode, prefixEnd } from './store.ts'

/** A disk of its own, of so many bytes. */
function disk(bytes: number): { path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'nami-disk-'))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', path])
  assert.equal(mounted.status, 0, String(mounted.stderr))
  const unmount = () => {
    // Also where a test failed with its files open.
    spawnSync('umount', ['--lazy', path])
    rmSync(path, { recursive: true })
  }
  return { path, [Symbol.dispose]: unmount }
}

const skip = process.getuid?.() === 0 ? false : 'only root can mount a disk'

test('a disk that is really full: read-only with an alarm, deletions go through, and it recovers', {
  skip,
  timeout: 60_000,
}, async () => {
  using small = disk(48 << 20)
  const clock = new VirtualClock()
  const path = join(small.path, 'state.db')
  let store = await openSqliteStore({ path, clock, reserveBytes: 9 << 20 })
  const recording = new Recording()
  const big = 'x'.repeat(100_000)
  let ids = 0
  const ask = async (input: Input) => {
    const id = ids++
    recording.called(id, input)
    const output = await perform(store, input).catch((error) => assert(hasCode(error, 'NoSpace'), String(error)))
    if (output) recording.answered(id, output)
    // A refusal for want of space is an answer too: it never happened.
    else recording.never(id)
    return output !== undefined
  }
  const fill = async (writer: number) => {
    for (let i = 0; await ask({ op: 'put', key: `/k/${writer}.${i}`, value: `${big}${i}` }); i++);
  }
  await Promise.all([0, 1, 2, 3].map(fill))
  assert.equal((await store.status()).alarm, 'NoSpace')
  await rejectsWith(put(store, '/small', ''), 'NoSpace')
  const before = await keys(store, '/k/')
  assert(before.length > 50)
  const found = await Promise.all(before.map(async (key) => ({ key, output: await perform(store, { op: 'read', key }) })))
  assert(checkLinearizable(storeModel, recording.history(found)).ok, 'what was refused is not there, and what was answered is')

  await del(store, '/k/0.', prefixEnd('/k/0.'))
  await del(store, '/k/1.', prefixEnd('/k/1.'))
  while ((await store.status()).alarm) clock.runNext() || (await setImmediate())
  await put(store, '/back')
  const rest = await keys(store, '/')
  await store.close()
  store = await openSqliteStore({ path, clock, reserveBytes: 9 << 20 })
  assert.deepEqual(await keys(store, '/'), rest)
  await store.close()
})

test('openSqliteStore() refuses a file that ends before what is known to be durable', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'nami-reach-'))
  try {
    const options = { path: join(directory, 'state.db'), clock: new VirtualClock(), reserveBytes: 4096 }
    const store = await openSqliteStore(options)
    await put(store, '/a')
    await store.close()
    await assert.rejects(openSqliteStore({ ...options, atLeast: 9 }), /ends at revision 2, but revision 9 was acknowledged/)
    await (await openSqliteStore({ ...options, atLeast: 2 })).close()
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('openSqliteStore() says which row is damaged, and that rows are missing or old', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'nami-damage-'))
  try {
    const options = { path: join(directory, 'state.db'), clock: new VirtualClock(), reserveBytes: 4096 }
    const pageOf = (bytes: Buffer, text: string) => Math.floor(bytes.indexOf(text) / 4096) * 4096
    let store = await openSqliteStore(options)
    for (let i = 0; i < 55; i++) await put(store, `/a/${i}`, `needle-${i}-${'x'.repeat(200)}`)
    await store.close()
    const sound = readFileSync(options.path)
    const changed = Buffer.from(sound)
    changed[changed.indexOf('needle-37-')]! ^= 4
    writeFileSync(options.path, changed)
    await assert.rejects(openSqliteStore(options), (error) => {
      assert(error instanceof DamagedStoreError)
      assert.deepEqual(error.findings, ['row 38, key /a/37, revision 39: its checksum is wrong'])
      return true
    })
    writeFileSync(options.path, sound)
    store = await openSqliteStore(options)
    await store.compact(await put(store, '/a/37', 'later'))
    while ((await rowsOf(options.path)) > 55) await put(store, '/b')
    await store.close()
    const now = readFileSync(options.path)
    // A disk that lost a write gives back a page as it was before: in the middle, and at the end.
    for (const text of ['needle-36-', 'needle-54-']) {
      const old = Buffer.from(now)
      sound.copy(old, pageOf(now, text), pageOf(sound, text), pageOf(sound, text) + 4096)
      writeFileSync(options.path, old)
      assert(!old.equals(now), text)
      await assert.rejects(openSqliteStore(options), /rows are missing or older than what was last written/, text)
    }
    writeFileSync(options.path, now)
    await (await openSqliteStore(options)).close()
  } finally {
    rmSync(directory, { recursive: true })
  }
})

async function rowsOf(path: string): Promise<number> {
  const { DatabaseSync } = await import('node:sqlite')
  const database = new DatabaseSync(path)
  try {
    return Number(database.prepare("SELECT count(*) AS n FROM log WHERE key <> '/b'").get()?.n)
  } finally {
    database.close()
  }
}
