/** The file of the history: its tables and checksums, what tells it from others, and how a damaged or an older one is dealt with. */
import { existsSync, renameSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { crc32 } from 'node:zlib'
import { prefixOf, resourceOf } from './encryption/value-prefix.ts'
import { meta, setMeta } from './sqlite-facts.ts'
import { pragma } from './sqlite-file.ts'

const historyId = 0x4e414d48
/** 2: checksums, and `seal`. */
const formatVersion = 2

/**
 * `sum`: see `sumOf`. `seal` has, for each resource and each beginning of its values (`value-prefix.ts`), the latest change with such a
 * value: what lies before the oldest change is needed no more.
 */
const tables = `
  CREATE TABLE change (
    id INTEGER PRIMARY KEY, revision INTEGER NOT NULL, sub INTEGER NOT NULL, key TEXT NOT NULL, before BLOB, before_revision INTEGER,
    after BLOB, user TEXT, time INTEGER NOT NULL, request TEXT, bytes INTEGER NOT NULL, sum INTEGER NOT NULL DEFAULT 0) STRICT;
  CREATE INDEX change_by_key ON change (key, revision);
  CREATE INDEX change_by_time ON change (time);
  CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;`
const sealTable = `
  CREATE TABLE seal (resource TEXT NOT NULL, prefix TEXT NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (resource, prefix))
    STRICT, WITHOUT ROWID;`

export const setSeal = 'INSERT INTO seal VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET last = excluded.last'

/** What a row of `change` says. */
export interface ChangeRow {
  readonly revision: number
  readonly sub: number
  readonly key: string
  readonly before: Uint8Array | null
  readonly before_revision: number | null
  readonly after: Uint8Array | null
  readonly user: string | null
  readonly time: number
  readonly request: string | null
}

export interface HistoryHead {
  readonly revision: number
  readonly since: number
  readonly bytes: number
}

/** A change that was altered behind our back has another one. */
export function sumOf(row: ChangeRow): number {
  const { revision, sub, key, before, before_revision: beforeRevision, after, user, time, request } = row
  const facts = [revision, sub, before?.byteLength ?? '-', beforeRevision, after?.byteLength ?? '-', time, user, request, key]
  return crc32(after ?? nothing, crc32(before ?? nothing, crc32(facts.join('\0'))))
}

const nothing = new Uint8Array()

export function isHistory(database: DatabaseSync): boolean {
  return pragma(database, 'application_id') === historyId && pragma(database, 'user_version') === formatVersion
}

/** Throws where it is not what was written. */
export function readHead(database: DatabaseSync): HistoryHead {
  const head = { revision: meta(database, 'revision'), since: meta(database, 'since'), bytes: meta(database, 'bytes') }
  if (meta(database, 'sum') !== headSum(head) && head.revision + head.since + head.bytes > 0) {
    throw new Error('the checksum of its head is wrong')
  }
  return head
}

export function writeHead(database: DatabaseSync, head: HistoryHead): void {
  const set = database.prepare(setMeta)
  for (const [name, value] of Object.entries({ ...head, sum: headSum(head) })) set.run(name, value)
}

function headSum({ revision, since, bytes }: HistoryHead): number {
  return crc32(`${revision} ${since} ${bytes}`)
}

/** `note` is told when the file had to be put aside. Then the history still knows how far the store was, where that can be read. */
export function openFile(path: string, note: (text: string) => void): DatabaseSync {
  try {
    return openSound(path)
  } catch (error) {
    if (!existsSync(path)) throw error
    const revision = lastRevision(path)
    const aside = `${path}-damaged`
    renameSync(path, aside)
    for (const end of ['-wal', '-shm']) rmSync(`${path}${end}`, { force: true })
    const unknown = revision === 0 ? ', and does not know how far the store was' : ''
    note(`the history begins anew${unknown}, since its file cannot be read (${(error as Error).message}); it lies in ${aside}`)
    const database = openSound(path)
    if (revision > 0) writeHead(database, { revision, since: revision, bytes: 0 })
    return database
  }
}

function lastRevision(path: string): number {
  try {
    using database = new DatabaseSync(path, { readOnly: true })
    return isHistory(database) ? readHead(database).revision : 0
  } catch {
    return 0
  }
}

function openSound(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 5000 })
  try {
    if (pragma(database, 'user_version') === 0) create(database)
    if (pragma(database, 'application_id') !== historyId) throw new Error('it is no history')
    const format = pragma(database, 'user_version')
    if (format > formatVersion) throw new Error('it is of a newer format')
    const [found] = database.prepare('PRAGMA quick_check(1)').all() as { quick_check: string }[]
    if (found?.quick_check !== 'ok') throw new Error(found?.quick_check)
    if (format < formatVersion) upgrade(database)
    readHead(database)
    database.exec('PRAGMA synchronous = NORMAL')
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function create(database: DatabaseSync): void {
  database.exec('PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL')
  database.exec(
    `BEGIN; ${tables} ${sealTable} PRAGMA application_id = ${historyId}; PRAGMA user_version = ${formatVersion}; COMMIT`,
  )
}

/** Format 1 had neither checksums nor `seal`. */
function upgrade(database: DatabaseSync): void {
  const columns = 'revision, sub, key, before, before_revision, after, user, time, request'
  const seals = new Map<string, readonly [resource: string, prefix: string, last: number]>()
  const see = (id: number, key: string, value: Uint8Array | null) => {
    if (!value) return
    const [resource, prefix] = [resourceOf(key), prefixOf(value)]
    seals.set(`${resource}\0${prefix}`, [resource, prefix, id])
  }
  database.function('sum_and_seal', { varargs: true }, (id, ...cells) => {
    const [revision, sub, key, before, beforeRevision, after, user, time, request] = cells as never[]
    see(id as number, key as never, before as never)
    see(id as number, key as never, after as never)
    return sumOf({ ...{ revision, sub, key, before, after, user, time, request }, before_revision: beforeRevision } as never)
  })
  database.exec('BEGIN IMMEDIATE; ALTER TABLE change ADD COLUMN sum INTEGER NOT NULL DEFAULT 0')
  database.exec(`UPDATE change SET sum = sum_and_seal(id, ${columns}); ${sealTable}`)
  const insert = database.prepare(setSeal)
  for (const seal of seals.values()) insert.run(...seal)
  writeHead(database, { revision: meta(database, 'revision'), since: meta(database, 'since'), bytes: meta(database, 'bytes') })
  database.exec(`PRAGMA user_version = ${formatVersion}; COMMIT`)
}
