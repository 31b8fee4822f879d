/** The durable log of the sqlite engine as its main thread sees it: questions to the worker, answered in order. */
import { Worker } from 'node:worker_threads'
import { atEndOfTurn } from '#lib/turn.ts'
import type { Version } from './ledger.ts'
import { DamagedStoreError } from './sqlite-damage.ts'
import type { LeaseChange } from './sqlite-facts.ts'
import { type Answer, type Found, pack, type Request, type WorkerOptions } from './sqlite-messages.ts'

export interface Commit {
  readonly writes: readonly Version[]
  readonly leases: readonly LeaseChange[]
  /** Only deletions, which may use the reserve. */
  readonly urgent: boolean
  /** See `Request`. */
  readonly epoch: number
}

/** Starts the worker, which leaves the file alone until `load`. `onFatal` is called after `open` and once at most; after it nothing is answered. */
export function startLog(options: WorkerOptions, onFatal: (error: Error) => void): SqliteLog {
  const worker = new Worker(new URL('./sqlite-worker.ts', import.meta.url), { workerData: options })
  return new SqliteLog(worker, options.path, onFatal)
}

/** Invariant: the worker keeps the process alive while it owes an answer, and only then. */
export class SqliteLog {
  #path: string
  #opened: Promise<void>
  #worker: Worker
  #onFatal: (error: Error) => void = () => {}
  #owed: ((answer: Answer) => void)[] = []
  /**
   * Answers that came in this turn. A port hands out up to a thousand messages without letting the loop turn, and each answer lets many go on
   * who soon ask again: sockets and timers would wait until everybody in this process had paused.
   */
  #heard: Answer[] = []
  #hear = () => {
    for (const answer of this.#heard.splice(0)) this.#answered(answer)
  }
  #loading: ((found: Found) => void) | undefined
  #bytes = 0
  #slowness = 0
  #ended: Promise<void>
  #closing = false
  #failed = false

  constructor(worker: Worker, path: string, onFatal: (error: Error) => void) {
    this.#worker = worker
    this.#path = path
    this.#opened = new Promise((resolve, reject) => {
      this.#onFatal = reject
      this.#owed.push(() => {
        this.#onFatal = onFatal
        resolve()
      })
    })
    // Whoever opens hears of it.
    this.#opened.catch(() => {})
    this.#ended = new Promise((resolve) => worker.once('exit', () => resolve()))
    worker.on('message', (answer: Answer | Found) => {
      if (this.#loading) return this.#loading(answer as Found)
      this.#heard.push(answer as Answer)
      atEndOfTurn(this.#hear)
    })
    worker.on('error', (error) => this.#fail(error instanceof Error ? error : new Error(String(error))))
    worker.on('exit', () => this.#closing || this.#fail(new Error('the thread of the store has ended')))
  }

  /** Has the file read: `take` is handed its head and its rows in order. Rejects where it is refused. Called once, before `open`. */
  async load(take: (found: Found & { type: 'head' | 'rows' }) => void): Promise<void> {
    const loaded = new Promise<void>((resolve, reject) => {
      this.#opened.catch(reject)
      this.#loading = (found) => {
        try {
          if (found.type === 'loaded') resolve()
          else if (found.type === 'refused') reject(this.#refusal(found))
          else take(found)
        } catch (error) {
          reject(error)
        }
      }
    })
    this.#worker.postMessage({ type: 'load' } satisfies Request)
    await loaded
    this.#loading = undefined
  }

  /** Resolves when the worker has opened the file, or rejects. Called once. */
  open(): Promise<void> {
    this.#worker.postMessage({ type: 'open' } satisfies Request)
    return this.#opened
  }

  /** Ends a worker that has opened nothing. */
  async abandon(): Promise<void> {
    this.#closing = true
    await this.#worker.terminate()
  }

  /** Size of the database when last heard of. */
  get bytes(): number {
    return this.#bytes
  }

  /** Milliseconds that the disk takes for a commit, of late. */
  get slowness(): number {
    return this.#slowness
  }

  /** Whether `onFatal` has been called. */
  get failed(): boolean {
    return this.#failed
  }

  /** False: the disk is full and nothing was written. */
  commit({ writes, ...rest }: Commit): Promise<boolean> {
    const rows = pack(writes)
    return this.#ask({ type: 'commit', rows, ...rest }, [rows.values.buffer])
  }

  /** Makes the compaction's revision durable, and moves the versions out of the log when there is time. */
  compact(request: Omit<Request & { type: 'compact' }, 'type'>): Promise<boolean> {
    return this.#ask({ type: 'compact', ...request })
  }

  /** Whether there is space again on a disk that was full. */
  probe(): Promise<boolean> {
    return this.#ask({ type: 'probe' })
  }

  async close(): Promise<void> {
    this.#closing = true
    if (!this.#failed) this.#worker.ref()
    this.#worker.postMessage({ type: 'close' } satisfies Request)
    await this.#ended
  }

  #refusal({ message, findings }: Found & { type: 'refused' }): Error {
    return findings ? new DamagedStoreError(this.#path, findings) : new Error(message)
  }

  #ask(request: Request, transfer: ArrayBuffer[] = []): Promise<boolean> {
    return new Promise((resolve) => {
      this.#worker.ref()
      this.#owed.push((answer) => resolve(answer.type === 'done'))
      this.#worker.postMessage(request, transfer)
    })
  }

  #answered(answer: Answer): void {
    if (answer.type === 'failed') return this.#fail(new Error(`the store's disk failed: ${answer.message}`))
    if (answer.type !== 'full') this.#bytes = answer.bytes
    if (answer.type === 'done') this.#slowness += (answer.took - this.#slowness) / 8
    const owed = this.#owed.shift()
    if (this.#owed.length === 0 && !this.#closing) this.#worker.unref()
    owed?.(answer)
  }

  #fail(error: Error): void {
    if (this.#failed) return
    this.#failed = true
    this.#closing = true
    void this.#worker.terminate()
    this.#onFatal(error)
  }
}
