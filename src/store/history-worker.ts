/** The thread of the history: it alone touches the history's file. */
import { statfsSync } from 'node:fs'
import { dirname } from 'node:path'
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
const chunk = 100
const freePages = 4096
const fewPages = 500

/** The state on the same disk goes first: its reserve, and what it needs to find out that a full disk is full no more. */
const bytesLeftToState = 32 << 20

/** With less than this to grow into, what the file no longer needs is given back after each write. */
const roomToGrow = 1 << 20

type Row = ChangeRow & { readonly id: number; readonly sum: number }

const columns = 'id, revision, sub, key, before, before_revision, after, user, time, request, sum'

class Keeper {
  #database: DatabaseSync
  #path: string
  #maxBytes: number
  #isCramped = false
  #insert: StatementSync
  #seal: StatementSync
  #nth: StatementSync
  #behind: StatementSync
  #forget: StatementSync
  #head: HistoryHead

  constructor({ path, maxBytes }: { path: string; maxBytes: number }) {
    this.#database = openFile(path, note)
    this.#path = path
    this.#maxBytes = maxBytes
    this.#insert = this.#database.prepare('INSERT INTO change VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
    this.#seal = this.#database.prepare(setSeal)
    this.#nth = this.#database.prepare('SELECT id, revision FROM change ORDER BY id LIMIT 1 OFFSET ?')
    this.#behind = this.#database.prepare('SELECT id FROM change WHERE id > ? AND revision > ? ORDER BY id LIMIT 1')
    this.#forget = this.#database.prepare('DELETE FROM change WHERE id < ? RETURNING bytes, revision')
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
    const size = added.reduce((sum, change) => sum + sizeOf(change), 0)
    const most = this.#most()
    let head: HistoryHead = { revision: Math.max(revision, to), since: from > revision ? from : since, bytes: bytes + size }
    this.#transact(() => {
      head = this.#prune(head, most)
      const left = oldestOf(added, added.length === 0 ? 0 : head.bytes - most)
      this.#write(added.slice(left.count))
      head = { ...head, since: Math.max(head.since, left.revision), bytes: head.bytes - left.bytes }
      writeHead(this.#database, head)
    })
    this.#head = head
    if (this.#freePages() > freePages) this.#database.exec(`PRAGMA incremental_vacuum(${fewPages})`)
    this.#makeRoom(most)
  }

  /** Bytes that it may have now. What is written needs its space twice: in the log, and where that is copied to. */
  #most(): number {
    const { bavail, bsize } = statfsSync(dirname(this.#path))
    const free = bavail * bsize - bytesLeftToState
    const unused = this.#freePages() * pragma(this.#database, 'page_size')
    return Math.max(0, Math.min(this.#maxBytes, this.#head.bytes + unused + (free > 0 ? free / 2 : free)))
  }

  /** Gives back what was let go since the disk is nearly full. */
  #makeRoom(most: number): void {
    const { bytes } = this.#head
    const toGrow = this.#isCramped ? Math.max(roomToGrow, bytes) : roomToGrow
    const isCramped = most < this.#maxBytes && bytes + toGrow > most
    if (isCramped) this.#giveBack()
    if (isCramped && !this.#isCramped) note('the history has to let changes go, since the disk is nearly full')
    this.#isCramped = isCramped
  }

  /** A few pages at a time, since each is first moved within the log. What cannot be given back yet is with the next write. */
  #giveBack(): void {
    try {
      for (let before = Infinity, free = this.#freePages(); free < before; before = free, free = this.#freePages()) {
        this.#database.exec(`PRAGMA incremental_vacuum(${fewPages}); PRAGMA wal_checkpoint(TRUNCATE)`)
      }
    } catch (error) {
      note(`the history's file cannot be made smaller: ${(error as Error).message}`)
    }
  }

  #freePages(): number {
    return pragma(this.#database, 'freelist_count')
  }

  #write(changes: readonly Change[]): void {
    const seals = new Map<string, readonly [resource: string, prefix: string, last: number | bigint]>()
    for (const change of changes) {
      const { key, before, after } = change
      const row = rowOf(change)
      const cells = [row.revision, row.sub, key, row.before, row.before_revision, row.after, row.user, row.time, row.request]
      const { lastInsertRowid: id } = this.#insert.run(...cells, sizeOf(change), sumOf(row))
      for (const value of [before, after]) {
        if (!value) continue
        const [resource, prefix] = [resourceOf(key), prefixOf(value)]
        seals.set(`${resource}\0${prefix}`, [resource, prefix, id])
      }
    }
    for (const seal of seals.values()) this.#seal.run(...seal)
  }

  /** A revision goes whole, or a range at it would be half. */
  #prune(head: HistoryHead, most: number): HistoryHead {
    let { bytes, since } = head
    while (bytes > most) {
      const last = this.#nth.get(chunk - 1) as { id: number; revision: number } | undefined
      const next = last && (this.#behind.get(last.id, last.revision) as { id: number } | undefined)
      const gone = this.#forget.all(next?.id ?? Number.MAX_SAFE_INTEGER) as { bytes: number; revision: number }[]
      if (gone.length === 0) break
      for (const { bytes: size } of gone) bytes -= size
      since = gone.reduce((latest, { revision }) => Math.max(latest, revision), since)
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

/** What is to be left out at the beginning of these, for them to be so many bytes less. A revision goes whole. */
function oldestOf(changes: readonly Change[], excess: number): { count: number; bytes: number; revision: number } {
  const left = { count: 0, bytes: 0, revision: 0 }
  for (const change of changes) {
    if (left.bytes >= excess && change.revision !== left.revision) break
    left.count++
    left.bytes += sizeOf(change)
    left.revision = change.revision
  }
  return left
}

function sizeOf({ key, before, after }: Change): number {
  return key.length + (before?.byteLength ?? 0) + (after?.byteLength ?? 0) + 100
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
