/**
 * What is read from the file of the sqlite engine at the start. A thread of its own reads and checks the rows, and packs them for the one that
 * fills the ledger: two processors are done sooner, and the second has something else to load meanwhile.
 */
import type { DatabaseSync } from 'node:sqlite'
import { firstRevision, type Ledger, type Version } from './ledger.ts'
import { addSum, checksumOf, type SummedRow, takeSum } from './sqlite-checksum.ts'
import { DamagedStoreError, isDamage } from './sqlite-damage.ts'
import { meta, openFile, totalOf } from './sqlite-file.ts'
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

export function readHead(database: DatabaseSync, path: string): Head {
  return orDamaged(database, path, () => ({
    compactRevision: meta(database, 'compactRevision'),
    revision: Math.max(firstRevision, meta(database, 'revision')),
    sequence: meta(database, 'sequence'),
    leases: database.prepare('SELECT id, ttl FROM lease ORDER BY id').all() as unknown as Lease[],
    lastLease: meta(database, 'lastLease'),
  }))
}

/** Reads the whole log, and checks each row and the sum of them all. Throws `DamagedStoreError`, possibly after some rows. */
export function readRows(database: DatabaseSync, path: string, take: (rows: Rows) => void): void {
  orDamaged(database, path, () => {
    const check = new Check()
    const packer = new Packer(meta(database, 'compactRevision'), take)
    const rows = database.prepare('SELECT * FROM log ORDER BY id')
    // Objects would cost twice as much.
    rows.setReturnArrays(true)
    for (const cells of rows.iterate() as Iterable<unknown> as Iterable<Cells>) {
      const row = rowOf(cells)
      check.add(row)
      packer.add(row)
    }
    check.end(database, path)
    packer.flush()
  })
}

export function restoreRows(ledger: Ledger, { keys, causes, numbers: n, values }: Rows): void {
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
        // A copy, for a part would keep the whole alive.
        value: values.slice(offset, (offset += size)),
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

type LogRow = SummedRow & { readonly crc: number; readonly total: number }

/** In the order of the columns. */
type Cells = [number, number, number, string, number, number, number, number, Uint8Array, string, number, string, number, number]

function rowOf([
  id,
  revision,
  sub,
  key,
  deleted,
  created,
  version,
  lease,
  value,
  user,
  time,
  request,
  crc,
  total,
]: Cells): LogRow {
  return { id, revision, sub, key, deleted, created, version, lease, value, user, time, request, crc, total }
}

const mostFindings = 10

class Check {
  #findings: string[] = []
  #sum = 0
  #last: LogRow | undefined

  add(row: LogRow): void {
    this.#sum = addSum(this.#sum, row.crc)
    this.#last = row
    if (checksumOf(row) !== row.crc) this.#say(`row ${row.id}, key ${row.key}, revision ${row.revision}: its checksum is wrong`)
  }

  end(database: DatabaseSync, path: string): void {
    const { sum, id } = totalOf(database, this.#last)
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

const rowsAtOnce = 512
const bytesAtOnce = 512 << 10

class Packer {
  #compactRevision: number
  #take: (rows: Rows) => void
  #keys: string[] = []
  #causes = ''
  #numbers = new Float64Array(rowsAtOnce * width)
  #values: Uint8Array[] = []
  #bytes = 0

  constructor(compactRevision: number, take: (rows: Rows) => void) {
    this.#compactRevision = compactRevision
    this.#take = take
  }

  add({ id, revision, sub, key, deleted, created, version, lease, value, user, time, request }: SummedRow): void {
    const isRecent = revision >= this.#compactRevision
    const n = this.#numbers
    let at = this.#values.length * width
    n[at++] = id
    n[at++] = revision
    n[at++] = sub
    n[at++] = deleted
    n[at++] = created
    n[at++] = version
    n[at++] = lease
    n[at++] = isRecent ? time : 0
    n[at++] = value.byteLength
    n[at++] = key.length
    n[at++] = isRecent ? user.length : 0
    n[at++] = isRecent ? request.length : 0
    this.#keys.push(key)
    if (isRecent) this.#causes += user + request
    this.#values.push(value)
    this.#bytes += value.byteLength
    if (this.#values.length === rowsAtOnce || this.#bytes > bytesAtOnce) this.flush()
  }

  flush(): void {
    const values = new Uint8Array(this.#bytes)
    let offset = 0
    for (const value of this.#values) {
      values.set(value, offset)
      offset += value.byteLength
    }
    const numbers = this.#numbers.slice(0, this.#values.length * width)
    const [keys, causes] = [this.#keys, this.#causes]
    this.#keys = []
    this.#causes = ''
    this.#values = []
    this.#bytes = 0
    this.#take({ keys, causes, numbers, values })
  }
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
