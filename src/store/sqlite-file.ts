/** The database file of the sqlite engine: its tables, its format version, its lock, and what is read from it at the start. */
import { DatabaseSync } from 'node:sqlite'
import type { Ledger, Version } from './ledger.ts'
import { firstRevision } from './ledger.ts'
import type { Lease } from './store.ts'

/** Raised with every change of the tables that older programs cannot read. */
export const formatVersion = 1

/** 'NAMI', in the header of the file. */
const applicationId = 0x4e414d49

/**
 * `log` holds every version that is current or not yet compacted, and the deletions among them; a compaction moves the others to
 * `history`, which is bounded in bytes. `id` numbers all writes. user, time and request are the write's cause.
 */
const columns = `
  id INTEGER PRIMARY KEY, revision INTEGER NOT NULL, sub INTEGER NOT NULL, key TEXT NOT NULL, deleted INTEGER NOT NULL,
  created INTEGER NOT NULL, version INTEGER NOT NULL, lease INTEGER NOT NULL, value BLOB NOT NULL,
  user TEXT NOT NULL, time INTEGER NOT NULL, request TEXT NOT NULL`

const tables = `
  CREATE TABLE log (${columns}) STRICT;
  CREATE TABLE history (${columns}) STRICT;
  CREATE TABLE lease (id INTEGER PRIMARY KEY, ttl INTEGER NOT NULL) STRICT;
  CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;`

interface LogRow {
  id: number
  revision: number
  sub: number
  key: string
  deleted: number
  created: number
  version: number
  lease: number
  value: Uint8Array
}

/** Opens or makes the file; throws where it is no store, or one of a newer format. */
export function openFile(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 5000 })
  try {
    const format = pragma(database, 'user_version')
    if (format === 0) create(database, path)
    else if (pragma(database, 'application_id') !== applicationId) throw new Error(`${path} is a database, but not a Nami store`)
    else if (format > formatVersion) {
      throw new Error(
        `${path} has store format ${format}; this program reads formats up to ${formatVersion}, so a newer one is needed`,
      )
    }
    return database
  } catch (error) {
    database.close()
    throw error
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

export interface Loaded {
  readonly leases: Lease[]
  readonly lastLease: number
  /** Versions that a compaction cut short has left in `log`. */
  readonly forgotten: Version[]
}

/** Fills the ledger. Reads the whole log: nothing else can be done before. */
export function loadFile(database: DatabaseSync, ledger: Ledger): Loaded {
  const compactRevision = meta(database, 'compactRevision')
  let revision = Math.max(firstRevision, meta(database, 'revision'))
  for (const row of database.prepare('SELECT * FROM log ORDER BY id').iterate() as Iterable<unknown> as Iterable<LogRow>) {
    const { id, sub, key, deleted, created, version, lease, value } = row
    revision = Math.max(revision, row.revision)
    ledger.restore(
      { key, value, revision: row.revision, subRevision: sub, createRevision: created, version, lease },
      { deleted: deleted === 1, sequence: id },
    )
  }
  const newest = database.prepare('SELECT coalesce(max(id), 0) AS id FROM history').get() as { id: number }
  const forgotten = ledger.restored({ revision, compactRevision, sequence: newest.id })
  const leases = database.prepare('SELECT id, ttl FROM lease ORDER BY id').all() as unknown as Lease[]
  return { leases, lastLease: meta(database, 'lastLease'), forgotten }
}

export function pragma(database: DatabaseSync, name: string): number {
  return Number(Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0] ?? 0)
}

function create(database: DatabaseSync, path: string): void {
  const found = database.prepare('SELECT count(*) AS count FROM sqlite_schema').get() as { count: number }
  if (found.count > 0) throw new Error(`${path} is a database, but not a Nami store`)
  // Freed pages can be given back a few at a time; this must be said before the first table.
  database.exec('PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  database.exec(`BEGIN; ${tables} PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${formatVersion}; COMMIT`)
}

function meta(database: DatabaseSync, name: string): number {
  const row = database.prepare('SELECT value FROM meta WHERE name = ?').get(name) as { value: number } | undefined
  return row?.value ?? 0
}
