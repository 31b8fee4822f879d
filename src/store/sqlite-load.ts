/**
 * What is read from the file of the sqlite engine at the start. A thread of its own reads and checks the rows, and packs them for the one that
 * fills the ledger: two processors are done sooner, and the second has something else to load meanwhile.
 */
import type { DatabaseSync } from 'node:sqlite'
import { firstRevision, type Ledger, type Version } from './ledger.ts'
import { addSum, checksumOf, takeSum } from './sqlite-checksum.ts'
import { DamagedStoreError, isDamage } from './sqlite-damage.ts'
import { factFindings, meta } from './sqlite-facts.ts'
import { openFile, totalOf } from './sqlite-file.ts'
import { type Found, type Head, type Rows, width } from './sqlite-messages.ts'
import type { Lease } from './store.ts'

export interface Loaded {
  readonly leases: readonly Lease[]
  readonly lastLease: number
  /** Versions that a compaction cut short has left in `log`. */
  readonly forgotten: Version[]
}

/**
 * Opens the file, says what is in it, and closes it: the log that a crash has left is then copied and gone, and nothing of it lies behind
 * later frames.
 */
export function sendFile(path: string, say: (found: Found, buffers: ArrayBuffer[]) => void): void {
  try {
    const database = openFile(path)
    try {
      say({ type: 'head', head: readHead(database, path) }, [])
      readRows(database, path, (rows) => say({ type: 'rows', rows }, [rows.values.buffer]))
    } finally {
      database.close()
    }
    say({ type: 'loaded' }, [])
  } catch (error) {
    const damage = error instanceof DamagedStoreError ? { findings: error.findings } : {}
    say({ type: 'refused', message: (error as Error).message, ...damage }, [])
  }
}

/** Fills the ledger in this very thread. Throws `DamagedStoreError`. */
export function loadFile(database: DatabaseSync, ledger: Ledger, path: string): Loaded {
  const head = readHead(database, path)
  ledger.beginRestoring(head.compactRevision)
  readRows(database, path, (rows) => restoreRows(ledger, rows))
  return endRestoring(ledger, head, path)
}

/** Throws `DamagedStoreError`. */
export function readHead(database: DatabaseSync, path: string): Head {
  return orDamaged(database, path, () => {
    const findings = factFindings(database)
    if (findings.length > 0) throw new DamagedStoreError(path, [...findings, ...pagesOf(database)].slice(0, mostFindings))
    return {
      compactRevision: meta(database, 'compactRevision'),
      revision: Math.max(firstRevision, meta(database, 'revision')),
      sequence: meta(database, 'sequence'),
      leases: database.prepare('SELECT id, ttl FROM lease ORDER BY id').all() as unknown as Lease[],
      lastLease: meta(database, 'lastLease'),
    }
  })
}

/** Reads the whole log, and checks each row and the sum of them all. Throws `DamagedStoreError`, possibly after some rows. */
export function readRows(database: DatabaseSync, path: string, take: (rows: Rows) => void): void {
  orDamaged(database, path, () => {
    const check = new Check()
    const compactRevision = meta(database, 'compactRevision')
    for (const batch of batchesOf(database, path)) {
      // Of what is damaged nothing is taken, but all of it is looked through.
      if (check.add(batch)) take(pack(batch, compactRevision))
    }
    check.end(database, path)
  })
}

export function restoreRows(ledger: Ledger, { keys: text, causes, numbers: n, values }: Rows): void {
  const keys = JSON.parse(text) as string[]
  let letter = 0
  let offset = 0
  for (let i = 0, at = 0; i < keys.length; i++, at += width) {
    const user = causes.slice(letter, (letter += n[at + 10]!))
    const request = causes.slice(letter, (letter += n[at + 11]!))
    const time = n[at + 7]!
    const size = n[at + 8]!
    ledger.restore(
      {
        key: keys[i]!,
        // A copy for each would take as long as all else. What is kept alive by parts of it is no more than the file held at the start.
        value: values.subarray(offset, (offset += size)),
        revision: n[at + 1]!,
        subRevision: n[at + 2]!,
        createRevision: n[at + 4]!,
        version: n[at + 5]!,
        lease: n[at + 6]!,
      },
      { deleted: n[at + 3] === 1, sequence: n[at]!, cause: user || request || time ? { user, time, request } : undefined },
    )
  }
}

/** Throws `DamagedStoreError`. */
export function endRestoring(ledger: Ledger, { revision, sequence, leases, lastLease }: Head, path: string): Loaded {
  const forgotten = ledger.restored({ revision, sequence })
  const missing = ledger.leased.filter((id) => !leases.some((lease) => lease.id === id))
  if (missing.length > 0) throw new DamagedStoreError(path, [`leases that keys hang on are missing: ${missing.join(', ')}`])
  return { leases, lastLease, forgotten }
}

/** Rows that follow each other, by columns. */
interface Batch {
  readonly values: Uint8Array<ArrayBuffer>
  /** As JSON. */
  readonly keysText: string
  readonly keys: readonly string[]
  readonly users: readonly string[]
  readonly requests: readonly string[]
  readonly numbers: readonly (readonly number[])[]
}

const numbers = ['id', 'revision', 'sub', 'deleted', 'created', 'version', 'lease', 'time', 'length(value)', 'crc'] as const
const arrays = ['key', 'user', 'request', ...numbers].map((column) => `json_group_array(${column})`)

/** SQLite itself joins the rows of a batch: a JavaScript value for each cell would cost more than all else at a start. */
const readBatch = `
  SELECT max(id), CAST(group_concat(value, '') AS BLOB), ${arrays.join(', ')}
  FROM (SELECT * FROM log WHERE id > ? ORDER BY id LIMIT ?)`

const rowsAtOnce = 256
const bytesAtOnce = 512 << 10

function* batchesOf(database: DatabaseSync, path: string): Generator<Batch> {
  const query = database.prepare(readBatch)
  query.setReturnArrays(true)
  let limit = 16
  for (let last = 0; ; ) {
    const cells = cellsOf(() => query.get(last, limit) as unknown as Cells, { path, last })
    const [id, values, keysText, ...texts] = cells
    if (id === null) return
    // SQLite finds its way by what it takes for sorted: in a damaged tree it would come back here for ever.
    if (id <= last) throw new DamagedStoreError(path, [`the rows after ${last} are not in their order`])
    const [users, requests, ...numbers] = texts.map((text) => JSON.parse(text)) as [string[], string[], ...number[][]]
    yield { values, keysText, keys: JSON.parse(keysText), users, requests, numbers }
    last = id
    limit = values.byteLength > bytesAtOnce ? Math.max(1, limit >> 1) : Math.min(rowsAtOnce, limit * 2)
  }
}

/** A cell of another type than its column's cannot be joined, and can only be there because something has changed it. */
function cellsOf(read: () => Cells, { path, last }: { path: string; last: number }): Cells {
  try {
    const [id, values, ...texts] = read()
    return [id, values ?? new Uint8Array(), ...texts]
  } catch (error) {
    if ((error as { errcode?: number }).errcode !== generalError) throw error
    throw new DamagedStoreError(path, [`one of the rows after ${last} holds what it cannot: ${(error as Error).message}`])
  }
}

/** SQLITE_ERROR. */
const generalError = 1

type Cells = [id: number | null, values: Uint8Array<ArrayBuffer>, keys: string, ...texts: string[]]

const mostFindings = 10

class Check {
  #findings: string[] = []
  #sum = 0
  #last: number | undefined

  /** Whether everything until now is sound. */
  add({ values, keys, users, requests, numbers }: Batch): boolean {
    const [ids, revisions, subs, deleted, created, versions, leases, times, sizes, crcs] = numbers as Columns
    let offset = 0
    for (let i = 0; i < keys.length; i++) {
      const [id, revision, key, crc] = [ids[i]!, revisions[i]!, keys[i]!, crcs[i]!]
      const found = checksumOf({
        ...{ id, revision, sub: subs[i]!, key, deleted: deleted[i]!, created: created[i]!, version: versions[i]! },
        ...{ lease: leases[i]!, time: times[i]!, user: users[i]!, request: requests[i]! },
        value: values.subarray(offset, (offset += sizes[i]!)),
      })
      this.#sum = addSum(this.#sum, crc)
      if (found !== crc) this.#say(`row ${id}, key ${key}, revision ${revision}: its checksum is wrong`)
    }
    this.#last = ids.at(-1)
    return this.#findings.length === 0
  }

  end(database: DatabaseSync, path: string): void {
    const total = database.prepare('SELECT id, total FROM log WHERE id = ?')
    const last = this.#last === undefined ? undefined : total.get(this.#last)
    const { sum, id } = totalOf(database, last as { id: number; total: number } | undefined)
    const expected = takeSum(sum, meta(database, 'removed'))
    if (expected !== this.#sum && this.#findings.length === 0) {
      this.#say(`rows are missing or older than what was last written (up to row ${id})`)
    }
    if (this.#findings.length > 0) throw new DamagedStoreError(path, [...this.#findings, ...pagesOf(database)])
  }

  #say(finding: string): void {
    if (this.#findings.length < mostFindings) this.#findings.push(finding)
  }
}

type Columns = [number[], number[], number[], number[], number[], number[], number[], number[], number[], number[]]

/** Nobody can ask for the cause of what is compacted. */
function pack({ values, keysText, keys, users, requests, numbers }: Batch, compactRevision: number): Rows {
  const [ids, revisions, subs, deleted, created, versions, leases, times, sizes] = numbers as Columns
  const packed = new Float64Array(keys.length * width)
  let causes = ''
  for (let i = 0, at = 0; i < keys.length; i++) {
    const isRecent = revisions[i]! >= compactRevision
    packed[at++] = ids[i]!
    packed[at++] = revisions[i]!
    packed[at++] = subs[i]!
    packed[at++] = deleted[i]!
    packed[at++] = created[i]!
    packed[at++] = versions[i]!
    packed[at++] = leases[i]!
    packed[at++] = isRecent ? times[i]! : 0
    packed[at++] = sizes[i]!
    packed[at++] = keys[i]!.length
    packed[at++] = isRecent ? users[i]!.length : 0
    packed[at++] = isRecent ? requests[i]!.length : 0
    if (isRecent) causes += users[i]! + requests[i]!
  }
  return { keys: keysText, causes, numbers: packed, values }
}

function orDamaged<T>(database: DatabaseSync, path: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw isDamage(error) ? new DamagedStoreError(path, [error.message, ...pagesOf(database)], { cause: error }) : error
  }
}

/** What SQLite finds wrong with its own pages, if it gets so far. */
function pagesOf(database: DatabaseSync): string[] {
  try {
    const found = database.prepare(`PRAGMA quick_check(${mostFindings})`).all() as { quick_check: string }[]
    return found.map(({ quick_check }) => quick_check).filter((line) => line !== 'ok')
  } catch (error) {
    return [(error as Error).message]
  }
}
