/** The thread of the history: it alone touches the history's file. */
import { existsSync, renameSync, rmSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import type { Change, HistoryStatus } from './history.ts'
import { formatVersion, historyId } from './history-file.ts'
import { meta, pragma, setMeta } from './sqlite-file.ts'

interface Bounds {
  readonly key: string
  readonly end: string
  readonly limit: number
}

export type HistoryRequest =
  | { readonly type: 'add'; readonly changes: readonly Change[]; readonly revision: number }
  | { readonly type: 'skip'; readonly revision: number }
  | ({ readonly type: 'changesOf'; readonly until: number } & Bounds)
  | ({ readonly type: 'changesBetween'; readonly from: number; readonly to: number } & Bounds)
  | { readonly type: 'firstAfter'; readonly revision: number; readonly key: string; readonly end: string }
  | { readonly type: 'revisionAt'; readonly time: number }
  | { readonly type: 'status' }
  | { readonly type: 'close' }

/** Answers come in the order of the questions; notes at any time. */
export type HistoryAnswer =
  | { readonly type: 'done'; readonly value?: unknown }
  | { readonly type: 'error'; readonly text: string }
  | { readonly type: 'note'; readonly text: string }

const tables = `
  CREATE TABLE change (
    id INTEGER PRIMARY KEY, revision INTEGER NOT NULL, sub INTEGER NOT NULL, key TEXT NOT NULL, before BLOB, before_revision INTEGER,
    after BLOB, user TEXT, time INTEGER NOT NULL, request TEXT, bytes INTEGER NOT NULL) STRICT;
  CREATE INDEX change_by_key ON change (key, revision);
  CREATE INDEX change_by_time ON change (time);
  CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;`

/** Rows deleted at once when the history has outgrown its bytes. */
const chunk = 500
const freePages = 4096

interface Row {
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

class Keeper {
  #database: DatabaseSync
  #maxBytes: number
  #insert: StatementSync
  #meta: StatementSync
  #bytes: number

  constructor({ path, maxBytes }: { path: string; maxBytes: number }) {
    this.#database = openFile(path)
    this.#maxBytes = maxBytes
    this.#insert = this.#database.prepare('INSERT INTO change VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
    this.#meta = this.#database.prepare(setMeta)
    this.#bytes = meta(this.#database, 'bytes')
  }

  answer(request: Exclude<HistoryRequest, { type: 'close' }>): unknown {
    switch (request.type) {
      case 'add':
        return this.#add(request)
      case 'skip':
        return this.#transact(() => {
          this.#meta.run('revision', request.revision)
          this.#meta.run('since', request.revision)
        })
      case 'changesOf': {
        const { key, end, until, limit } = request
        const where = 'key >= ? AND key < ? AND revision <= ? ORDER BY revision DESC, sub DESC LIMIT ?'
        return this.#changes(where, key, end, until || Number.MAX_SAFE_INTEGER, limit || -1)
      }
      case 'changesBetween': {
        const { key, end, from, to, limit } = request
        const where = 'time >= ? AND time <= ? AND key >= ? AND key < ? ORDER BY id LIMIT ?'
        return this.#changes(where, from, to, key, end, limit || -1)
      }
      case 'firstAfter': {
        const { revision, key, end } = request
        const first = 'SELECT min(id) FROM change WHERE key >= ? AND key < ? AND revision > ? GROUP BY key'
        return this.#changes(`id IN (${first}) ORDER BY key`, key, end, revision)
      }
      case 'revisionAt':
        return this.#revisionAt(request.time)
      case 'status':
        return this.#status()
    }
  }

  close(): void {
    this.#database.close()
  }

  #add({ changes, revision }: HistoryRequest & { type: 'add' }): void {
    let bytes = this.#bytes
    this.#transact(() => {
      // A file that had to begin anew while changes were on their way knows nothing of what was before them.
      if (meta(this.#database, 'revision') === 0) this.#meta.run('since', (changes[0]?.revision ?? revision + 1) - 1)
      for (const { key, before, beforeRevision, after, cause, ...change } of changes) {
        const size = key.length + (before?.byteLength ?? 0) + (after?.byteLength ?? 0) + 100
        const { user = null, time = 0, request = null } = cause ?? {}
        const { revision, subRevision } = change
        const values = [before ?? null, beforeRevision ?? null, after ?? null] as const
        this.#insert.run(revision, subRevision, key, ...values, user, time, request, size)
        bytes += size
      }
      bytes -= this.#prune(bytes)
      this.#meta.run('revision', revision)
      this.#meta.run('bytes', bytes)
    })
    this.#bytes = bytes
    if (pragma(this.#database, 'freelist_count') > freePages) this.#database.exec(`PRAGMA incremental_vacuum(${chunk})`)
  }

  /** Answers the bytes that went; a revision goes whole, or a range at it would be half. */
  #prune(bytes: number): number {
    let gone = 0
    while (bytes - gone > this.#maxBytes) {
      const oldest = this.#database.prepare('SELECT revision FROM change ORDER BY id LIMIT 1 OFFSET ?').get(chunk - 1)
      const last = (oldest ?? this.#database.prepare('SELECT max(revision) AS revision FROM change').get()) as {
        revision: number
      }
      const sizes = this.#database.prepare('DELETE FROM change WHERE revision <= ? RETURNING bytes').all(last.revision)
      if (sizes.length === 0) break
      for (const size of sizes as { bytes: number }[]) gone += size.bytes
      this.#meta.run('since', Math.max(meta(this.#database, 'since'), last.revision))
    }
    return gone
  }

  #revisionAt(time: number): number | undefined {
    const query = 'SELECT max(revision) AS revision FROM change WHERE time <= ? AND time > 0'
    const { revision } = this.#database.prepare(query).get(time) as { revision: number | null }
    const { since } = this.#status()
    return revision !== null && revision >= since ? revision : undefined
  }

  #status(): HistoryStatus {
    return { revision: meta(this.#database, 'revision'), since: meta(this.#database, 'since'), bytes: this.#bytes }
  }

  #changes(where: string, ...parameters: (string | number)[]): Change[] {
    const columns = 'revision, sub, key, before, before_revision, after, user, time, request'
    const rows = this.#database.prepare(`SELECT ${columns} FROM change WHERE ${where}`).all(...parameters)
    return (rows as unknown as Row[]).map(({ revision, sub, key, before, before_revision, after, user, time, request }) => ({
      ...{ key, revision, subRevision: sub },
      ...(before && { before }),
      ...(before_revision !== null && { beforeRevision: before_revision }),
      ...(after && { after }),
      ...(user !== null && { cause: { user, time, request: request ?? '' } }),
    }))
  }

  #transact(work: () => void): void {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      work()
      this.#database.exec('COMMIT')
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
  }
}

function openFile(path: string): DatabaseSync {
  try {
    return openSound(path)
  } catch (error) {
    if (!existsSync(path)) throw error
    const aside = `${path}-damaged`
    renameSync(path, aside)
    for (const end of ['-wal', '-shm']) rmSync(`${path}${end}`, { force: true })
    note(`the history begins anew, since its file cannot be read (${(error as Error).message}); it lies in ${aside}`)
    return openSound(path)
  }
}

function openSound(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 5000 })
  try {
    if (pragma(database, 'user_version') === 0) {
      database.exec('PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL')
      database.exec(`BEGIN; ${tables} PRAGMA application_id = ${historyId}; PRAGMA user_version = ${formatVersion}; COMMIT`)
    }
    if (pragma(database, 'application_id') !== historyId) throw new Error('it is no history')
    if (pragma(database, 'user_version') > formatVersion) throw new Error('it is of a newer format')
    const [found] = database.prepare('PRAGMA quick_check(1)').all() as { quick_check: string }[]
    if (found?.quick_check !== 'ok') throw new Error(found?.quick_check)
    database.exec('PRAGMA synchronous = NORMAL')
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function note(text: string): void {
  say({ type: 'note', text })
}

function say(answer: HistoryAnswer): void {
  parentPort?.postMessage(answer)
}

function serve(port: MessagePort): void {
  const keeper = new Keeper(workerData)
  port.on('message', (request: HistoryRequest) => {
    if (request.type === 'close') {
      port.close()
      keeper.close()
      return
    }
    try {
      say({ type: 'done', value: keeper.answer(request) })
    } catch (error) {
      say({ type: 'error', text: (error as Error).message })
    }
  })
}

if (parentPort) serve(parentPort)
