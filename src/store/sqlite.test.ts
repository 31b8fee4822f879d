import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { bytes, cause, del, guarded, keys, Listener, put, putOf, rejectsWith, text, write } from './conformance/bench.ts'
import { testStore } from './conformance.ts'
import { openSqliteStore, type SqliteOptions } from './sqlite.ts'
import { create, hasCode, prefixEnd, type Store } from './store.ts'

const directory = mkdtempSync(join(tmpdir(), 'nami-store-'))
after(() => rmSync(directory, { recursive: true }))

let stores = 0
const newPath = () => join(directory, `${stores++}.db`)
const all = { key: '/', end: prefixEnd('/') }

testStore('sqlite', ({ clock }) => openSqliteStore({ path: newPath(), clock, reserveBytes: 4096 }))

function open(path: string, options: Partial<SqliteOptions> = {}): Promise<Store> {
  return openSqliteStore({ path, clock: new VirtualClock(), reserveBytes: 4096, ...options })
}

function query(path: string, sql: string): Record<string, unknown>[] {
  const database = new DatabaseSync(path)
  try {
    return database.prepare(sql).all()
  } finally {
    database.close()
  }
}

test('openSqliteStore() restores rows, revision, compaction and history for watches', async () => {
  const path = newPath()
  const first = await open(path)
  await put(first, '/a', '1')
  await put(first, '/b', '1')
  await put(first, '/a', '2')
  await first.compact(3)
  await write(first, putOf('/c'), { op: 'delete', key: '/b' })
  const before = [await first.range(all), await first.range({ ...all, revision: 4 })]
  const { revision, compactRevision } = await first.status()
  await first.close()

  const second = await open(path)
  assert.deepEqual([await second.range(all), await second.range({ ...all, revision: 4 })], before)
  const status = await second.status()
  assert.deepEqual([status.revision, status.compactRevision], [revision, compactRevision])
  await rejectsWith(second.range({ ...all, revision: 2 }), 'Compacted')
  const listener = Listener.below(second, '/', 4)
  assert.equal(await put(second, '/b', 'new'), revision + 1)
  await listener.count(4)
  assert.deepEqual(listener.log, ['put /a', 'put /c', 'delete /b', 'put /b'])
  assert.equal(text(listener.events[0]?.previous?.value), '1')
  await second.close()
})

test('openSqliteStore() keeps the revision when the newest write is a compacted deletion', async () => {
  const path = newPath()
  const first = await open(path)
  await put(first, '/a')
  await first.compact(await del(first, '/a'))
  await first.close()
  const second = await open(path)
  assert.equal(await put(second, '/b'), 4)
  await second.compact(4)
  await second.close()
  const third = await open(path)
  assert.deepEqual([(await third.status()).revision, await keys(third, '/')], [4, ['/b']])
  await third.close()
})

test('openSqliteStore() restores leases with their whole time to live, and never uses an id twice', async () => {
  const path = newPath()
  const first = await open(path)
  const lease = await first.grantLease(10)
  const revoked = await first.grantLease(10)
  await put(first, '/a', '', lease.id)
  await first.revokeLease(revoked.id)
  await first.close()
  const clock = new VirtualClock()
  const second = await open(path, { clock })
  assert((await second.grantLease(5)).id > revoked.id)
  const listener = Listener.below(second, '/')
  const start = clock.now()
  while (clock.runNext(start + 9_999));
  assert.equal(clock.monotonic(), 5_000)
  assert(clock.runNext())
  await listener.count(1)
  assert.equal(clock.monotonic(), 10_000)
  await rejectsWith(second.keepAliveLease(lease.id), 'LeaseNotFound')
  await second.close()
})

test('openSqliteStore() refuses newer formats, other databases and a store in use', async () => {
  const newer = newPath()
  await (await open(newer)).close()
  query(newer, 'PRAGMA user_version = 4')
  await assert.rejects(open(newer), /has store format 4; this program reads formats up to 3/)
  const other = newPath()
  query(other, 'CREATE TABLE t (x)')
  await assert.rejects(open(other), /is a database, but not a Nami store/)
  const used = newPath()
  const store = await open(used)
  await assert.rejects(open(used), /is in use by another process/)
  await store.close()
  await (await open(used)).close()
})

test('every write is stored with its cause, which watches see until it is compacted, also over a restart', async () => {
  const path = newPath()
  const first = await open(path)
  const causeOf = (n: number) => ({ user: 'jane', time: n, request: `r${n}` })
  for (const n of [1, 2, 3]) await first.txn({ compare: [], success: [putOf('/a', `${n}`)], cause: causeOf(n) })
  await first.compact(2)
  await first.close()
  const second = await open(path)
  const listener = Listener.below(second, '/', 2)
  await second.txn({ compare: [], success: [{ op: 'delete', key: '/a' }], cause: causeOf(4) })
  await listener.count(4)
  assert.deepEqual(
    listener.events.map((event) => event.cause),
    [1, 2, 3, 4].map(causeOf),
  )
  await second.close()
})

test('memory keeps to its bytes by compacting, and what is compacted leaves the file', async () => {
  const path = newPath()
  const store = await open(path, { recentBytes: 50_000 })
  for (let i = 0; i < 300; i++) await put(store, '/a', 'x'.repeat(2_000))
  assert((await store.status()).compactRevision > 200)
  const rows = () => Number(query(path, 'SELECT count(*) AS n FROM log')[0]?.n)
  while (rows() > 100) await put(store, '/b')
  await store.close()
  await (await open(path)).close()
})

test('openSqliteStore() upgrades format 1, whose rows had no checksums', async () => {
  const path = newPath()
  const database = new DatabaseSync(path)
  const columns = `id INTEGER PRIMARY KEY, revision INTEGER NOT NULL, sub INTEGER NOT NULL, key TEXT NOT NULL, deleted INTEGER NOT NULL,
    created INTEGER NOT NULL, version INTEGER NOT NULL, lease INTEGER NOT NULL, value BLOB NOT NULL,
    user TEXT NOT NULL, time INTEGER NOT NULL, request TEXT NOT NULL`
  database.exec(`PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;
    CREATE TABLE log (${columns}) STRICT; CREATE TABLE history (${columns}) STRICT;
    CREATE TABLE lease (id INTEGER PRIMARY KEY, ttl INTEGER NOT NULL) STRICT;
    CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO history VALUES (1, 2, 0, '/a', 0, 2, 1, 0, x'31', 'u', 1, 'r');
    INSERT INTO log VALUES (2, 3, 0, '/a', 0, 2, 2, 0, x'32', 'u', 1, 'r');
    INSERT INTO meta VALUES ('revision', 3), ('compactRevision', 3);
    PRAGMA application_id = ${0x4e414d49}; PRAGMA user_version = 1`)
  database.close()
  const store = await open(path)
  assert.equal(text((await store.range({ key: '/a' })).rows[0]?.value), '2')
  assert.equal(await put(store, '/b'), 4)
  await store.close()
  await (await open(path)).close()
})

test('a full disk undoes the group and what was decided on top of it, and lets deletions through', {
  timeout: 30_000,
}, async () => {
  const clock = new VirtualClock()
  const store = await open(newPath(), { clock, maxBytes: 400_000, reserveBytes: 200_000 })
  const big = 'x'.repeat(10_000)
  const refused: unknown[] = []
  let stored = 0
  for (; refused.length === 0; stored++) await put(store, `/a/${stored}`, big).catch((error) => refused.push(error))
  stored--
  assert(stored > 10)
  await rejectsWith(put(store, '/small', ''), 'NoSpace')
  await rejectsWith(store.grantLease(1), 'NoSpace')
  const { revision } = await store.status()
  assert.equal((await keys(store, '/a/')).length, stored)

  assert.equal(await del(store, '/a/', prefixEnd('/a/0')), revision + 1)
  assert.equal(await del(store, '/a/', prefixEnd('/a/')), revision + 2)
  // It looks for space again by the clock, and the answer comes from its thread.
  while (!(await put(store, '/back').catch((error) => assert(hasCode(error, 'NoSpace')))))
    clock.runNext() || (await setImmediate())
  assert.equal(await put(store, '/back'), revision + 4)
  assert.deepEqual(await keys(store, '/'), ['/back'])
  await store.close()
})

test('writes decided on top of one that found the disk full fail with it', async () => {
  const path = newPath()
  const store = await open(path, { maxBytes: 200_000 })
  await put(store, '/kept')
  const { revision } = await store.status()
  const lost = [
    create(store, { key: '/a', value: bytes('x'.repeat(300_000)) }, cause),
    ...Array.from({ length: 100 }, (_, i) => put(store, `/b/${i}`)),
    create(store, { key: '/a', value: bytes('') }, cause),
    guarded(store, { key: '/a', target: 'version', op: '>', operand: 0 }),
  ]
  for (const one of lost) await rejectsWith(one, 'NoSpace')
  assert.deepEqual([await keys(store, '/'), (await store.status()).revision], [['/kept'], revision])
  await store.close()
  const again = await open(path)
  assert.equal(await put(again, '/a'), revision + 1)
  await again.close()
})

test('any other error of the disk is fatal', async () => {
  const path = newPath()
  const fatal: Error[] = []
  const failed = Promise.withResolvers<void>()
  const onFatal = (error: Error) => {
    fatal.push(error)
    failed.resolve()
  }
  const store = await open(path, { onFatal })
  await put(store, '/a')
  query(path, 'DROP TABLE log')
  void put(store, '/b').then(() => assert.fail('answered'))
  await failed.promise
  assert.match(fatal[0]?.message ?? '', /^the store's disk failed: .*no such table/)
  await store.close()
})
