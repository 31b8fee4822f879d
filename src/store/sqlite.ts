/**
 * The embedded default engine: SQLite (WAL, synchronous=FULL) in a worker thread, which is sent whole groups of writes.
 *
 * Conflicts are decided here, in memory, against the newest decided state; while one group is being committed the next
 * collects. What a group decided is answered, and seen by readers and watchers, when it is durable.
 */
import type { Clock, Timer } from '#lib/clock.ts'
import { atEndOfTurn } from '#lib/turn.ts'
import { deletionOf, Leases } from './leases.ts'
import { type Decision, Ledger, type Version } from './ledger.ts'
import { DamagedStoreError } from './sqlite-damage.ts'
import type { LeaseChange } from './sqlite-facts.ts'
import { lockFile } from './sqlite-file.ts'
import { endRestoring, type Loaded, restoreRows } from './sqlite-load.ts'
import { type SqliteLog, startLog } from './sqlite-log.ts'
import type { Head } from './sqlite-messages.ts'
import {
  hasCode,
  type Lease,
  type RangeRequest,
  type RangeResult,
  type Row,
  type Store,
  StoreError,
  type StoreStatus,
  type Txn,
  type TxnResult,
  type WatchBatch,
  type WatchRequest,
} from './store.ts'
import { WatchHub } from './watch-hub.ts'

export interface SqliteOptions {
  /** Of the database; files of this name with `-wal`, `-shm`, `-lock`, `-reserve` lie beside it. */
  readonly path: string
  readonly clock: Clock
  /** After it the store answers nothing more. Default: throws where nobody catches, which ends the process. */
  readonly onFatal?: (error: Error) => void
  /** The file may not grow beyond this many bytes; default: as far as the disk goes. */
  readonly maxBytes?: number
  /** Kept free for deletions when the disk is full, and for the write-ahead log to be copied; default 16 MB. */
  readonly reserveBytes?: number
  /** Written to the write-ahead log before it is copied into the database, in the background; default 4 MB. */
  readonly checkpointBytes?: number
  /** A revision that is known to have been durable: a file that does not reach it has lost writes. Asked for when the file is read. */
  readonly atLeast?: number | Promise<number>
  /** Overwritten versions kept in memory; beyond it the store compacts the older half by itself. Default 256 MB. */
  readonly recentBytes?: number
}

/** Throws where the file is of a newer format, is no store, or is in use; `DamagedStoreError` where it is not what was written. */
export async function openSqliteStore(options: SqliteOptions): Promise<Store> {
  const { path, maxBytes = 0, reserveBytes = 16 << 20, checkpointBytes = 4 << 20 } = options
  const lock = lockFile(path)
  try {
    const log = startLog({ path, maxBytes, reserveBytes, checkpointBytes }, options.onFatal ?? crash)
    try {
      const ledger = new Ledger()
      const loaded = await load(log, ledger, path)
      checkReach(path, ledger, await options.atLeast)
      await log.open()
      return new SqliteStore(options, { ledger, log, loaded, release: () => lock.close() })
    } catch (error) {
      await log.abandon()
      throw error
    }
  } catch (error) {
    lock.close()
    throw error
  }
}

async function load(log: SqliteLog, ledger: Ledger, path: string): Promise<Loaded> {
  let head: Head | undefined
  await log.load((found) => {
    if (found.type === 'rows') return restoreRows(ledger, found.rows)
    head = found.head
    ledger.beginRestoring(head.compactRevision)
  })
  return endRestoring(ledger, head as Head, path)
}

function checkReach(path: string, { durable }: Ledger, atLeast = 0): void {
  if (durable >= atLeast) return
  throw new DamagedStoreError(path, [`it ends at revision ${durable}, but revision ${atLeast} was acknowledged`])
}

/** Nothing true can be said after the durable log has failed. */
function crash(error: Error): void {
  queueMicrotask(() => {
    throw error
  })
}

interface Group {
  readonly writes: Version[]
  readonly leases: LeaseChange[]
  readonly waiting: { readonly resolve: () => void; readonly reject: (error: Error) => void }[]
  /** The newest revision decided in it. */
  revision: number
}

const probePeriod = 5000

/** What this thread takes for a write, in milliseconds, about. */
const perWrite = 0.012
/** Fewer writes are not worth a group of their own while another is under way. */
const fewWrites = 32

/** Invariant: what is decided and not durable is in `#committing`, in order, or, decided after it, in `#collecting`. */
class SqliteStore implements Store {
  #clock: Clock
  #options: SqliteOptions
  #ledger: Ledger
  #log: SqliteLog
  #hub: WatchHub
  #leases: Leases
  #release: () => void
  #collecting: Group | undefined
  #committing: Group[] = []
  #scheduled = false
  /** Size of the group sent last. */
  #size = 0
  /** Raised when groups are undone: the worker refuses those sent before. */
  #epoch = 0
  /** Bytes of overwritten versions in memory. */
  #recent = 0
  /** Set while the disk is full: only deletions are let through. */
  #full: Timer | undefined
  #closed: Promise<void> | undefined
  #hasLease = (id: number) => this.#leases.has(id)
  #idle: (() => void) | undefined

  constructor(
    options: SqliteOptions,
    { ledger, log, loaded, release }: { ledger: Ledger; log: SqliteLog; loaded: Loaded; release: () => void },
  ) {
    this.#options = options
    this.#clock = options.clock
    this.#ledger = ledger
    this.#log = log
    this.#hub = new WatchHub(ledger)
    this.#release = release
    this.#leases = new Leases(options.clock, (id) => this.#expire(id))
    for (const lease of loaded.leases) this.#leases.restore(lease)
    this.#leases.skipTo(loaded.lastLease)
    if (loaded.forgotten.length > 0) void this.#forget(loaded.forgotten)
  }

  /** Without `async`, whose own promise and turns of microtasks each write would pay for. */
  txn(request: Txn): Promise<TxnResult> {
    try {
      this.#checkOpen()
      const before = this.#ledger.revision
      const decision = this.#ledger.decide(request, this.#hasLease)
      this.#checkSpace(decision.writes, before)
      return this.#durable((group) => this.#add(group, decision), decision.result)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async range(request: RangeRequest): Promise<RangeResult> {
    this.#checkOpen()
    return this.#ledger.range(request)
  }

  peek(key: string): Row | undefined {
    this.#checkOpen()
    return this.#ledger.at(key)
  }

  revision(): number {
    this.#checkOpen()
    return this.#ledger.durable
  }

  watch(request: WatchRequest, onBatch: (batch: WatchBatch) => void): void {
    this.#checkOpen()
    this.#hub.watch(request, onBatch)
  }

  async requestProgress(): Promise<void> {
    this.#checkOpen()
    this.#hub.askProgress()
  }

  async compact(revision: number): Promise<void> {
    this.#checkOpen()
    const forgotten = this.#ledger.compact(revision)
    if (!(await this.#forget(forgotten))) throw noSpace()
  }

  async status(): Promise<StoreStatus> {
    this.#checkOpen()
    const { durable, compactRevision } = this.#ledger
    const { bytes } = this.#log
    return { revision: durable, compactRevision, bytes, ...(this.#full && { alarm: 'NoSpace' as const }) }
  }

  async grantLease(ttlSeconds: number, id?: number): Promise<Lease> {
    this.#checkOpen()
    if (this.#full) throw noSpace()
    const lease = this.#leases.grant(ttlSeconds, id)
    return this.#durable((group) => group.leases.push({ ...lease, ended: false }), lease)
  }

  async keepAliveLease(id: number): Promise<Lease> {
    this.#checkOpen()
    return this.#leases.keepAlive(id)
  }

  async revokeLease(id: number): Promise<void> {
    this.#checkOpen()
    const lease = this.#leases.remove(id)
    const request = deletionOf(this.#ledger.keysOf(id), this.#clock)
    const decision = this.#ledger.decide(request, () => true)
    await this.#durable((group) => {
      group.leases.push({ ...lease, ended: true })
      this.#add(group, decision)
    }, undefined)
  }

  async leases(): Promise<readonly Lease[]> {
    this.#checkOpen()
    return this.#leases.all()
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#full?.cancel()
    this.#leases.close()
    const owing = this.#committing.length > 0 || this.#collecting
    if (owing && !this.#log.failed) await new Promise<void>((resolve) => (this.#idle = resolve))
    this.#hub.close()
    await this.#log.close()
    this.#release()
  }

  /** Resolves with the answer when what was decided until now, and what `add` puts into the group, cannot be undone. */
  #durable<T>(add: (group: Group) => void, answer: T): Promise<T> {
    const group = this.#collecting ?? { writes: [], leases: [], waiting: [], revision: this.#ledger.durable }
    add(group)
    const empty = group.writes.length + group.leases.length === 0
    const waitFor = empty ? this.#committing.at(-1) : group
    if (!waitFor) return Promise.resolve(answer)
    return new Promise((resolve, reject) => {
      waitFor.waiting.push({ resolve: () => resolve(answer), reject })
      if (empty) return
      this.#collecting = group
      if (this.#depth > 1 && group.writes.length >= Math.max(fewWrites, this.#size / 2)) this.#send()
      else this.#schedule()
    })
  }

  #add(group: Group, { result, writes }: Decision): void {
    for (const version of writes) {
      group.writes.push(version)
      this.#recent += version.previous?.row.value.byteLength ?? 0
    }
    if (writes.length > 0) group.revision = result.revision
  }

  /** What comes in the same turn of the loop goes into the same group: a group costs this thread as much as several writes. */
  #schedule(): void {
    if (this.#scheduled || this.#committing.length > 0) return
    this.#scheduled = true
    atEndOfTurn(() => {
      this.#scheduled = false
      if (this.#committing.length === 0) this.#send()
    })
  }

  /**
   * Groups at the worker. With a second one waiting there it need not wait for this thread; but those who write again when they are
   * answered then share two commits among them. Where the disk is slower than this thread, one commit of all is better.
   */
  get #depth(): 1 | 2 {
    const writes = this.#size + (this.#collecting?.writes.length ?? 0)
    return this.#log.slowness < writes * perWrite ? 2 : 1
  }

  #send(): void {
    const group = this.#collecting
    if (!group || this.#committing.length >= this.#depth) return
    this.#collecting = undefined
    this.#committing.push(group)
    this.#size = group.writes.length
    void this.#commit(group)
  }

  async #commit(group: Group): Promise<void> {
    const { writes, leases } = group
    const commit = { writes, leases, urgent: this.#full !== undefined, epoch: this.#epoch }
    const written = await this.#log.commit(commit)
    // Undone with the group before it.
    if (this.#committing[0] !== group) return
    if (written) this.#settle(group)
    else this.#undo()
    if (this.#collecting) this.#schedule()
    else if (this.#committing.length === 0) this.#idle?.()
  }

  #settle({ revision, waiting }: Group): void {
    this.#committing.shift()
    this.#hub.publish(this.#ledger.settle(revision))
    for (const { resolve } of waiting) resolve()
    if (this.#recent > (this.#options.recentBytes ?? 256 << 20)) this.#forgetHalf()
  }

  /** The disk is full: takes back everything that is not durable. */
  #undo(): void {
    const groups = this.#collecting ? [...this.#committing, this.#collecting] : this.#committing
    this.#committing = []
    this.#collecting = undefined
    this.#epoch++
    this.#ledger.undo()
    for (const lease of groups.flatMap(({ leases }) => leases).reverse()) {
      if (lease.ended) this.#leases.restore(lease)
      else this.#leases.remove(lease.id)
    }
    for (const { previous } of groups.flatMap(({ writes }) => writes)) this.#recent -= previous?.row.value.byteLength ?? 0
    for (const { reject } of groups.flatMap(({ waiting }) => waiting)) reject(noSpace())
    this.#full ??= this.#clock.after(probePeriod, () => void this.#lookForSpace())
  }

  #checkSpace(writes: readonly Version[], before: number): void {
    if (!this.#full || writes.every(({ deleted }) => deleted)) return
    this.#ledger.undo(before)
    throw noSpace()
  }

  /** While the disk is full no old version is worth more than the next write, so all of them go. */
  async #lookForSpace(): Promise<void> {
    const { durable, compactRevision } = this.#ledger
    if (durable > compactRevision) await this.#forget(this.#ledger.compact(durable))
    const found = await this.#log.probe()
    if (this.#closed) return
    this.#full = found ? undefined : this.#clock.after(probePeriod, () => void this.#lookForSpace())
  }

  async #forget(forgotten: readonly Version[]): Promise<boolean> {
    for (const { row } of forgotten) this.#recent -= row.value.byteLength
    const { compactRevision: revision, durable: newest } = this.#ledger
    return this.#log.compact({ revision, newest, forgotten: Float64Array.from(forgotten, ({ sequence }) => sequence) })
  }

  /** Old versions have outgrown the memory meant for them; readers of the oldest must start anew. */
  #forgetHalf(): void {
    const revision = this.#ledger.middle
    if (revision > this.#ledger.compactRevision) void this.#forget(this.#ledger.compact(revision))
  }

  #expire(id: number): void {
    this.revokeLease(id).catch((error) => {
      // The group was undone and the lease with it: it runs again, and out again.
      if (!hasCode(error, 'NoSpace') && !hasCode(error, 'Closed')) throw error
    })
  }

  #checkOpen(): void {
    if (this.#closed) throw new StoreError('Closed', 'the store is closed')
  }
}

function noSpace(): StoreError {
  return new StoreError('NoSpace', 'the store has no space left: only deletions are accepted until there is some again')
}
