/**
 * The revisioned state in memory that the engines share: every key's versions since the last compaction, of which those
 * up to `durable` are visible to readers and the rest are decided but may still be undone.
 */
import { SortedMap } from './sorted-map.ts'
import {
  type Cause,
  type Compare,
  type Operation,
  type OperationResult,
  type RangeRequest,
  type RangeResult,
  type Row,
  StoreError,
  type StoreEvent,
  type Txn,
  type TxnResult,
} from './store.ts'
import { checkBranches, holds } from './txn.ts'

/** One write of one key. */
export interface Version {
  readonly row: Row
  readonly deleted: boolean
  /** The write before it, unless compacted. */
  previous: Version | undefined
  /** Number of the write over the life of the store. */
  readonly sequence: number
  /** Forgotten with the compaction: nobody can ask any more. */
  cause: Cause | undefined
}

export interface Decision {
  readonly result: TxnResult
  /** In order of `subRevision`; empty where nothing is written. */
  readonly writes: readonly Version[]
}

/** Where a txn's writes go. */
interface Into {
  readonly writes: Version[]
  readonly cause: Cause
}

type Span = Pick<RangeRequest, 'key' | 'end' | 'limit' | 'countOnly' | 'keysOnly'>

const nothing = new Uint8Array()

/** etcd's first revision: that of the empty store. */
export const firstRevision = 1

/** Invariant: compactRevision <= durable <= revision, and a version above `durable` is in the undo list. */
export class Ledger {
  #keys = new SortedMap<Version, Summary>(summaryOf)
  #leased = new Map<number, Set<string>>()
  /** Writes above `durable`, oldest first. */
  #unsettled: Version[] = []
  /** Durable events at or above `compactRevision`, in order. */
  #events: StoreEvent[] = []
  #revision = firstRevision
  #durable = firstRevision
  #compactRevision = 0
  #sequence = 0
  /** Found while restoring, and not to be kept. */
  #forgotten: Version[] = []

  /** Of the newest decided write. */
  get revision(): number {
    return this.#revision
  }

  /** Of the newest write that readers see. */
  get durable(): number {
    return this.#durable
  }

  get compactRevision(): number {
    return this.#compactRevision
  }

  /** Decides the txn against the newest decided state and applies it there. Throws before anything is changed. */
  decide(txn: Txn, leaseExists: (id: number) => boolean): Decision {
    checkBranches(txn)
    const succeeded = txn.compare.every((compare) => this.#holds(compare))
    const operations = succeeded ? txn.success : (txn.failure ?? [])
    for (const operation of operations) {
      if (operation.op === 'put' && operation.lease && !leaseExists(operation.lease)) throw leaseNotFound(operation.lease)
    }
    const writes: Version[] = []
    const results = operations.map((operation) => this.#perform(operation, { writes, cause: txn.cause }))
    if (writes.length > 0) this.#revision++
    return { result: { succeeded, revision: this.#revision, results }, writes }
  }

  /** Makes everything decided up to `revision` visible and answers its events. */
  settle(revision: number): StoreEvent[] {
    const settled = this.#unsettled.findIndex((version) => version.row.revision > revision)
    const versions = this.#unsettled.splice(0, settled < 0 ? this.#unsettled.length : settled)
    const events = versions.map(eventOf)
    for (const event of events) this.#events.push(event)
    this.#durable = Math.max(this.#durable, revision)
    return events
  }

  /** Takes back what was decided after `revision` and is not settled. */
  undo(revision = this.#durable): void {
    for (let version = this.#unsettled.at(-1); version && version.row.revision > revision; version = this.#unsettled.at(-1)) {
      this.#unsettled.pop()
      const { key } = version.row
      this.#detach(version.row)
      if (version.previous) {
        this.#keys.set(key, version.previous)
        this.#attach(version.previous.row)
      } else this.#keys.delete(key)
    }
    this.#revision = revision
  }

  /** What readers see of one key now. */
  at(key: string): Row | undefined {
    return rowAt(this.#keys.get(key), this.#durable)
  }

  /** What readers see at `revision`, by default the newest durable one. */
  range({ revision, ...span }: RangeRequest): RangeResult {
    const at = revision || this.#durable
    if (at > this.#durable) throw new StoreError('FutureRevision', 'required revision is a future revision')
    if (at < this.#compactRevision) throw compacted()
    return { ...this.#read(span, at), revision: this.#durable }
  }

  /** Keys that the newest decided state attaches to a lease, sorted. */
  keysOf(lease: number): string[] {
    return [...(this.#leased.get(lease) ?? [])].sort()
  }

  /** Leases that the newest decided state attaches keys to. */
  get leased(): number[] {
    return [...this.#leased.keys()]
  }

  /** Durable events from `revision` on, or undefined where some are compacted. */
  eventsFrom(revision: number): StoreEvent[] | undefined {
    if (revision < this.#compactRevision) return undefined
    return this.#events.slice(this.#firstEvent(revision))
  }

  /** The revision before which half of the events lie that the ledger keeps. */
  get middle(): number {
    return this.#events[this.#events.length >> 1]?.row.revision ?? this.#durable
  }

  /** Forgets what was overwritten or deleted at or before `revision`; answers what was forgotten. */
  compact(revision: number): Version[] {
    if (revision <= this.#compactRevision) throw compacted()
    if (revision > this.#durable) throw new StoreError('FutureRevision', 'required revision is a future revision')
    const forgotten: Version[] = []
    const end = this.#firstEvent(revision + 1)
    for (const event of this.#events.slice(0, end)) this.#prune(event.row.key, revision, forgotten)
    const kept = this.#firstEvent(revision)
    for (let i = kept; i < end; i++) this.#events[i] = withoutPrevious(this.#events[i] as StoreEvent)
    this.#events.splice(0, kept)
    this.#compactRevision = revision
    return forgotten
  }

  /** Comes before `restore`: what the log holds of writes that are compacted is not taken in. */
  beginRestoring(compactRevision: number): void {
    this.#compactRevision = compactRevision
  }

  /** Puts back a write from the engine's log, oldest first, before anything is decided. */
  restore(row: Row, { deleted, sequence, cause }: { deleted: boolean; sequence: number; cause?: Cause | undefined }): void {
    const compacted = this.#compactRevision
    let previous = this.#keys.get(row.key)
    if (previous) {
      this.#detach(previous.row)
      const isBuried = previous.deleted && previous.row.revision < compacted
      if (row.revision <= compacted && !isBuried) this.#forgotten.push(previous)
      if (row.revision <= compacted || isBuried) previous = undefined
    }
    const version: Version = { row, deleted, sequence, cause: row.revision < compacted ? undefined : cause, previous }
    this.#keys.set(row.key, version)
    this.#attach(row)
    if (row.revision >= compacted) this.#unsettled.push(version)
    else if (deleted) this.#forgotten.push(version)
    if (row.revision > this.#revision) this.#revision = row.revision
    if (sequence > this.#sequence) this.#sequence = sequence
  }

  /** Ends the restoring; answers versions that a compaction cut short had left in the log. */
  restored({ revision, sequence }: { revision: number; sequence: number }): Version[] {
    const forgotten = this.#forgotten
    this.#forgotten = []
    for (const version of forgotten) if (this.#keys.get(version.row.key) === version) this.#keys.delete(version.row.key)
    this.#revision = Math.max(this.#revision, revision)
    this.#sequence = Math.max(this.#sequence, sequence)
    this.settle(this.#revision)
    return forgotten
  }

  #perform(operation: Operation, into: Into): OperationResult {
    if (operation.op === 'range') return { op: 'range', ...this.#read(operation, this.#revision + 1) }
    if (operation.op === 'put') {
      const { key, value, lease = 0 } = operation
      const previous = this.#newest(key)
      const createRevision = previous?.createRevision ?? this.#revision + 1
      const version = (previous?.version ?? 0) + 1
      this.#write({ key, value, createRevision, version, lease }, false, into)
      return { op: 'put', ...(previous && { previous }) }
    }
    const { rows } = this.#read(
      { key: operation.key, ...(operation.end !== undefined && { end: operation.end }) },
      this.#revision + 1,
    )
    for (const { key } of rows) this.#write({ key, value: nothing, createRevision: 0, version: 0, lease: 0 }, true, into)
    return { op: 'delete', deleted: rows }
  }

  #write(content: Omit<Row, 'revision' | 'subRevision'>, deleted: boolean, { writes, cause }: Into): void {
    const { key, value, createRevision, version, lease } = content
    const row: Row = { key, value, revision: this.#revision + 1, subRevision: writes.length, createRevision, version, lease }
    const written: Version = { row, deleted, previous: this.#keys.get(key), sequence: ++this.#sequence, cause }
    if (written.previous) this.#detach(written.previous.row)
    this.#attach(row)
    this.#keys.set(key, written)
    this.#unsettled.push(written)
    writes.push(written)
  }

  #holds(compare: Compare): boolean {
    const { key, end } = compare
    if (end === undefined) return holds(compare, this.#newest(key))
    const { rows } = this.#read({ key, end }, this.#revision + 1)
    return rows.length === 0 ? holds(compare, undefined) : rows.every((row) => holds(compare, row))
  }

  #newest(key: string): Row | undefined {
    const version = this.#keys.get(key)
    return version && !version.deleted ? version.row : undefined
  }

  #read({ key, end, limit = 0, countOnly, keysOnly }: Span, at: number): { rows: Row[]; more: boolean; count: number } {
    const shown = (row: Row) => (keysOnly ? { ...row, value: nothing } : row)
    if (end === undefined) {
      const row = rowAt(this.#keys.get(key), at)
      return { rows: row && !countOnly ? [shown(row)] : [], more: false, count: row ? 1 : 0 }
    }
    if (countOnly) return { rows: [], more: false, count: this.#count(key, end, at) }
    const rows: Row[] = []
    let rest: string | undefined
    this.#keys.scan(key, end, (head, found) => {
      const row = rowAt(head, at)
      if (!row) return true
      if (limit > 0 && rows.length === limit) rest = found
      else rows.push(shown(row))
      return rest === undefined
    })
    const more = rest === undefined ? 0 : this.#count(rest, end, at)
    return { rows, more: more > 0, count: rows.length + more }
  }

  /** Without a look at each key, where nothing was written to its neighbours after `at`: a page would cost as much as all pages. */
  #count(key: string, end: string, at: number): number {
    let count = 0
    this.#keys.fold(key, end, {
      many: ({ newest, alive }) => {
        if (newest > at) return false
        count += alive
        return true
      },
      one: (head) => {
        if (rowAt(head, at)) count++
      },
    })
    return count
  }

  #prune(key: string, revision: number, forgotten: Version[]): void {
    let after: Version | undefined
    let version = this.#keys.get(key)
    while (version && version.row.revision > revision) {
      after = version
      version = version.previous
    }
    if (!version) return
    for (let old = version.previous; old; old = old.previous) forgotten.push(old)
    version.previous = undefined
    if (version.row.revision < revision) version.cause = undefined
    // A deletion at the very revision is still delivered to a watch from there, as by etcd, and goes with the next compaction.
    if (!version.deleted || version.row.revision === revision) return
    forgotten.push(version)
    if (after) after.previous = undefined
    else this.#keys.delete(key)
  }

  #firstEvent(revision: number): number {
    let low = 0
    let high = this.#events.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#events[middle] as StoreEvent).row.revision < revision) low = middle + 1
      else high = middle
    }
    return low
  }

  #attach({ lease, key }: Row): void {
    if (!lease) return
    const keys = this.#leased.get(lease)
    if (keys) keys.add(key)
    else this.#leased.set(lease, new Set([key]))
  }

  #detach({ lease, key }: Row): void {
    if (!lease) return
    const keys = this.#leased.get(lease)
    keys?.delete(key)
    if (keys?.size === 0) this.#leased.delete(lease)
  }
}

/** Of neighbouring keys. */
interface Summary {
  /** Revision of the newest write of any of them. */
  readonly newest: number
  /** Those that are there after it. */
  readonly alive: number
}

function summaryOf(heads: Iterable<Version>): Summary {
  let newest = 0
  let alive = 0
  for (const { row, deleted } of heads) {
    if (row.revision > newest) newest = row.revision
    if (!deleted) alive++
  }
  return { newest, alive }
}

function rowAt(head: Version | undefined, revision: number): Row | undefined {
  let version = head
  while (version && version.row.revision > revision) version = version.previous
  return version && !version.deleted ? version.row : undefined
}

function eventOf({ row, deleted, previous, cause }: Version): StoreEvent {
  const type = deleted ? 'delete' : 'put'
  return { type, row, ...(previous && !previous.deleted && { previous: previous.row }), ...(cause && { cause }) }
}

function withoutPrevious({ previous: _, ...event }: StoreEvent): StoreEvent {
  return event
}

function compacted(): StoreError {
  return new StoreError('Compacted', 'required revision has been compacted')
}

export function leaseNotFound(id: number): StoreError {
  return new StoreError('LeaseNotFound', `requested lease not found: ${id}`)
}
