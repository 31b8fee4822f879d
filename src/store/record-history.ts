/** Feeds the history from a watch of the store, and reads past states out of both together. */
import { type Clock, sleep, type Timer } from '#lib/clock.ts'
import type { Change, History } from './history.ts'
import { hasCode, prefixEnd, type RangeRequest, type Store, StoreError, type StoreEvent, type WatchBatch } from './store.ts'

export interface RecordOptions {
  /** Below any encryption. */
  readonly store: Store
  readonly history: History
  readonly clock: Clock
  /** Bytes that wait while the history cannot be written; default 64 MB. Beyond them changes are given up. */
  readonly mostPending?: number
  readonly onError?: (error: unknown) => void
}

/** A key as it stood at a point in time. */
export interface PastRow {
  readonly key: string
  readonly value: Uint8Array
  readonly revision: number
}

export interface Recorder {
  /** Resolves when everything up to the store's revision of now is in the history, or known to be missing there; rejects where it cannot be written. */
  flush(): Promise<void>
  /**
   * The rows of a range at a revision, sorted by key, without those that the history leaves out: Leases, Events, and what is not the API's.
   * Throws `StoreError('Compacted')` where the history does not reach back, and for a range that it leaves out as a whole.
   */
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
/** After a failure: until it is tried again. */
const retryPause = 10_000
const longestPause = 60_000

/** Goes on where the history ends; where that is compacted, there is a gap, which the history knows of. */
export async function recordHistory(options: RecordOptions): Promise<Recorder> {
  const { store, history } = options
  const [{ revision: recorded }, { revision }] = await Promise.all([history.status(), store.status()])
  if (recorded === 0) await history.add([], { from: revision, to: revision })
  const recorder = new WatchRecorder(options, recorded || revision)
  recorder.watch()
  return recorder
}

interface Waiter {
  readonly revision: number
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** Invariant: every change after `#from`, up to `#seen`, is pending; `#kept` <= `#from` unless both are the history's end. */
class WatchRecorder implements Recorder {
  #options: RecordOptions
  #stop = new AbortController()
  #pending: Change[] = []
  #pendingBytes = 0
  #from: number
  #seen: number
  /** Up to here the history has what there is, and knows what it lacks. */
  #kept: number
  #failure: Error | undefined
  #timer: Timer | undefined
  #idle: Timer | undefined
  #writing: Promise<void> | undefined
  #waiting: Waiter[] = []

  constructor(options: RecordOptions, recorded: number) {
    this.#options = options
    this.#from = recorded
    this.#seen = recorded
    this.#kept = recorded
  }

  /** From what was seen on. */
  watch(): void {
    const request = { key: everything, end: prefixEnd(everything), from: this.#seen + 1, signal: this.#stop.signal }
    this.#options.store.watch(request, (batch) => this.#take(batch))
  }

  async flush(): Promise<void> {
    const { store } = this.#options
    const { revision } = await store.status()
    if (this.#seen < revision) {
      this.#checkOpen()
      const reached = new Promise<void>((resolve, reject) => this.#waiting.push({ revision, resolve, reject }))
      // It is awaited later: until then its failure is nobody's.
      reached.catch(() => {})
      await store.requestProgress()
      await reached
    }
    while (this.#kept < revision) {
      await this.#write()
      if (this.#failure) throw this.#failure
    }
  }

  async rangeAt({ key, end }: Pick<RangeRequest, 'key' | 'end'>, revision: number): Promise<readonly PastRow[]> {
    const { store, history } = this.#options
    const span = { key, ...(end !== undefined && { end }) }
    if (!isKept(span)) throw new StoreError('Compacted', `the history leaves out ${key}, as all Leases and Events`)
    const now = await store.range(span)
    if (revision > now.revision) throw new StoreError('FutureRevision', 'required revision is a future revision')
    await this.flush()
    const changes = await history.firstAfter(revision, span)
    // Asked last: what was read may have turned out to be damaged, or was on its way out.
    const { since } = await history.status()
    if (revision < since) throw new StoreError('Compacted', `the history begins at revision ${since}`)
    const rows = new Map<string, PastRow>(now.rows.filter((row) => isKept(row)).map((row) => [row.key, row]))
    // What was first changed after the range was read stood there all the time.
    for (const { key, before, beforeRevision = 0 } of changes) {
      if (before) rows.set(key, { key, value: before, revision: beforeRevision })
      else rows.delete(key)
    }
    return [...rows.values()].sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)))
  }

  async close(): Promise<void> {
    this.#stop.abort()
    this.#idle?.cancel()
    await this.#writing
    if (this.#seen > this.#kept) await this.#write()
    this.#timer?.cancel()
    for (const { reject } of this.#waiting.splice(0)) reject(closed())
  }

  #take(batch: WatchBatch): void {
    if (batch.type === 'compacted') return void this.#leap()
    if (batch.type === 'events') {
      for (const event of batch.events) this.#keep(event)
    }
    this.#saw(batch.revision)
    if (this.#pendingBytes > (this.#options.mostPending ?? 64 << 20)) this.#giveUp()
    this.#schedule()
  }

  #saw(revision: number): void {
    this.#seen = Math.max(this.#seen, revision)
    this.#waiting = this.#waiting.filter((waiter) => waiter.revision > this.#seen || waiter.resolve())
  }

  #keep({ type, row, previous, cause }: StoreEvent): void {
    const { key, revision, subRevision, value } = row
    if (!isKept({ key })) return
    this.#pending.push({
      ...{ key, revision, subRevision },
      ...(previous && { before: previous.value, beforeRevision: previous.revision }),
      ...(type === 'put' && { after: value }),
      // Others who write into etcd leave no cause behind: then it was about now.
      time: cause?.time ?? this.#options.clock.now(),
      ...(cause && { cause }),
    })
    this.#pendingBytes += value.byteLength + (previous?.value.byteLength ?? 0)
  }

  #schedule(): void {
    if (this.#stop.signal.aborted) return
    const { clock } = this.#options
    if (this.#failure || this.#pending.length > 0) {
      this.#timer ??= clock.after(this.#failure ? retryPause : pause, () => void this.#write())
    } else this.#idle ??= clock.after(idlePause, () => this.#writeRevision())
  }

  #writeRevision(): void {
    this.#idle = undefined
    if (this.#seen > this.#kept && !this.#stop.signal.aborted) void this.#write()
  }

  /** One batch at a time; never rejects. */
  #write(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#writing ??= this.#writePending().finally(() => {
      this.#writing = undefined
    })
    return this.#writing
  }

  /** What cannot be written is pending again. */
  async #writePending(): Promise<void> {
    const { history, onError } = this.#options
    const [changes, size] = [this.#pending, this.#pendingBytes]
    const span = { from: this.#from, to: this.#seen }
    this.#pending = []
    this.#pendingBytes = 0
    this.#from = span.to
    try {
      await history.add(changes, span)
      this.#kept = span.to
      this.#failure = undefined
      if (this.#pending.length > 0) this.#schedule()
    } catch (error) {
      if (!this.#failure) onError?.(error)
      this.#failure = error instanceof Error ? error : new Error(String(error))
      // Otherwise others were given up after them.
      if (this.#from === span.to) {
        this.#pending = [...changes, ...this.#pending]
        this.#pendingBytes += size
        this.#from = span.from
      }
      this.#schedule()
    }
  }

  /** The history learns of the gap with what is written next, since that does not follow what it has. */
  #giveUp(): void {
    this.#pending = []
    this.#pendingBytes = 0
    this.#from = this.#seen
    this.#options.onError?.(new Error('changes come faster than the history can keep them: some are missing'))
  }

  /** Goes on behind a gap, as soon as the store answers. */
  async #leap(): Promise<void> {
    const { store, clock, onError } = this.#options
    const { signal } = this.#stop
    await this.#write()
    for (let wait = retryPause; !signal.aborted; wait = Math.min(2 * wait, longestPause)) {
      try {
        const { revision } = await store.status()
        if (signal.aborted) return
        this.#pending = []
        this.#pendingBytes = 0
        this.#saw(revision)
        this.#from = this.#seen
        this.watch()
        return this.#schedule()
      } catch (error) {
        if (hasCode(error, 'Closed')) return
        onError?.(error)
        await sleep(clock, wait, signal).catch(() => {})
      }
    }
  }

  #checkOpen(): void {
    if (this.#stop.signal.aborted) throw closed()
  }
}

/** Whether anything of the range goes into the history. */
function isKept({ key, end = `${key}\0` }: { readonly key: string; readonly end?: string }): boolean {
  const isWithin = (prefix: string) => key >= prefix && end <= prefixEnd(prefix)
  return key < prefixEnd(everything) && end > everything && !leftOut.some(isWithin)
}

function closed(): StoreError {
  return new StoreError('Closed', 'the history is no longer recorded')
}
