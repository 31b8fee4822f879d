/** What is made of a file that a compaction cut short has left, told by the same ledger that compacted without being cut short. */
import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, test } from 'node:test'
import { systemClock } from '#lib/clock.ts'
import { del, keys, Listener, put, text } from './conformance/bench.ts'
import { Ledger } from './ledger.ts'
import { openSqliteStore } from './sqlite.ts'
import { DamagedStoreError } from './sqlite-damage.ts'
import { noteFacts } from './sqlite-facts.ts'
import { openFile } from './sqlite-file.ts'
import { loadFile } from './sqlite-load.ts'

const directory = mkdtempSync(join(tmpdir(), 'nami-load-'))
after(() => rmSync(directory, { recursive: true }))

const original = join(directory, 'original.db')

/** Revisions 2 to 12; of /gone and /back the deletion is at 8 and 9. */
before(async () => {
  const store = await openSqliteStore({ path: original, clock: systemClock })
  for (const key of ['/kept', '/twice', '/twice', '/gone', '/back', '/twice']) await put(store, key)
  await del(store, '/gone')
  await del(store, '/back')
  for (const key of ['/back', '/twice', '/back']) await put(store, key)
  await store.close()
})

const events = ['put /kept', 'put /twice', 'put /twice', 'put /gone', 'put /back', 'put /twice', 'delete /gone', 'delete /back']
const later = ['put /back', 'put /twice', 'put /back']

for (let compacted = 2; compacted <= 12; compacted++) {
  test(`loadFile() takes in nothing of what is compacted at revision ${compacted}, and says what has to leave the file`, async () => {
    const path = join(directory, `${compacted}.db`)
    copyFileSync(original, path)
    const database = openFile(path)
    const whole = new Ledger()
    loadFile(database, whole, path)
    const expected = whole.compact(compacted).map(({ sequence }) => sequence)
    // What the worker writes first; the rows go later.
    noteFacts(database, { compactRevision: compacted, revision: 12 })
    const again = new Ledger()
    const { forgotten } = loadFile(database, again, path)
    database.close()
    assert.deepEqual(forgotten.map(({ sequence }) => sequence).sort(), expected.sort())
    assert.deepEqual(again.range({ key: '/', end: '0' }), whole.range({ key: '/', end: '0' }))
    assert.deepEqual(
      again.range({ key: '/', end: '0', revision: compacted }),
      whole.range({ key: '/', end: '0', revision: compacted }),
    )
    assert.deepEqual(again.eventsFrom(compacted), whole.eventsFrom(compacted))
    assert.equal(again.eventsFrom(compacted - 1), undefined)
  })
}

test('openSqliteStore() reads a file of many rows in parts, and hands its events to a watch', async () => {
  const path = join(directory, 'many.db')
  const first = await openSqliteStore({ path, clock: systemClock })
  const large = 'x'.repeat(200_000)
  await Promise.all(Array.from({ length: 1500 }, (_, i) => put(first, `/many/${i}`, i % 100 ? `${i}` : large)))
  await first.close()
  const store = await openSqliteStore({ path, clock: systemClock })
  const { rows } = await store.range({ key: '/many/', end: '/many0' })
  assert.equal(rows.length, 1500)
  for (const { key, value } of rows) {
    const i = Number(key.slice(6))
    assert.equal(text(value), i % 100 ? `${i}` : large)
  }
  const listener = Listener.below(store, '/many/', 2)
  await listener.count(1500)
  assert.deepEqual(listener.events[1499]?.cause?.user, 'conformance')
  await store.close()
})

test('openSqliteStore() reads back any key and value to the byte', async () => {
  const path = join(directory, 'bytes.db')
  const first = await openSqliteStore({ path, clock: systemClock })
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i)
  const values = [new Uint8Array(), new Uint8Array(3), bytes, Buffer.from([0xc3, 0x28, 0xff, 0]), Buffer.from('"\\\u0000,é')]
  const written = values.flatMap((value) => ['"', '\\', '\0', '\n', 'é', '\u{10000}', ','].map((end) => ({ value, end })))
  for (const [i, { value, end }] of written.entries()) {
    await first.txn({
      compare: [],
      success: [{ op: 'put', key: `/${i}/${end}`, value }],
      cause: { user: end, time: i, request: end },
    })
  }
  const before = await first.range({ key: '/', end: '0' })
  await first.close()
  const store = await openSqliteStore({ path, clock: systemClock })
  const after = await store.range({ key: '/', end: '0' })
  const shown = ({ rows }: typeof after) =>
    rows.map(({ value, ...row }) => ({ ...row, value: Buffer.from(value).toString('hex') }))
  assert.deepEqual(shown(after), shown(before))
  await store.close()
})

for (const change of ['key = CAST(key AS BLOB)', 'value = NULL', 'value = 7', 'user = NULL', 'revision = 1.5', "time = 'x'"]) {
  test(`loadFile() refuses a row of which somebody has changed the type: ${change}`, () => {
    const path = join(directory, `typed-${change.replace(/\W/g, '')}.db`)
    copyFileSync(original, path)
    const forger = new DatabaseSync(path)
    forger.enableDefensive(false)
    forger.exec('PRAGMA writable_schema = ON')
    forger.exec("UPDATE sqlite_schema SET sql = replace(replace(sql, 'STRICT', ''), 'NOT NULL', '') WHERE name = 'log'")
    forger.close()
    const database = openFile(path)
    database.exec(`UPDATE log SET ${change} WHERE id = 3`)
    assert.throws(() => loadFile(database, new Ledger(), path), DamagedStoreError)
    database.close()
  })
}

test('loadFile() refuses a tree that leads back to rows it has read', { timeout: 10_000 }, async () => {
  const path = join(directory, 'round.db')
  const store = await openSqliteStore({ path, clock: systemClock })
  const value = Buffer.alloc(200)
  const cause = { user: 'u', time: 1, request: 'r' }
  for (let i = 0; i < 40; i++) await store.txn({ compare: [], success: [{ op: 'put', key: `/round/${i}`, value }], cause })
  await store.close()
  const look = new DatabaseSync(path)
  look.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  look.close()
  const file = readFileSync(path)
  const [first, ...others] = leavesOf(file)
  assert(first && others.length > 0)
  // Behind all but the last row of the first leaf everything is called row 1.
  for (const at of [first.at(-1)!, ...others.flat()]) file[at] = 1
  writeFileSync(path, file)
  const database = openFile(path)
  assert.throws(() => loadFile(database, new Ledger(), path), DamagedStoreError)
  database.close()
})

/** Where the row numbers, of one byte each, stand in the leaves that have several rows with values (SQLite's file format, 1.6). */
function leavesOf(file: Buffer): number[][] {
  const leaves: number[][] = []
  for (let page = 4096; page < file.length; page += 4096) {
    const count = file.readUInt16BE(page + 3)
    if (file[page] !== 0x0d || count < 5) continue
    const cells = Array.from({ length: count }, (_, i) => page + file.readUInt16BE(page + 8 + 2 * i))
    // Before the row number the size of the row, of two bytes.
    leaves.push(cells.map((cell) => cell + 2))
  }
  return leaves
}

test('openSqliteStore() goes on compacting where it was cut short', { timeout: 30_000 }, async () => {
  const path = join(directory, 'cut.db')
  copyFileSync(original, path)
  const database = new DatabaseSync(path)
  noteFacts(database, { compactRevision: 11, revision: 12 })
  database.close()
  const store = await openSqliteStore({ path, clock: systemClock })
  const listener = Listener.below(store, '/', 11)
  await listener.count(2)
  assert.deepEqual(listener.log, [...events, ...later].slice(-2))
  assert.deepEqual(await keys(store, '/'), ['/back', '/kept', '/twice'])
  const count = () => {
    const look = new DatabaseSync(path, { readOnly: true })
    const { n } = look.prepare('SELECT count(*) AS n FROM log WHERE id <= 11').get() as { n: number }
    look.close()
    return n
  }
  // /kept, /twice at 11, /back at 10 and at 12.
  while (count() > 4) await put(store, '/new')
  assert.equal(count(), 4)
  await store.close()
})
