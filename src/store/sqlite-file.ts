/** The database file of the sqlite engine: its tables, its format version, and its lock. What is read from it at the start: `sqlite-load.ts`. */
import { DatabaseSync } from 'node:sqlite'
import { addSum, checksumOf, type SummedRow } from './sqlite-checksum.ts'
import { DamagedStoreError, isDamage, walDamage } from './sqlite-damage.ts'

/** Raised with every change of the tables that older programs cannot read. */
export const formatVersion = 2

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
  CREATE TABLE lease (id INTEGER PRIMARY KEY, ttl INTEGER NOT NULL) STRICT;
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
    } else if (format === 1) upgrade(database)
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

export const setMeta = 'INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value'

export function meta(database: DatabaseSync, name: string): number {
  const row = database.prepare('SELECT value FROM meta WHERE name = ?').get(name) as { value: number } | undefined
  return row?.value ?? 0
}

function create(database: DatabaseSync, path: string): void {
  const found = database.prepare('SELECT count(*) AS count FROM sqlite_schema').get() as { count: number }
  if (found.count > 0) throw new Error(`${path} is a database, but not a Nami store`)
  // Freed pages can be given back a few at a time; this must be said before the first table.
  database.exec('PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  database.exec(`BEGIN; ${tables} PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${formatVersion}; COMMIT`)
}

/** Format 1 had no checksums, and kept old versions in a table of this file. */
function upgrade(database: DatabaseSync): void {
  database.exec('PRAGMA synchronous = FULL; BEGIN IMMEDIATE')
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
  database.prepare(setMeta).run('sequence', newest.id)
  database.prepare(setMeta).run('total', total)
  database.exec(`DROP TABLE old; DROP TABLE history; PRAGMA user_version = ${formatVersion}; COMMIT`)
}
