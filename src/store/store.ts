/**
 * The store: one revisioned log of keys and bytes with etcd's contract. It knows nothing of objects.
 * `conformance.ts` is this contract as a test suite; every engine runs it.
 *
 * Guarantees
 * - One revision counter. Each successful `txn` that writes takes the next revision; its writes are numbered by
 *   `subRevision` in order. A txn that writes nothing takes none.
 * - Durable before acknowledged: `txn` resolves, and readers and watchers see the write, only when a crash cannot undo
 *   it. A comparison that failed against a write not yet durable is answered only once that write is.
 * - Reads are linearizable: a `range` begun after a `txn` resolved sees it.
 * - A watch delivers every event of its range once, in order of (revision, subRevision), all events of one revision in
 *   one batch, and says `compacted` rather than leave a gap.
 *
 * Failures: a full disk rejects writes with `StoreError('NoSpace')` and keeps serving reads; any other I/O error of the
 * durable log ends the process, since nothing true can be said afterwards.
 */

/** A stored key. `value` is shared and must not be changed. */
export interface Row {
  readonly key: string
  readonly value: Uint8Array
  /** Revision of the last write. */
  readonly revision: number
  /** Position of that write within its txn, from 0. */
  readonly subRevision: number
  /** Revision at which the key last came into being. */
  readonly createRevision: number
  /** Writes since then, from 1. */
  readonly version: number
  /** Lease id, 0 without one. */
  readonly lease: number
  /** The stored form is not the one that a write would give it now (another encryption key): to be written even if unchanged. */
  readonly isStale?: true
}

/** Who causes a write: kept in the history. Never holds secrets. */
export interface Cause {
  readonly user: string
  /** Milliseconds since the epoch. */
  readonly time: number
  /** The request's audit id, or the name of an internal task. */
  readonly request: string
}

/** Revision 0 stands for "does not exist". */
export interface Compare {
  readonly key: string
  /** It must hold for every row of the range; where there is none, for one that does not exist. */
  readonly end?: string
  readonly target: 'revision' | 'createRevision' | 'version' | 'lease' | 'value'
  readonly op: '=' | '!=' | '<' | '>'
  readonly operand: number | Uint8Array
}

export type Operation =
  | { readonly op: 'put'; readonly key: string; readonly value: Uint8Array; readonly lease?: number }
  | { readonly op: 'delete'; readonly key: string; readonly end?: string }
  | { readonly op: 'range'; readonly key: string; readonly end?: string; readonly limit?: number }

export interface Txn {
  readonly compare: readonly Compare[]
  readonly success: readonly Operation[]
  readonly failure?: readonly Operation[]
  readonly cause: Cause
}

export type OperationResult =
  | { readonly op: 'put'; readonly previous?: Row }
  | { readonly op: 'delete'; readonly deleted: readonly Row[] }
  | { readonly op: 'range'; readonly rows: readonly Row[]; readonly more: boolean; readonly count: number }

export interface TxnResult {
  readonly succeeded: boolean
  /** The store's revision after the txn: its own where it wrote. */
  readonly revision: number
  readonly results: readonly OperationResult[]
}

/** Keys are compared by their UTF-8 bytes. Without `end` the range is the one key; `prefixEnd(key)` gives all below it. */
export interface RangeRequest {
  readonly key: string
  readonly end?: string
  /** 0 or absent: all. */
  readonly limit?: number
  /** Read as of this revision; absent: the newest. */
  readonly revision?: number
  readonly countOnly?: boolean
  readonly keysOnly?: boolean
}

export interface RangeResult {
  readonly rows: readonly Row[]
  /** The store's newest revision when the read was made. */
  readonly revision: number
  /** Whether rows beyond `limit` exist. */
  readonly more: boolean
  /** Keys in the range, without regard to `limit`. */
  readonly count: number
}

export interface StoreEvent {
  readonly type: 'put' | 'delete'
  /** For a delete: the key, the revision of the deletion, and an empty value. */
  readonly row: Row
  /** The row before, where there was one and it is not compacted. */
  readonly previous?: Row
  /** Who wrote it, where the engine still knows. */
  readonly cause?: Cause
}

export type WatchBatch =
  | { readonly type: 'events'; readonly events: readonly StoreEvent[]; readonly revision: number }
  /** Everything up to `revision` has been delivered. */
  | { readonly type: 'progress'; readonly revision: number }
  /** The asked revision is gone; the watch ends. */
  | { readonly type: 'compacted'; readonly compactRevision: number }

export interface WatchRequest {
  readonly key: string
  readonly end?: string
  /** First revision to deliver; absent: the one after now. */
  readonly from?: number
  readonly signal: AbortSignal
}

export interface Lease {
  readonly id: number
  /** Seconds. */
  readonly ttl: number
  /** Seconds left; told by `leases` alone. */
  readonly remaining?: number
}

export interface StoreStatus {
  /** Of the newest durable write. */
  readonly revision: number
  /** Of the last compaction. */
  readonly compactRevision: number
  /** Size of what is kept. */
  readonly bytes: number
  /** Why writes other than deletions are refused, while they are. */
  readonly alarm?: 'NoSpace'
}

export interface Store {
  txn(request: Txn): Promise<TxnResult>
  range(request: RangeRequest): Promise<RangeResult>
  /** The same for the newest state of one key, at once: for engines that hold their state in this process. */
  peek?(key: string): Row | undefined
  /** Of the newest durable write, at once: for the same engines. */
  revision?(): number
  /**
   * Batches as they become durable; several revisions may share one batch. `onBatch` is called synchronously, never
   * before `watch` returns, and not after the signal is aborted.
   */
  watch(request: WatchRequest, onBatch: (batch: WatchBatch) => void): void
  /** Asks that every watch be told, by a progress batch, that it is current. */
  requestProgress(): Promise<void>
  /** Forgets what was overwritten or deleted at or before `revision`. */
  compact(revision: number): Promise<void>
  status(): Promise<StoreStatus>
  /** Without `id` the engine chooses one that was never used; throws `StoreError('LeaseExists')`. */
  grantLease(ttlSeconds: number, id?: number): Promise<Lease>
  /** Resets the time to live; throws `StoreError('LeaseNotFound')`. */
  keepAliveLease(id: number): Promise<Lease>
  /** Deletes the lease and, in one revision, the keys attached to it. */
  revokeLease(id: number): Promise<void>
  /** All that are running, by id. */
  leases(): Promise<readonly Lease[]>
  close(): Promise<void>
}

export type StoreErrorCode =
  /** The asked revision is compacted. */
  | 'Compacted'
  /** The asked revision does not exist yet. */
  | 'FutureRevision'
  | 'NoSpace'
  | 'LeaseNotFound'
  | 'LeaseExists'
  /** The same key is written twice in one txn. */
  | 'DuplicateKey'
  | 'Closed'

export class StoreError extends Error {
  readonly code: StoreErrorCode

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StoreError'
    this.code = code
  }
}

export function hasCode(error: unknown, code: StoreErrorCode): error is StoreError {
  return error instanceof StoreError && error.code === code
}

/** All keys there are; etcd knows no empty one. */
export const everyKey = { key: '\u0000', end: '\u{10ffff}' } as const

/** The end of the range of all keys that begin with `prefix`, which is ASCII. */
export function prefixEnd(prefix: string): string {
  const last = prefix.charCodeAt(prefix.length - 1)
  return prefix.slice(0, -1) + String.fromCharCode(last + 1)
}

type Written = Promise<{ ok: boolean; revision: number; current?: Row }>

/** Creates `key`, or tells what stands there. */
export function create(store: Store, row: { key: string; value: Uint8Array; lease?: number }, cause: Cause): Written {
  const put: Operation = { op: 'put', ...row }
  return guarded(store, { key: row.key, target: 'createRevision', op: '=', operand: 0 }, { write: put, cause })
}

/** Overwrites `key` if its last write was `revision`. */
export function update(
  store: Store,
  row: { key: string; value: Uint8Array; lease?: number; revision: number },
  cause: Cause,
): Written {
  const { revision, ...rest } = row
  return guarded(
    store,
    { key: row.key, target: 'revision', op: '=', operand: revision },
    { write: { op: 'put', ...rest }, cause },
  )
}

/** Deletes `key` if its last write was `revision`. */
export function remove(store: Store, row: { key: string; revision: number }, cause: Cause): Written {
  const write: Operation = { op: 'delete', key: row.key }
  return guarded(store, { key: row.key, target: 'revision', op: '=', operand: row.revision }, { write, cause })
}

async function guarded(store: Store, compare: Compare, { write, cause }: { write: Operation; cause: Cause }): Written {
  const result = await store.txn({ compare: [compare], success: [write], failure: [{ op: 'range', key: compare.key }], cause })
  if (result.succeeded) return { ok: true, revision: result.revision }
  const [read] = result.results
  const current = read?.op === 'range' ? read.rows[0] : undefined
  return { ok: false, revision: result.revision, ...(current && { current }) }
}
