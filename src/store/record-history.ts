/** Feeds the history from a watch of the store, and reads past states out of both together. */
import type { Clock, Timer } from '#lib/clock.ts'
import type { Change, History } from './history.ts'
import { prefixEnd, type RangeRequest, type Store, StoreError, type StoreEvent, type WatchBatch } from './store.ts'

export interface RecordOptions {
  /** Below any encryption. */
  readonly store: Store
  readonly history: History
  readonly clock: Clock
  readonly onError?: (error: unknown) => void
}

/** A key as it stood at a point in time. */
export interface PastRow {
  readonly key: string
  readonly value: Uint8Array
  readonly revision: number
}

export interface Recorder {
  /** Resolves when everything up to the store's revision of now is in the history. */
  flush(): Promise<void>
  /** The rows of a range at a revision, sorted by key; throws `StoreError('Compacted')` where the history does not reach back. */
  rangeAt(range: Pick<RangeRequest, 'key' | 'end'>, revision: number): Promise<readonly PastRow[]>
  /** Ends the recording; what was seen is written first. */
  close(): Promise<void>
}

const everything = '/registry/'

/** Renewed all the time and of no interest afterwards. */
const leftOut = ['/registry/leases/', '/registry/events/', '/registry/masterleases/']

/**
 * How long changes are collected, and how long at most the history's revision stays behind when nothing is to be kept: by less than what
 * compaction leaves.
 */
const pause = 3_000
const idlePause = 150_000
/** Beyond this the history gives up what it could not write, rather than take the memory of the server. */
const mostPending = 64 << 20

/** Goes on where the history ends; where that is compacted, there is a gap, which the history knows of. */
export async function recordHistory(options: RecordOptions): Promise<Recorder> {
  const { store, history } = options
  const [{ revision: recorded }, { revision }] = await Promise.all([history.status(), store.status()])
  if (recorded === 0) await history.skipTo(revision)
  const recorder = new WatchRecorder(options)
  recorder.watchFrom((recorded || revision) + 1)
  return recorder
}

class WatchRecorder implements Recorder {
  #options: RecordOptions
  #stop = new AbortController()
  #pending: Change[] = []
  #pendingBytes = 0
  /** Seen so far, and written so far. */
  #seen = 0
  #written = 0
  #timer: Timer | undefined
  #idle: Timer | undefined
  #writing: Promise<void> | undefined
  #waiting: { revision: number; resolve: () => void }[] = []

  constructor(options: RecordOptions) {
    this.#options = options
  }

  watchFrom(from: number): void {
    this.#saw(from - 1)
    this.#written = from - 1
    const { store } = this.#options
    const request = { key: everything, end: prefixEnd(everything), from, signal: this.#stop.signal }
    store.watch(request, (batch) => this.#take(batch))
  }

  async flush(): Promise<void> {
    const { store } = this.#options
    const { revision } = await store.status()
    if (this.#seen < revision) {
      const reached = new Promise<void>((resolve) => this.#waiting.push({ revision, resolve }))
      await store.requestProgress()
      await reached
    }
    while (this.#pending.length > 0 || this.#writing) await this.#write()
  }

  async rangeAt({ key, end }: Pick<RangeRequest, 'key' | 'end'>, revision: number): Promise<readonly PastRow[]> {
    const { store, history } = this.#options
    const span = { key, ...(end !== undefined && { end }) }
    const now = await store.range(span)
    if (revision > now.revision) throw new StoreError('FutureRevision', 'required revision is a future revision')
    await this.flush()
    const { since } = await history.status()
    if (revision < since) throw new StoreError('Compacted', `the history begins at revision ${since}`)
    const rows = new Map<string, PastRow>(now.rows.map((row) => [row.key, row]))
    // What was first changed after the range was read stood there all the time.
    for (const { key, before, beforeRevision = 0 } of await history.firstAfter(revision, span)) {
      if (before) rows.set(key, { key, value: before, revision: beforeRevision })
      else rows.delete(key)
    }
    return [...rows.values()].sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)))
  }

  async close(): Promise<void> {
    this.#stop.abort()
    this.#idle?.cancel()
    while (this.#pending.length > 0 || this.#writing) await this.#write()
    if (this.#seen > this.#written) await this.#options.history.add([], this.#seen).catch(() => {})
  }

  #take(batch: WatchBatch): void {
    if (batch.type === 'compacted') return void this.#gap()
    if (batch.type === 'events') {
      for (const event of batch.events) this.#keep(event)
    }
    this.#saw(batch.revision)
    if (this.#pendingBytes > mostPending) this.#giveUp()
    else if (this.#pending.length > 0) this.#timer ??= this.#options.clock.after(pause, () => void this.#write())
    else this.#idle ??= this.#options.clock.after(idlePause, () => void this.#writeRevision())
  }

  #saw(revision: number): void {
    this.#seen = Math.max(this.#seen, revision)
    this.#waiting = this.#waiting.filter((waiter) => waiter.revision > this.#seen || waiter.resolve())
  }

  #keep({ type, row, previous, cause }: StoreEvent): void {
    const { key, revision, subRevision, value } = row
    if (leftOut.some((prefix) => key.startsWith(prefix))) return
    this.#pending.push({
      ...{ key, revision, subRevision },
      ...(previous && { before: previous.value, beforeRevision: previous.revision }),
      ...(type === 'put' && { after: value }),
      ...(cause && { cause }),
    })
    this.#pendingBytes += value.byteLength + (previous?.value.byteLength ?? 0)
  }

  /** One batch at a time; failures are told, and leave a gap. */
  #write(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#writing ??= this.#writePending().finally(() => {
      this.#writing = undefined
    })
    return this.#writing
  }

  async #writePending(): Promise<void> {
    const { history, onError } = this.#options
    const changes = this.#pending
    const seen = this.#seen
    this.#pending = []
    this.#pendingBytes = 0
    try {
      await history.add(changes, seen)
    } catch (error) {
      onError?.(error)
      await history.skipTo(seen).catch(() => {})
    }
    this.#written = seen
  }

  #writeRevision(): void {
    this.#idle = undefined
    if (this.#seen > this.#written && !this.#stop.signal.aborted) void this.#write()
  }

  #giveUp(): void {
    this.#pending = []
    this.#pendingBytes = 0
    this.#options.onError?.(new Error('changes come faster than the history can keep them: some are missing'))
    this.#options.history.skipTo(this.#seen).catch((error) => this.#options.onError?.(error))
  }

  async #gap(): Promise<void> {
    const { store, history, onError } = this.#options
    try {
      const { revision } = await store.status()
      await history.skipTo(revision)
      if (!this.#stop.signal.aborted) this.watchFrom(revision + 1)
    } catch (error) {
      onError?.(error)
    }
  }
}
