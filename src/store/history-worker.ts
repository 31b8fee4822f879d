/** The thread of the history: it alone touches the history's file. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { prefixOf, resourceOf } from './encryption/value-prefix.ts'
import type { Change, SealedValue } from './history.ts'
import { type ChangeRow, type HistoryHead, openFile, readHead, setSeal, sumOf, writeHead } from './history-file.ts'
import { pragma } from './sqlite-file.ts'

interface Bounds {
  readonly key: string
  readonly end: string
  readonly limit: number
}

export type HistoryRequest =
  | { readonly type: 'add'; readonly changes: readonly Change[]; readonly from: number; readonly to: number }
  | ({ readonly type: 'changesOf'; readonly until: number } & Bounds)
  | ({ readonly type: 'changesBetween'; readonly from: number; readonly to: number } & Bounds)
  | { readonly type: 'firstAfter'; readonly revision: number; readonly key: string; readonly end: string }
  | { readonly type: 'revisionAt'; readonly time: number }
  | { readonly type: 'sealed' }
  | { readonly type: 'status' }
  | { readonly type: 'close' }

/** Answers come in the order of the questions; notes at any time. */
export type HistoryAnswer =
  | { readonly type: 'done'; readonly value?: unknown }
  | { readonly type: 'error'; readonly text: string }
  | { readonly type: 'note'; readonly text: string }

/** Rows deleted at once when the history has outgrown its bytes. */
const chunk = 500
const freePages = 4096

type Row = ChangeRow & { readonly id: number; readonly sum: number }

const columns = 'id, revision, sub, key, before, before_revision, after, user, time, request, sum'

class Keeper {
  #database: DatabaseSync
  #maxBytes: number
  #insert: StatementSync
  #seal: StatementSync
  #head: HistoryHead

  constructor({ path, maxBytes }: { path: string; maxBytes: number }) {
    this.#database = openFile(path, note)
    this.#maxBytes = maxBytes
    this.#insert = this.#database.prepare('INSERT INTO change VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
    this.#seal = this.#database.prepare(setSeal)
    this.#head = readHead(this.#database)
  }

  answer(request: Exclude<HistoryRequest, { type: 'close' }>): unknown {
    switch (request.type) {
      case 'add':
        return this.#add(request)
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
      case 'sealed':
        return this.#sealed()
      case 'status':
        return this.#head
    }
  }

  close(): void {
    this.#database.close()
  }

  #add({ changes, from, to }: HistoryRequest & { type: 'add' }): void {
    const { revision, since, bytes } = this.#head
    // Those before were added by a call whose answer was lost.
    const added = changes.filter((change) => change.revision > revision)
    let head: HistoryHead = { revision: Math.max(revision, to), since: from > revision ? from : since, bytes }
    this.#transact(() => {
      head = this.#prune({ ...head, bytes: bytes + this.#write(added) })
      writeHead(this.#database, head)
    })
    this.#head = head
    if (pragma(this.#database, 'freelist_count') > freePages) this.#database.exec(`PRAGMA incremental_vacuum(${chunk})`)
  }

  /** Answers the bytes that were added. */
  #write(changes: readonly Change[]): number {
    const seals = new Map<string, readonly [resource: string, prefix: string, last: number | bigint]>()
    let bytes = 0
    for (const change of changes) {
      const { key, before, after } = change
      const size = key.length + (before?.byteLength ?? 0) + (after?.byteLength ?? 0) + 100
      const row = rowOf(change)
      const cells = [row.revision, row.sub, key, row.before, row.before_revision, row.after, row.user, row.time, row.request]
      const { lastInsertRowid: id } = this.#insert.run(...cells, size, sumOf(row))
      bytes += size
      for (const value of [before, after]) {
        if (!value) continue
        const [resource, prefix] = [resourceOf(key), prefixOf(value)]
        seals.set(`${resource}\0${prefix}`, [resource, prefix, id])
      }
    }
    for (const seal of seals.values()) this.#seal.run(...seal)
    return bytes
  }

  /** A revision goes whole, or a range at it would be half. */
  #prune(head: HistoryHead): HistoryHead {
    let { bytes, since } = head
    while (bytes > this.#maxBytes) {
      const oldest = this.#database.prepare('SELECT revision FROM change ORDER BY id LIMIT 1 OFFSET ?').get(chunk - 1)
      const last = (oldest ?? this.#database.prepare('SELECT max(revision) AS revision FROM change').get()) as {
        revision: number
      }
      const sizes = this.#database.prepare('DELETE FROM change WHERE revision <= ? RETURNING bytes').all(last.revision)
      if (sizes.length === 0) break
      for (const size of sizes as { bytes: number }[]) bytes -= size.bytes
      since = Math.max(since, last.revision)
    }
    return { ...head, bytes, since }
  }

  #revisionAt(time: number): number | undefined {
    const query = 'SELECT max(revision) AS revision FROM change WHERE time <= ? AND time > 0'
    const { revision } = this.#database.prepare(query).get(time) as { revision: number | null }
    return revision !== null && revision >= this.#head.since ? revision : undefined
  }

  #sealed(): SealedValue[] {
    const query = 'SELECT prefix, last FROM seal WHERE last >= (SELECT min(id) FROM change) ORDER BY resource, prefix'
    const found: SealedValue[] = []
    for (const { prefix, last } of this.#database.prepare(query).all() as { prefix: string; last: number }[]) {
      for (const { key, before, after } of this.#changes('id = ?', last)) {
        const value = [before, after].find((one) => one && prefixOf(one) === prefix)
        if (value) found.push({ prefix, key, value })
      }
    }
    return found
  }

  #changes(where: string, ...parameters: (string | number)[]): Change[] {
    const rows = this.#database.prepare(`SELECT ${columns} FROM change WHERE ${where}`).all(...parameters) as unknown as Row[]
    const sound = rows.filter((row) => sumOf(row) === row.sum)
    if (sound.length < rows.length) this.#drop(rows.filter((row) => !sound.includes(row)))
    return sound.map(changeOf)
  }

  /** Changes that are not what was written: ranges can be told only from behind them on. */
  #drop(damaged: readonly Row[]): void {
    const last = damaged.reduce((highest, { id }) => Math.max(highest, id), 0)
    const query = 'SELECT min(revision) AS revision FROM change WHERE id > ?'
    const { revision } = this.#database.prepare(query).get(last) as { revision: number | null }
    const since = Math.max(this.#head.since, Math.min(revision ?? this.#head.revision, this.#head.revision))
    let { bytes } = this.#head
    this.#transact(() => {
      const remove = this.#database.prepare('DELETE FROM change WHERE id = ? RETURNING bytes')
      for (const { id } of damaged) bytes -= (remove.get(id) as { bytes: number } | undefined)?.bytes ?? 0
      writeHead(this.#database, { ...this.#head, since, bytes })
    })
    this.#head = { ...this.#head, since, bytes }
    note(`${damaged.length} changes in the history are damaged and left out; it is whole from revision ${since} on`)
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

function rowOf({ key, revision, subRevision: sub, before, beforeRevision, after, time, cause }: Change): ChangeRow {
  const values = { before: before ?? null, before_revision: beforeRevision ?? null, after: after ?? null }
  return { revision, sub, key, ...values, user: cause?.user ?? null, time, request: cause?.request ?? null }
}

function changeOf({ revision, sub, key, before, before_revision: beforeRevision, after, user, time, request }: Row): Change {
  return {
    ...{ key, revision, subRevision: sub },
    ...(before && { before }),
    ...(beforeRevision !== null && { beforeRevision }),
    ...(after && { after }),
    time,
    ...(user !== null && { cause: { user, time, request: request ?? '' } }),
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
