/** The worker thread of the sqlite engine: it reads the file at the start, then commits groups of writes, each in one transaction with one fsync. */
import { existsSync, rmSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { type MessagePort, parentPort, Worker, workerData } from 'node:worker_threads'
import { type Clock, systemClock } from '#lib/clock.ts'
import { addSum, checksumOf } from './sqlite-checksum.ts'
import { type Facts, meta, noteFacts, noteLeases } from './sqlite-facts.ts'
import { pragma, totalOf } from './sqlite-file.ts'
import { diskFull, isFull, writeZeros } from './sqlite-full.ts'
import { sendFile } from './sqlite-load.ts'
import {
  type Answer,
  type CheckpointerOptions,
  copying,
  type Packed,
  paused,
  type Request,
  type WorkerOptions,
  width,
} from './sqlite-messages.ts'

/** How few frames may be left over for the copying to be finished between two commits. */
const fewFrames = 1024

const measureAfter = 64 << 10

/** Versions dropped between two commits, at least and at most, and pages given back. */
const [chunk, largeChunk] = [500, 5000]
const freePages = 4096

/** What must fit on a disk beside the reserve before it counts as having space. */
const probeBytes = 1 << 20

const insertRow = 'INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'
const dropRows = 'DELETE FROM log WHERE id IN (SELECT value FROM json_each(?)) RETURNING crc'

class Committer {
  #options: WorkerOptions
  #port: MessagePort
  #database: DatabaseSync
  #begin: StatementSync
  #commitAll: StatementSync
  #insert: StatementSync
  #drop: StatementSync
  #pages: StatementSync
  #pageSize: number
  #checkpointer: Worker | undefined
  #checkpointing = false
  /** See `CheckpointerOptions`. */
  #signals = new Int32Array(new SharedArrayBuffer(8))
  /** Written to the log since the last checkpoint began. */
  #written = 0
  /** Written to the log since all of it was copied: never more than the reserve, so that the reserve is enough to copy it. */
  #uncopied = 0
  /** Written since the file's size was measured. */
  #unmeasured = measureAfter
  #measured = 0
  readonly #clock: Clock
  /** Milliseconds of the last commit. */
  #took = 0
  /** Rows that wait to leave `log`. */
  #leaving: Float64Array[] = []
  /** Number and sum of everything ever written. */
  #last: { id: number; sum: number }
  #tidying = false
  /** Rows inserted since some were dropped. */
  #added = 0
  /** Whether the last thing known of the disk is that it is full. */
  #full = false
  /** Commits of this epoch and those before it are refused. */
  #endedEpoch = -1

  constructor(options: WorkerOptions, port: MessagePort, clock: Clock) {
    this.#options = options
    this.#clock = clock
    this.#port = port
    this.#database = new DatabaseSync(options.path, { timeout: 5000 })
    this.#database.exec('PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 67108864')
    this.#begin = this.#database.prepare('BEGIN IMMEDIATE')
    this.#commitAll = this.#database.prepare('COMMIT')
    this.#insert = this.#database.prepare(insertRow)
    this.#drop = this.#database.prepare(dropRows)
    this.#pages = this.#database.prepare('PRAGMA page_count')
    this.#pageSize = pragma(this.#database, 'page_size')
    const newest = this.#database.prepare('SELECT id, total FROM log ORDER BY id DESC LIMIT 1').get()
    this.#last = totalOf(this.#database, newest as { id: number; total: number } | undefined)
    this.#limitPages()
    this.#fillReserve()
    this.#say({ type: 'ready', bytes: this.#bytes() })
  }

  handle(request: Exclude<Request, { type: 'load' | 'open' }>): void {
    try {
      if (request.type === 'commit') this.#commit(request)
      else if (request.type === 'compact') this.#compact(request)
      else if (request.type === 'probe') this.#probe()
      else return this.#close()
      this.#say({ type: 'done', bytes: this.#bytes(), took: this.#took })
    } catch (error) {
      if (request.type === 'commit') this.#endedEpoch = request.epoch
      this.#fail(error)
    }
    this.#tidyLater()
  }

  #commit({ rows, leases, urgent, epoch }: Request & { type: 'commit' }): void {
    if (epoch <= this.#endedEpoch) throw diskFull()
    if (urgent && this.#full) this.#releaseReserve()
    let { id, sum } = this.#last
    this.#transactWithSpace(() => {
      ;({ id, sum } = this.#insertRows(rows))
      noteLeases(this.#database, leases)
    })
    this.#last = { id, sum }
    const count = rows.numbers.length / width
    this.#added += count
    // Each commit rewrites a few whole pages, however little it writes.
    const written = rows.values.byteLength + count * 200 + 3 * this.#pageSize
    this.#written += written
    this.#unmeasured += written
    this.#uncopied += written
    const { reserveBytes, checkpointBytes } = this.#options
    if (this.#uncopied > Math.max(reserveBytes, 2 * checkpointBytes)) this.#restartLog()
    if (this.#written > checkpointBytes && !this.#full) this.#checkpoint()
  }

  /** Answers the number of the last row and the sum with all of them. Every object or string more for each row shows in the writes per second. */
  #insertRows({ text, numbers: n, values }: Packed): { id: number; sum: number } {
    let { id, sum } = this.#last
    let offset = 0
    let letter = 0
    for (let at = 0; at < n.length; at += width) {
      const [revision, sub, deleted, created] = [n[at + 1]!, n[at + 2]!, n[at + 3]!, n[at + 4]!]
      const [version, lease, time] = [n[at + 5]!, n[at + 6]!, n[at + 7]!]
      const value = values.subarray(offset, (offset += n[at + 8]!))
      const key = text.slice(letter, (letter += n[at + 9]!))
      const user = text.slice(letter, (letter += n[at + 10]!))
      const request = text.slice(letter, (letter += n[at + 11]!))
      id = n[at]!
      const crc = checksumOf({ id, revision, sub, deleted, created, version, lease, time, key, value, user, request })
      sum = addSum(sum, crc)
      this.#insert.run(id, revision, sub, key, deleted, created, version, lease, value, user, time, request, crc, sum)
    }
    return { id, sum }
  }

  #compact({ revision, newest, forgotten }: Request & { type: 'compact' }): void {
    if (this.#full) this.#releaseReserve()
    this.#transact(() => this.#note({ compactRevision: revision, revision: newest }))
    if (forgotten.length > 0) this.#leaving.push(forgotten)
  }

  #note(facts: Partial<Facts> = {}): void {
    noteFacts(this.#database, { ...facts, sequence: this.#last.id, total: this.#last.sum })
  }

  /**
   * Throws as the disk does while there is no space. The pages of forgotten versions are given back first, so that the
   * write-ahead log shrinks before it is copied: copying all of it could need more than the reserve.
   */
  #probe(): void {
    try {
      while (this.#leaving.length > 0) this.#tidy()
      while (pragma(this.#database, 'freelist_count') > 0) this.#database.exec(`PRAGMA incremental_vacuum(${chunk})`)
    } catch (error) {
      if (!isFull(error)) throw error
    }
    this.#makeRoom()
    const { maxBytes } = this.#options
    const used = (pragma(this.#database, 'page_count') - pragma(this.#database, 'freelist_count')) * this.#pageSize
    // A tenth must be free, or the store would go back and forth.
    if (maxBytes > 0 && used > maxBytes * 0.9) throw diskFull()
    if (!this.#fillReserve() || !this.#canWrite(`${this.#options.path}-probe`)) throw diskFull()
    this.#full = false
    Atomics.store(this.#signals, paused, 0)
    this.#limitPages()
  }

  /** A log that is not yet copied holds space twice: that is given back before the disk is called full. */
  #transactWithSpace(work: () => void): void {
    try {
      this.#transact(work)
    } catch (error) {
      if (this.#full || !isFull(error)) throw error
      // The reserve must not be spent on copying either.
      Atomics.store(this.#signals, paused, 1)
      if (!this.#makeRoom()) throw error
      this.#transact(work)
      Atomics.store(this.#signals, paused, 0)
    }
  }

  #transact(work: () => void): void {
    this.#begin.run()
    try {
      work()
      const start = this.#clock.monotonic()
      this.#commitAll.run()
      this.#took = this.#clock.monotonic() - start
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
  }

  #fail(error: unknown): void {
    if (isFull(error)) {
      this.#full = true
      this.#say({ type: 'full' })
      return
    }
    const { errcode, message } = error as { errcode?: number; message: string }
    this.#say({ type: 'failed', message: errcode === undefined ? message : `${message} (SQLite code ${errcode})` })
  }

  // Housekeeping: one small step at a time, when no request waits.

  #tidyLater(): void {
    if (this.#tidying || this.#leaving.length === 0) return
    this.#tidying = true
    setImmediate(() => {
      this.#tidying = false
      try {
        this.#tidy()
      } catch (error) {
        if (!isFull(error)) return this.#fail(error)
        // What is not dropped now is found again at the next start.
        this.#leaving = []
      }
      this.#tidyLater()
    })
  }

  /** Drops a chunk from the log. With the next fsync, as everything: two unfinished transactions would look like damage. */
  #tidy(): void {
    const next = this.#leaving[0]
    if (!next) return
    // Twice as fast as they come, or the file would grow for as long as the load lasts.
    const ids = next.subarray(0, Math.min(largeChunk, Math.max(chunk, 2 * this.#added)))
    this.#added = 0
    if (ids.length === next.length) this.#leaving.shift()
    else this.#leaving[0] = next.subarray(ids.length)
    this.#transact(() => {
      const dropped = this.#drop.all(JSON.stringify([...ids])) as { crc: number }[]
      const removed = dropped.reduce((sum, { crc }) => addSum(sum, crc), meta(this.#database, 'removed'))
      noteFacts(this.#database, { removed })
    })
    if (pragma(this.#database, 'freelist_count') > freePages) this.#database.exec(`PRAGMA incremental_vacuum(${chunk})`)
  }

  // The write-ahead log.

  /** A second connection does the copying, so that commits go on meanwhile. */
  #checkpoint(): void {
    if (this.#checkpointing) return
    this.#checkpointing = true
    this.#written = 0
    this.#checkpointer ??= this.#startCheckpointer()
    this.#checkpointer.postMessage('checkpoint')
  }

  #startCheckpointer(): Worker {
    const data: CheckpointerOptions = { path: this.#options.path, signals: this.#signals }
    const worker = new Worker(new URL('./sqlite-checkpointer.ts', import.meta.url), { workerData: data })
    worker.unref()
    worker.on('error', (error) => this.#fail(error))
    worker.on('message', ({ log, copied }: { log: number; copied: number }) => {
      this.#checkpointing = false
      // The log begins anew only when all of it is copied, which under load takes a checkpoint between two commits.
      if (this.#full) return
      if (log - copied <= fewFrames) this.#restartLog()
      else this.#checkpoint()
    })
    return worker
  }

  /** While a copying is under way SQLite answers at once that it is busy, whatever the timeout. */
  #awaitCopying(): void {
    while (Atomics.load(this.#signals, copying) === 1) Atomics.wait(this.#signals, copying, 1)
  }

  /** Copies the rest, so that the log begins anew in its place. */
  #restartLog(): void {
    this.#awaitCopying()
    try {
      if (pragma(this.#database, 'wal_checkpoint(RESTART)') === 0) this.#uncopied = 0
    } catch (error) {
      // Nobody asked, so nobody is answered: the next commit finds out by itself.
      if (!isFull(error)) this.#fail(error)
    }
  }

  /** The reserve lends the space for the copying, and gets it back from the log. */
  #makeRoom(): boolean {
    if (this.#truncateLog()) return true
    if (!existsSync(this.#reserve)) return false
    rmSync(this.#reserve, { force: true })
    const could = this.#truncateLog()
    this.#fillReserve()
    return could
  }

  /** Gives the log's space back; on a full disk it may not be possible, and then nothing is lost. */
  #truncateLog(): boolean {
    this.#awaitCopying()
    try {
      if (pragma(this.#database, 'wal_checkpoint(TRUNCATE)') !== 0) return false
      this.#uncopied = 0
      return true
    } catch (error) {
      if (!isFull(error)) throw error
      return false
    }
  }

  // The reserve: a file whose space deletions may use when there is no other.

  get #reserve(): string {
    return `${this.#options.path}-reserve`
  }

  /** False where there is no space for it. */
  #fillReserve(): boolean {
    if (!existsSync(this.#reserve)) writeZeros(this.#reserve, this.#options.reserveBytes)
    return existsSync(this.#reserve)
  }

  #canWrite(path: string): boolean {
    const could = writeZeros(path, probeBytes)
    rmSync(path, { force: true })
    return could
  }

  #releaseReserve(): void {
    rmSync(this.#reserve, { force: true })
    this.#limitPages(this.#options.reserveBytes)
  }

  #limitPages(more = 0): void {
    const { maxBytes } = this.#options
    if (maxBytes > 0) this.#database.exec(`PRAGMA max_page_count = ${Math.floor((maxBytes + more) / this.#pageSize)}`)
  }

  /** Asking costs as much as a row, hence not after each commit. */
  #bytes(): number {
    if (this.#unmeasured < measureAfter) return this.#measured
    this.#unmeasured = 0
    this.#measured = Number((this.#pages.get() as { page_count: number }).page_count) * this.#pageSize
    return this.#measured
  }

  #say(answer: Answer): void {
    this.#port.postMessage(answer)
  }

  #close(): void {
    this.#leaving = []
    this.#port.close()
    try {
      // After an orderly end it is known how far the log reaches.
      this.#transact(() => this.#note())
    } catch {
      // Then it is known after the next one.
    }
    void (this.#checkpointer?.terminate() ?? Promise.resolve()).then(() => this.#database.close())
  }
}

if (parentPort) {
  const [port, options] = [parentPort, workerData as WorkerOptions]
  let committer: Committer | undefined
  port.on('message', (request: Request) => {
    if (request.type === 'load') sendFile(options.path, (found, buffers) => port.postMessage(found, buffers))
    else if (request.type === 'open') committer = new Committer(options, port, systemClock)
    else committer?.handle(request)
  })
}
