import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, test } from 'node:test'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { del, keys, put } from './conformance/bench.ts'
import { Ledger } from './ledger.ts'
import { openSqliteStore } from './sqlite.ts'
import { DamagedStoreError } from './sqlite-damage.ts'
import { factFindings, meta, noteFacts } from './sqlite-facts.ts'
import { openFile, pragma } from './sqlite-file.ts'
import { loadFile } from './sqlite-load.ts'

const directory = mkdtempSync(join(tmpdir(), 'nami-facts-'))
after(() => rmSync(directory, { recursive: true }))

const open = (path: string) => openSqliteStore({ path, clock: new VirtualClock(), reserveBytes: 4096 })
const original = join(directory, 'original.db')

/** Of leases 1 to 5 the third is revoked; /gone is deleted and, as the rest, compacted at 6. */
before(async () => {
  const store = await open(original)
  for (const ttl of [10, 20, 30, 40, 50]) await store.grantLease(ttl)
  for (const lease of [1, 2, 3]) await put(store, `/leased/${lease}`, 'x', lease)
  await store.revokeLease(3)
  await put(store, '/gone')
  await store.compact(await del(store, '/gone'))
  await put(store, '/kept')
  await store.close()
})

let copies = 0

function copy(): string {
  const path = join(directory, `copy-${copies++}.db`)
  copyFileSync(original, path)
  return path
}

function query(path: string, sql: string): void {
  const database = new DatabaseSync(path)
  database.exec(sql)
  database.close()
}

function findings(path: string): readonly string[] {
  try {
    const database = openFile(path)
    try {
      loadFile(database, new Ledger(), path)
      return []
    } finally {
      database.close()
    }
  } catch (error) {
    if (error instanceof DamagedStoreError) return error.findings
    throw error
  }
}

/** `removed` is there once a row has left the log, for which a store takes its time. */
const facts =
  /^what it says of itself has a wrong checksum: compactRevision \d+, lastLease \d+, leases \d+, (removed \d+, )?revision \d+, sequence \d+, total \d+$/
const damages: readonly [string, RegExp][] = [
  ["UPDATE meta SET value = value - 1 WHERE name = 'compactRevision'", facts],
  ["UPDATE meta SET value = value + 100 WHERE name = 'compactRevision'", facts],
  ["UPDATE meta SET value = value + 1 WHERE name = 'revision'", facts],
  ["UPDATE meta SET value = value - 1 WHERE name = 'lastLease'", facts],
  ["UPDATE meta SET value = 1 << 60 WHERE name = 'sequence'", facts],
  ["UPDATE meta SET name = 'revisiom' WHERE name = 'revision'", /wrong checksum/],
  ["DELETE FROM meta WHERE name = 'lastLease'", /wrong checksum/],
  ["DELETE FROM meta WHERE name = 'crc'", facts],
  ['DELETE FROM meta', /^what it says of itself has a wrong checksum: nothing$/],
  ['UPDATE lease SET ttl = ttl + 1 WHERE id = 2', /^lease 2 of 21 s: its checksum is wrong$/],
  ['UPDATE lease SET ttl = 1 << 60 WHERE id = 2', /^lease 2 of 1152921504606846976 s: its checksum is wrong$/],
  ['UPDATE lease SET id = 6 WHERE id = 5', /^lease 6 of 50 s: its checksum is wrong$/],
  ['DELETE FROM lease WHERE id = 4', /^leases are missing or older than what was last written$/],
  ['INSERT INTO lease SELECT 7, ttl, crc FROM lease WHERE id = 4', /^lease 7 of 40 s: its checksum is wrong$/],
  ['PRAGMA user_version = 2', /^its header says format 2, but its tables are of format 3$/],
  ['PRAGMA user_version = 1', /^its header says format 1, but its tables are of format 3$/],
]

for (const [damage, expected] of damages) {
  test(`a store is refused, and says why, after ${damage}`, () => {
    const path = copy()
    assert.deepEqual(findings(path), [])
    query(path, damage)
    assert.match(findings(path)[0] ?? 'sound', expected)
  })
}

test('openSqliteStore() hands out what is wrong', async () => {
  const path = copy()
  query(path, 'DELETE FROM lease WHERE id = 4')
  await assert.rejects(open(path), (error) => {
    assert(error instanceof DamagedStoreError)
    assert.deepEqual(error.findings, ['leases are missing or older than what was last written'])
    return true
  })
})

test('a changed bit of the header, of what the file says of itself or of its leases is refused, or changes nothing', () => {
  const look = new DatabaseSync(original)
  const pages = look.prepare("SELECT rootpage FROM sqlite_schema WHERE name IN ('lease', 'meta')").all()
  const before = stateOf(look)
  look.close()
  const bytes = readFileSync(original)
  const places = pages.flatMap(({ rootpage }) => placesOf(bytes, Number(rootpage)))
  const path = join(directory, 'flipped.db')
  let refused = 0
  for (const [i, at] of [...Array(100).keys(), ...places].entries()) {
    const changed = Buffer.from(bytes)
    changed[at]! ^= 1 << (i % 8)
    writeFileSync(path, changed)
    rmSync(`${path}-wal`, { force: true })
    try {
      const database = openFile(path)
      try {
        loadFile(database, new Ledger(), path)
        assert.equal(stateOf(database), before, `byte ${at}`)
      } finally {
        database.close()
      }
    } catch (error) {
      if ((error as Error).name === 'AssertionError') throw error
      refused++
    }
  }
  assert(refused > places.length / 2, `${refused} of ${places.length}`)
})

/** What is in use of a page: its head, and its cells, which grow from its end. */
function placesOf(bytes: Buffer, page: number): number[] {
  const start = (page - 1) * 4096
  const cells = bytes.readUInt16BE(start + 5)
  const used = [...Array(4096).keys()].filter((at) => at < 8 + 2 * bytes.readUInt16BE(start + 3) || at >= cells)
  return used.map((at) => start + at)
}

function stateOf(database: DatabaseSync): string {
  const all = (table: string) => database.prepare(`SELECT * FROM ${table} ORDER BY 1`).all()
  return JSON.stringify([all('meta'), all('lease'), pragma(database, 'user_version')])
}

test('openFile() gives a file of format 2 the checksums that it had not', async () => {
  const path = copy()
  const older = `BEGIN; ALTER TABLE lease DROP COLUMN crc; DELETE FROM meta WHERE name IN ('crc', 'leases'); PRAGMA user_version = 2;`
  query(path, `${older} COMMIT`)
  const store = await open(path)
  assert.deepEqual(await keys(store, '/'), ['/kept', '/leased/1', '/leased/2'])
  assert.deepEqual(
    (await store.leases()).map(({ id, ttl }) => [id, ttl]),
    [1, 2, 4, 5].map((id) => [id, 10 * id]),
  )
  await store.revokeLease(4)
  assert.equal((await store.grantLease(5)).id, 6)
  await store.close()
  const database = openFile(path)
  assert.deepEqual([pragma(database, 'user_version'), factFindings(database)], [3, []])
  database.close()
})

test('openFile() refuses a file of format 2 that contradicts itself', () => {
  const path = copy()
  query(
    path,
    `ALTER TABLE lease DROP COLUMN crc; DELETE FROM meta WHERE name IN ('crc', 'leases'); PRAGMA user_version = 2;
     UPDATE meta SET value = 99 WHERE name = 'compactRevision'`,
  )
  assert.deepEqual(findings(path), ['it is compacted at revision 99, but its newest one is 8'])
  assert.deepEqual(findings(path), ['it is compacted at revision 99, but its newest one is 8'], 'and it was left alone')
})

test('a lease that ends and one of its number that is granted may share a group', async () => {
  const path = copy()
  const store = await open(path)
  await Promise.all([store.revokeLease(4), store.grantLease(7, 4), store.grantLease(8, 9), store.revokeLease(9)])
  await Promise.all([store.grantLease(9, 9), store.revokeLease(9), store.grantLease(6, 9)])
  await store.close()
  const again = await open(path)
  const leases = (await again.leases()).map(({ id, ttl }) => [id, ttl])
  assert.deepEqual(leases, [
    [1, 10],
    [2, 20],
    [4, 7],
    [5, 50],
    [9, 6],
  ])
  await again.close()
})

test('the number of the last lease never goes back, whichever number was asked for', async () => {
  const path = copy()
  const store = await open(path)
  await store.grantLease(5, 100)
  await store.grantLease(5, 50)
  await store.revokeLease(100)
  await store.close()
  const again = await open(path)
  assert.equal((await again.grantLease(5)).id, 101)
  await again.close()
})

test('noteFacts() outside of what it changes leaves all as it is', () => {
  const path = copy()
  const database = openFile(path)
  const before = meta(database, 'revision')
  noteFacts(database, { compactRevision: 7 })
  assert.deepEqual([meta(database, 'revision'), meta(database, 'compactRevision'), factFindings(database)], [before, 7, []])
  database.close()
})
