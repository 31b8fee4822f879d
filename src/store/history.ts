/**
 * The history: every change of the store with what was before and after, who made it, when, and in which request. It has nothing to
 * do with compaction, is bounded by bytes, and is fed by a watch (`record-history.ts`), so that it goes with every engine. Values are
 * as stored: what is encrypted at rest is encrypted here.
 */
import { Worker } from 'node:worker_threads'
import type { HistoryAnswer, HistoryRequest } from './history-worker.ts'
import type { Cause } from './store.ts'

export interface Change {
  readonly key: string
  readonly revision: number
  readonly subRevision: number
  /** Absent where the key came into being. */
  readonly before?: Uint8Array
  /** Of the write that made `before`. */
  readonly beforeRevision?: number
  /** Absent where the key was deleted. */
  readonly after?: Uint8Array
  /** Absent where the store no longer knew. */
  readonly cause?: Cause
}

export interface HistoryStatus {
  /** Everything up to here is in the history or was left out on purpose. */
  readonly revision: number
  /** Every change after this revision is there; older ones are gone, or there are gaps between them. */
  readonly since: number
  readonly bytes: number
}

interface Span {
  readonly key: string
  readonly end?: string
}

export interface History {
  /** In order. Resolves when they are in the file; they need not be durable, since the store's watch would give them again. */
  add(changes: readonly Change[], revision: number): Promise<void>
  /** Something is missing up to `revision`: no range at a point before it can be told. */
  skipTo(revision: number): Promise<void>
  /** Changes of a key or range, newest first; `until` is the highest revision of interest. */
  changesOf(span: Span & { readonly limit?: number; readonly until?: number }): Promise<Change[]>
  /** Changes made from one instant up to another, both included, oldest first. */
  changesBetween(from: number, to: number, span?: Span & { readonly limit?: number }): Promise<Change[]>
  /** The first change of each key after `revision`: what was before it stood there at `revision`. */
  firstAfter(revision: number, span: Span): Promise<Change[]>
  /** The newest revision at an instant; undefined where the history does not reach back so far. */
  revisionAt(time: number): Promise<number | undefined>
  status(): Promise<HistoryStatus>
  close(): Promise<void>
}

export interface HistoryOptions {
  /** Of the file. A damaged one is put aside, and the history begins anew. */
  readonly path: string
  /** Keys and values kept; default 256 MB. */
  readonly maxBytes?: number
  /** Told of what could not be kept or read. */
  readonly onError?: (error: Error) => void
}

export async function openHistory({ path, maxBytes = 256 << 20, onError = () => {} }: HistoryOptions): Promise<History> {
  const worker = new Worker(new URL('./history-worker.ts', import.meta.url), { workerData: { path, maxBytes } })
  const history = new SqliteHistory(worker, onError)
  await history.status()
  return history
}

/** The worker keeps the process alive only while it owes an answer. */
class SqliteHistory implements History {
  #worker: Worker
  #owed: { resolve: (value: any) => void; reject: (error: Error) => void }[] = []
  #ended: Promise<void>
  #failure: Error | undefined

  constructor(worker: Worker, onError: (error: Error) => void) {
    this.#worker = worker
    const fail = (error: Error) => {
      this.#failure ??= error
      for (const { reject } of this.#owed.splice(0)) reject(error)
    }
    worker.unref()
    worker.on('message', (answer: HistoryAnswer) => {
      if (answer.type === 'note') return onError(new Error(answer.text))
      const owed = this.#owed.shift()
      if (this.#owed.length === 0) worker.unref()
      if (answer.type === 'error') owed?.reject(new Error(`the history cannot be used: ${answer.text}`))
      else owed?.resolve(answer.value)
    })
    worker.on('error', (error) => fail(error instanceof Error ? error : new Error(String(error))))
    this.#ended = new Promise((resolve) =>
      worker.once('exit', () => {
        fail(new Error('the history is closed'))
        resolve()
      }),
    )
  }

  add(changes: readonly Change[], revision: number): Promise<void> {
    return this.#ask({ type: 'add', changes, revision })
  }

  skipTo(revision: number): Promise<void> {
    return this.#ask({ type: 'skip', revision })
  }

  changesOf({ key, end, limit = 0, until = 0 }: Span & { limit?: number; until?: number }): Promise<Change[]> {
    return this.#ask({ type: 'changesOf', key, end: end ?? `${key}\0`, limit, until })
  }

  changesBetween(from: number, to: number, span: Span & { limit?: number } = { key: '', end: '\uffff' }): Promise<Change[]> {
    const { key, end = `${key}\0`, limit = 0 } = span
    return this.#ask({ type: 'changesBetween', from, to, key, end, limit })
  }

  firstAfter(revision: number, { key, end = `${key}\0` }: Span): Promise<Change[]> {
    return this.#ask({ type: 'firstAfter', revision, key, end })
  }

  revisionAt(time: number): Promise<number | undefined> {
    return this.#ask({ type: 'revisionAt', time })
  }

  status(): Promise<HistoryStatus> {
    return this.#ask({ type: 'status' })
  }

  async close(): Promise<void> {
    if (!this.#failure) {
      this.#worker.ref()
      this.#worker.postMessage({ type: 'close' } satisfies HistoryRequest)
    }
    await this.#ended
  }

  #ask<T>(request: HistoryRequest): Promise<T> {
    if (this.#failure) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      this.#worker.ref()
      this.#owed.push({ resolve, reject })
      this.#worker.postMessage(request)
    })
  }
}
