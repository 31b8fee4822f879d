/** Makes a file of the sqlite engine from rows: restoring a backup, and moving in from another engine. */
import { existsSync } from 'node:fs'
import { type BackupHead, backupRows, bump } from './backup.ts'
import { Ledger } from './ledger.ts'
import { addSum, checksumOf } from './sqlite-checksum.ts'
import { noteFacts, noteLeases } from './sqlite-facts.ts'
import { openFile } from './sqlite-file.ts'
import { loadFile } from './sqlite-load.ts'
import type { Lease, Row } from './store.ts'

export interface Import {
  readonly rows: AsyncIterable<Row> | Iterable<Row>
  readonly leases: readonly Lease[]
  /** The new store begins above it, and everything up to there counts as compacted: who watched must list again. */
  readonly above: number
}

/** `path` must not exist. Resolves when the file is durable, has been read again and is sound; answers its revision. */
export async function importSqlite(path: string, { rows, leases, above }: Import): Promise<number> {
  if (existsSync(path)) throw new Error(`${path} exists already`)
  const database = openFile(path)
  try {
    const insert = database.prepare(`INSERT INTO log VALUES (${Array(14).fill('?').join(', ')})`)
    let [id, total, revision] = [0, 0, above]
    database.exec('BEGIN IMMEDIATE')
    for await (const row of rows) {
      const { key, value, subRevision: sub, createRevision: created, version, lease } = row
      const cause = { user: 'system:restore', time: 0, request: 'restore' }
      const stored = { id: ++id, revision: row.revision, sub, key, deleted: 0, created, version, lease, value, ...cause }
      const crc = checksumOf(stored)
      total = addSum(total, crc)
      insert.run(...Object.values(stored), crc, total)
      revision = Math.max(revision, row.revision)
    }
    revision += bump
    noteFacts(database, { revision, compactRevision: revision, sequence: id, total })
    noteLeases(
      database,
      leases.map(({ id, ttl }) => ({ id, ttl, ended: false })),
    )
    database.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE)')
    loadFile(database, new Ledger(), path)
    return revision
  } finally {
    database.close()
  }
}

export function restoreSqlite(path: string, { file, head, above }: { file: string; head: BackupHead; above: number }) {
  return importSqlite(path, { rows: backupRows(file), leases: head.leases, above: Math.max(above, head.revision) })
}

/** The newest revision of a store that nobody has open; throws `DamagedStoreError`. */
export function revisionOf(path: string): number {
  const database = openFile(path)
  try {
    const ledger = new Ledger()
    loadFile(database, ledger, path)
    return ledger.durable
  } finally {
    database.close()
  }
}
