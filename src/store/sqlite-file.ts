/** The database file of the sqlite engine: its tables, its format version, and its lock. What is read from it at the start: `sqlite-load.ts`. */
import { DatabaseSync } from 'node:sqlite'
import { addSum, checksumOf, type SummedRow } from './sqlite-checksum.ts'
import { DamagedStoreError, isDamage, walDamage } from './sqlite-damage.ts'
import { leaseTable, meta, noteFacts, noteLeases } from './sqlite-facts.ts'
import type { Lease } from './store.ts'

/** Raised with every change of the tables that older programs cannot read. */
export const formatVersion = 3

/** 'NAMI', in the header of the file. */
const applicationId = 0x4e414d49

/**
 * `log` holds every version that is current or not yet compacted, and the deletions among them. `id` numbers all writes. user, time
 * and request are the write's cause. crc and total: see `sqlite-checksum.ts`.
 */
const columns = `
  id INTEGER PRIMARY KEY, revision INTEGER NOT NULL, sub INTEGER NOT NULL, key TEXT NOT NULL, deleted INTEGER NOT NULL,
  created INTEGER NOT NULL, version INTEGER NOT NULL, lease INTEGER NOT NULL, value BLOB NOT NULL,
  user TEXT NOT NULL, time INTEGER NOT NULL, request TEXT NOT NULL, crc INTEGER NOT NULL, total INTEGER NOT NULL`

const tables = `
  CREATE TABLE log (${columns}) STRICT;
  ${leaseTable};
  CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;`

/** Opens or makes the file; throws where it is no store, one of a newer format, or damaged. */
export function openFile(path: string): DatabaseSync {
  const hidden = walDamage(path)
  if (hidden) throw new DamagedStoreError(path, [hidden])
  const database = new DatabaseSync(path, { timeout: 5000 })
  try {
    const format = pragma(database, 'user_version')
    if (format === 0) create(database, path)
    else if (pragma(database, 'application_id') !== applicationId) throw new Error(`${path} is a database, but not a Nami store`)
    else if (format > formatVersion) {
      throw new Error(
        `${path} has store format ${format}; this program reads formats up to ${formatVersion}, so a newer one is needed`,
      )
    } else if (format < formatVersion) upgrade(database, { format, path })
    return database
  } catch (error) {
    database.close()
    throw isDamage(error) ? new DamagedStoreError(path, [error.message], { cause: error }) : error
  }
}

/** Holds the store against other processes until the answered database is closed or the process ends, however it ends. */
export function lockFile(path: string): DatabaseSync {
  const lock = new DatabaseSync(`${path}-lock`)
  try {
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return lock
  } catch (error) {
    lock.close()
    throw new Error(`the store ${path} is in use by another process`, { cause: error })
  }
}

/** Sum of everything ever written: the newest row has it, or, when that has left the log, the meta table. */
export function totalOf(database: DatabaseSync, last: { id: number; total: number } | undefined): { id: number; sum: number } {
  const sequence = meta(database, 'sequence')
  return last && last.id >= sequence ? { id: last.id, sum: last.total } : { id: sequence, sum: meta(database, 'total') }
}

export function pragma(database: DatabaseSync, name: string): number {
  return Number(Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0] ?? 0)
}

function create(database: DatabaseSync, path: string): void {
  const found = database.prepare('SELECT count(*) AS count FROM sqlite_schema').get() as { count: number }
  if (found.count > 0) throw new Error(`${path} is a database, but not a Nami store`)
  // Freed pages can be given back a few at a time; this must be said before the first table.
  database.exec('PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  database.exec(`BEGIN; ${tables} PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${formatVersion}`)
  noteFacts(database, {})
  database.exec('COMMIT')
}

/** Format 2 had checksums for the rows of the log alone. */
function upgrade(database: DatabaseSync, { format, path }: { format: number; path: string }): void {
  const is = formatOfTables(database)
  if (is !== format) throw new DamagedStoreError(path, [`its header says format ${format}, but its tables are of format ${is}`])
  database.exec('PRAGMA synchronous = FULL; BEGIN IMMEDIATE')
  if (format === 1) sumRows(database)
  const leases = database.prepare('SELECT id, ttl FROM lease ORDER BY id').all() as unknown as Lease[]
  database.exec(`DROP TABLE lease; ${leaseTable}`)
  noteFacts(database, {})
  noteLeases(
    database,
    leases.map((lease) => ({ ...lease, ended: false })),
  )
  assertPlausible(database, path)
  database.exec(`PRAGMA user_version = ${formatVersion}; COMMIT`)
}

function formatOfTables(database: DatabaseSync): number {
  const tables = database.prepare("SELECT name, instr(sql, 'crc') > 0 AS summed FROM sqlite_schema").all() as {
    name: string
    summed: number
  }[]
  if (tables.some(({ name }) => name === 'history')) return 1
  return tables.some(({ name, summed }) => name === 'lease' && summed) ? formatVersion : 2
}

/** What had no checksum can at least not contradict itself. */
function assertPlausible(database: DatabaseSync, path: string): void {
  const newest = database.prepare('SELECT coalesce(max(revision), 1) AS revision FROM log').get() as { revision: number }
  const revision = Math.max(newest.revision, meta(database, 'revision'))
  const compacted = meta(database, 'compactRevision')
  if (compacted > revision) {
    throw new DamagedStoreError(path, [`it is compacted at revision ${compacted}, but its newest one is ${revision}`])
  }
}

/** Format 1 had no checksums at all, and kept old versions in a table of this file. */
function sumRows(database: DatabaseSync): void {
  const newest = database
    .prepare('SELECT max((SELECT coalesce(max(id), 0) FROM log), (SELECT coalesce(max(id), 0) FROM history)) AS id')
    .get() as { id: number }
  database.exec(`ALTER TABLE log RENAME TO old; CREATE TABLE log (${columns}) STRICT`)
  const insert = database.prepare(`INSERT INTO log VALUES (${Array(14).fill('?').join(', ')})`)
  let total = 0
  for (const row of database.prepare('SELECT * FROM old ORDER BY id').iterate() as Iterable<unknown> as Iterable<SummedRow>) {
    const crc = checksumOf(row)
    total = addSum(total, crc)
    insert.run(...(Object.values(row) as (string | number | Uint8Array)[]), crc, total)
  }
  noteFacts(database, { sequence: newest.id, total })
  database.exec('DROP TABLE old; DROP TABLE history')
}
