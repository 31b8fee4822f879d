/**
 * The history: every change of the store with what was before and after, who made it, when, and in which request. It has nothing to
 * do with compaction, is bounded by bytes, and is fed by a watch (`record-history.ts`), so that it goes with every engine. Values are
 * as stored: what is encrypted at rest is encrypted here.
 */
import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { Worker } from 'node:worker_threads'
import type { Clock, Timer } from '#lib/clock.ts'
import { isHistory, readHead } from './history-file.ts'
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
  /** Milliseconds since the epoch: the cause's, or else when the change was seen. */
  readonly time: number
  /** Absent where the store did not know. */
  readonly cause?: Cause
}

/** One value of those in the history that are stored in the same way. */
export interface SealedValue {
  /** What such values begin with, the name of their key included; '' where they are stored as they are. */
  readonly prefix: string
  readonly key: string
  readonly value: Uint8Array
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
  /**
   * Every change after `from` up to `to`, in order. Where `from` lies beyond what the history has, there is a gap, which it remembers;
   * what it has already is not added again. Resolves when they are in the file; they need not be durable, since the store's watch would
   * give them again.
   */
  add(changes: readonly Change[], span: { readonly from: number; readonly to: number }): Promise<void>
  /** Changes of a key or range, newest first; `until` is the highest revision of interest. */
  changesOf(span: Span & { readonly limit?: number; readonly until?: number }): Promise<Change[]>
  /** Changes made from one instant up to another, both included, oldest first. */
  changesBetween(from: number, to: number, span?: Span & { readonly limit?: number }): Promise<Change[]>
  /** The first change of each key after `revision`: what was before it stood there at `revision`. */
  firstAfter(revision: number, span: Span): Promise<Change[]>
  /** The newest revision at an instant; undefined where the history does not reach back so far. */
  revisionAt(time: number): Promise<number | undefined>
  /** For each resource and each way in which its values are stored, one of them: which keys are still needed to read them. */
  sealed(): Promise<SealedValue[]>
  status(): Promise<HistoryStatus>
  close(): Promise<void>
}

export interface HistoryOptions {
  /** Of the file. A damaged one is put aside, and the history begins anew; a damaged change is left out, and known as a gap. */
  readonly path: string
  /** Keys and values kept; default 256 MB. */
  readonly maxBytes?: number
  /** By which its thread ends when nobody wants anything; without one it stays. */
  readonly clock?: Clock
  /** Told of what could not be kept or read. */
  readonly onError?: (error: Error) => void
}

export async function openHistory(options: HistoryOptions): Promise<History> {
  const history = new SqliteHistory(options)
  await history.status()
  return history
}

/** A thread holds as much memory as a small program: that of a cluster that rests has none. */
const idle = 10_000

interface Owed {
  readonly resolve: (value: any) => void
  readonly reject: (error: Error) => void
}

/** One life of the thread, which alone writes the file. It keeps the process alive only while it owes an answer. */
interface Life {
  readonly worker: Worker
  readonly owed: Owed[]
  readonly ended: Promise<void>
}

class SqliteHistory implements History {
  #options: HistoryOptions
  #life: Life | undefined
  #timer: Timer | undefined
  #endings = new Set<Promise<void>>()
  #isClosed = false

  constructor(options: HistoryOptions) {
    this.#options = options
  }

  add(changes: readonly Change[], span: { readonly from: number; readonly to: number }): Promise<void> {
    const packed = pack(changes)
    return this.#ask({ type: 'add', changes: packed.changes, ...span }, [packed.buffer])
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

  sealed(): Promise<SealedValue[]> {
    return this.#ask({ type: 'sealed' })
  }

  /** Needs no thread where the file is in order: every start of a server asks. */
  async status(): Promise<HistoryStatus> {
    return (!this.#life && !this.#isClosed && readStatus(this.#options.path)) || this.#ask({ type: 'status' })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#end()
    await Promise.all(this.#endings)
  }

  #ask<T>(request: HistoryRequest, transfer: ArrayBuffer[] = []): Promise<T> {
    if (this.#isClosed) return Promise.reject(new Error('the history is closed'))
    this.#timer?.cancel()
    this.#life ??= this.#begin()
    const { worker, owed } = this.#life
    return new Promise((resolve, reject) => {
      worker.ref()
      owed.push({ resolve, reject })
      worker.postMessage(request, transfer)
    })
  }

  #begin(): Life {
    const { path, maxBytes = 256 << 20, onError } = this.#options
    const worker = new Worker(new URL('./history-worker.ts', import.meta.url), { workerData: { path, maxBytes } })
    const owed: Owed[] = []
    const fail = (error: Error) => {
      if (this.#life?.worker === worker) this.#life = undefined
      for (const { reject } of owed.splice(0)) reject(error)
    }
    worker.on('message', (answer: HistoryAnswer) => {
      if (answer.type === 'note') return onError?.(new Error(answer.text))
      const next = owed.shift()
      if (owed.length === 0) this.#rest(worker)
      if (answer.type === 'error') next?.reject(new Error(`the history cannot be used: ${answer.text}`))
      else next?.resolve(answer.value)
    })
    worker.on('error', (error) => fail(error instanceof Error ? error : new Error(String(error))))
    const ended = new Promise<void>((resolve) =>
      worker.once('exit', () => {
        fail(new Error('the history is closed'))
        this.#endings.delete(ended)
        resolve()
      }),
    )
    this.#endings.add(ended)
    return { worker, owed, ended }
  }

  #rest(worker: Worker): void {
    if (this.#life?.worker !== worker) return
    worker.unref()
    this.#timer?.cancel()
    this.#timer = this.#options.clock?.after(idle, () => this.#end())
  }

  #end(): void {
    this.#timer?.cancel()
    const life = this.#life
    this.#life = undefined
    if (!life) return
    life.worker.ref()
    life.worker.postMessage({ type: 'close' } satisfies HistoryRequest)
  }
}

/** With values in one buffer of their own: of a part of a larger one, a message would carry the whole. */
function pack(changes: readonly Change[]): { readonly changes: readonly Change[]; readonly buffer: ArrayBuffer } {
  const size = changes.reduce((sum, { before, after }) => sum + (before?.byteLength ?? 0) + (after?.byteLength ?? 0), 0)
  const values = new Uint8Array(size)
  let end = 0
  const put = (value: Uint8Array) => {
    values.set(value, end)
    return values.subarray(end, (end += value.byteLength))
  }
  const packed = changes.map(({ before, after, ...rest }) => ({
    ...rest,
    ...(before && { before: put(before) }),
    ...(after && { after: put(after) }),
  }))
  return { changes: packed, buffer: values.buffer }
}

/** Undefined where the file has to be looked at more closely. */
function readStatus(path: string): HistoryStatus | undefined {
  if (!existsSync(path)) return { revision: 0, since: 0, bytes: 0 }
  try {
    using database = new DatabaseSync(path, { timeout: 5000 })
    return isHistory(database) ? readHead(database) : undefined
  } catch {
    return undefined
  }
}
