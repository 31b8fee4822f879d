import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { backupOf, checkBackup } from './backup.ts'
import { del, Listener, put, rejectsWith } from './conformance/bench.ts'
import { openMemoryStore } from './memory.ts'
import { openSqliteStore } from './sqlite.ts'
import { restoreSqlite } from './sqlite-restore.ts'
import type { Store } from './store.ts'

const directory = mkdtempSync(join(tmpdir(), 'nami-backup-'))
after(() => rmSync(directory, { recursive: true }))
let files = 0
const newPath = () => join(directory, `${files++}`)
const about = { cluster: 'c1', created: '2026-01-01T00:00:00Z' }
const all = { key: '/', end: '0' }

async function backUp(store: Store): Promise<string> {
  const path = newPath()
  await writeFile(path, backupOf(store, about))
  return path
}

test('a backup is restored row by row, with its leases, above every revision ever issued', async () => {
  const clock = new VirtualClock()
  const source = openMemoryStore({ clock })
  const lease = await source.grantLease(60)
  await put(source, '/registry/events/e', 'x', lease.id)
  for (let i = 0; i < 50; i++) await put(source, `/registry/pods/${i % 20}`, `${i}`)
  await del(source, '/registry/pods/7')
  const file = await backUp(source)
  const before = await source.range(all)
  const head = await checkBackup(file)
  assert.deepEqual([head.rows, head.revision, head.leases], [20, before.revision, [{ ...lease, remaining: 60 }]])
  const path = newPath()
  const later = before.revision + 77
  const revision = await restoreSqlite(path, { file, head, above: later })
  assert(revision > later)
  const store = await openSqliteStore({ path, clock, reserveBytes: 4096 })
  assert.deepEqual((await store.range(all)).rows, before.rows)
  const { compactRevision, ...status } = await store.status()
  assert.deepEqual([status.revision, compactRevision], [revision, revision])
  for (const from of [1, before.revision, later, revision - 1]) await Listener.below(store, '/', from).saw('compacted')
  await rejectsWith(store.range({ ...all, revision: later }), 'Compacted')
  await store.keepAliveLease(lease.id)
  assert.equal(await put(store, '/registry/pods/7'), revision + 1)
  await store.close()
})

test('a backup is of one revision while others write', async () => {
  const store = openMemoryStore({ clock: new VirtualClock() })
  for (let i = 0; i < 100; i++) await put(store, `/a/${i}`, 'before')
  const file = newPath()
  const chunks: Uint8Array[] = []
  for await (const chunk of backupOf(store, about)) {
    chunks.push(chunk)
    await put(store, `/a/${chunks.length}`, 'after')
  }
  writeFileSync(file, Buffer.concat(chunks))
  assert.equal((await checkBackup(file)).revision, 101)
  assert(!readFileSync(file).includes('after'))
})

test('a backup needs nothing any more of what is compacted while somebody reads it', async () => {
  const store = openMemoryStore({ clock: new VirtualClock() })
  for (let i = 0; i < 100; i++) await put(store, `/a/${i}`, 'before')
  await put(store, '\u{1f600}', 'before')
  const chunks: Uint8Array[] = []
  for await (const chunk of backupOf(store, about)) {
    if (chunks.length === 1) for (let i = 0; i < 100; i++) await put(store, `/a/${i}`, 'after')
    if (chunks.length === 1) await store.compact((await store.status()).revision)
    chunks.push(chunk)
  }
  const file = newPath()
  writeFileSync(file, Buffer.concat(chunks))
  assert.equal((await checkBackup(file)).rows, 101)
  assert(!readFileSync(file).includes('after'))
})

test('a backup begins anew where the state is compacted before it has hold of it', async () => {
  const inner = openMemoryStore({ clock: new VirtualClock() })
  await put(inner, '/a')
  let compactions = 3
  const store: Store = Object.create(inner, {
    range: {
      async value(request: Parameters<Store['range']>[0]) {
        if (request.revision && compactions-- > 0) await inner.compact(await put(inner, `/b/${compactions}`))
        return inner.range(request)
      },
    },
    ...Object.fromEntries((['leases', 'peek'] as const).map((name) => [name, { value: inner[name]?.bind(inner) }])),
  })
  const head = await checkBackup(await backUp(store))
  assert.deepEqual([head.rows, head.revision], [4, 5])
})

test('checkBackup() refuses what is foreign, newer, cut off or changed anywhere', async () => {
  const store = openMemoryStore({ clock: new VirtualClock() })
  for (let i = 0; i < 10; i++) await put(store, `/a/${i}`, 'value')
  const file = await backUp(store)
  const sound = readFileSync(file)
  const check = (bytes: Uint8Array) => {
    const path = newPath()
    writeFileSync(path, bytes)
    return checkBackup(path)
  }
  await assert.rejects(check(Buffer.from('SQLite format 3\0')), /is no backup of Nami$/)
  await assert.rejects(check(Buffer.from('{"kind":"Pod"}\n')), /is no backup of Nami$/)
  await assert.rejects(
    check(Buffer.from('{"kind":"nami-backup","version":9}\n')),
    /is of a newer Nami \(format 9, this one knows 1\)$/,
  )
  await assert.rejects(checkBackup(join(directory, 'none')), /cannot be read: ENOENT/)
  for (let at = 0; at < sound.length; at += 13) {
    await assert.rejects(check(sound.subarray(0, at)), /is no backup of Nami$|is damaged: it is cut off$/, `cut at ${at}`)
    const flipped = Uint8Array.from(sound)
    flipped[at]! ^= 0x10
    await assert.rejects(check(flipped), /is damaged|is no backup|is of a newer/, `flipped at ${at}`)
  }
  truncateSync(file, sound.length - 1)
  await assert.rejects(checkBackup(file), /is damaged: it is cut off$/)
})
