/** What the parts of the conformance suite share: a store to test, short forms of its calls, and a listener. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VirtualClock } from '#lib/virtual-clock.ts'
import {
  type Cause,
  type Compare,
  hasCode,
  type Operation,
  prefixEnd,
  type Store,
  type StoreErrorCode,
  type StoreEvent,
  type TxnResult,
  type WatchBatch,
} from '../store.ts'

export type Open = (options: { clock: VirtualClock }) => Promise<Store>

/** Reasons for leaving out what an engine cannot show. */
export interface Skip {
  /** The engine's leases run on a clock of their own. */
  readonly virtualLeases?: string
}

export interface Bench {
  readonly store: Store
  readonly clock: VirtualClock
  /** The revision of the empty store. */
  readonly base: number
}

export const cause: Cause = { user: 'conformance', time: Date.UTC(2026, 0, 1), request: 'test' }

/** Registers a test with a fresh store, which is closed afterwards. */
export function storeTest(title: string, open: Open, body: (bench: Bench) => Promise<void>): void {
  test(title, async () => {
    const clock = new VirtualClock()
    const store = await open({ clock })
    try {
      const { revision } = await store.status()
      await body({ store, clock, base: revision })
    } finally {
      await store.close()
    }
  })
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export function bytes(text: string): Uint8Array {
  return encoder.encode(text)
}

export function text(value: Uint8Array | undefined): string | undefined {
  return value && decoder.decode(value)
}

export function putOf(key: string, value = key, lease = 0): Operation {
  return { op: 'put', key, value: bytes(value), ...(lease && { lease }) }
}

export async function put(store: Store, key: string, value = key, lease = 0): Promise<number> {
  return (await write(store, putOf(key, value, lease))).revision
}

export async function del(store: Store, key: string, end?: string): Promise<number> {
  return (await write(store, { op: 'delete', key, ...(end !== undefined && { end }) })).revision
}

export function write(store: Store, ...success: Operation[]): Promise<TxnResult> {
  return store.txn({ compare: [], success, cause })
}

export function guarded(store: Store, compare: Compare | Compare[], ...success: Operation[]): Promise<TxnResult> {
  return store.txn({ compare: [compare].flat(), success, cause })
}

export async function keys(store: Store, prefix: string, revision?: number): Promise<string[]> {
  const { rows } = await store.range({ key: prefix, end: prefixEnd(prefix), ...(revision !== undefined && { revision }) })
  return rows.map(({ key }) => key)
}

export function rejectsWith(promise: Promise<unknown>, code: StoreErrorCode): Promise<void> {
  return assert.rejects(promise, (error) => hasCode(error, code))
}

/** A watch that remembers its batches and can be waited on. */
export class Listener {
  readonly batches: WatchBatch[] = []
  #controller = new AbortController()
  #waiting: { done: () => boolean; resolve: () => void }[] = []

  constructor(store: Store, request: { key: string; end?: string; from?: number }) {
    store.watch({ ...request, signal: this.#controller.signal }, (batch) => {
      this.batches.push(batch)
      this.#waiting = this.#waiting.filter(({ done, resolve }) => !done() || resolve())
    })
  }

  static below(store: Store, prefix: string, from?: number): Listener {
    return new Listener(store, { key: prefix, end: prefixEnd(prefix), ...(from !== undefined && { from }) })
  }

  get events(): StoreEvent[] {
    return this.batches.flatMap((batch) => (batch.type === 'events' ? [...batch.events] : []))
  }

  /** `put KEY`, `delete KEY`, in order of arrival. */
  get log(): string[] {
    return this.events.map(({ type, row }) => `${type} ${row.key}`)
  }

  stop(): void {
    this.#controller.abort()
  }

  /** Resolves as soon as `count` events have come. */
  count(count: number): Promise<void> {
    return this.until(() => this.events.length >= count)
  }

  /** Resolves as soon as a batch of the type has come. */
  saw(type: WatchBatch['type']): Promise<void> {
    return this.until(() => this.batches.some((batch) => batch.type === type))
  }

  /** Resolves as soon as everything up to `revision` has come, which it asks the store to confirm. */
  async current(store: Store, revision: number): Promise<void> {
    await store.requestProgress()
    await this.until(() => this.batches.some((batch) => batch.type === 'progress' && batch.revision >= revision))
  }

  until(done: () => boolean): Promise<void> {
    if (done()) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ done, resolve }))
  }
}
