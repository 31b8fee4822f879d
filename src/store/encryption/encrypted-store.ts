/** A store whose values are encrypted on their way into another store, whichever engine that is. */
import type { OperationResult, RangeResult, Row, Store, StoreEvent, Txn, TxnResult, WatchBatch } from '../store.ts'
import { identity, type Provider, startsWith } from './providers.ts'

/** How the value at a key is stored. The first provider writes, all of them read. Asked each time, so that keys can be exchanged. */
export type ProvidersOf = (key: string) => readonly Provider[]

/**
 * Rows that were not written by the first provider are marked as stale: whoever updates them writes them, even if nothing changed.
 * Reading what no provider opens rejects. Comparing values is refused where they are encrypted, since two ciphertexts of one
 * value differ.
 */
export function encryptedStore(store: Store, providersOf: ProvidersOf): Store {
  const codec = new Codec(providersOf)
  return {
    async txn(request) {
      return codec.openTxn(await store.txn(codec.sealTxn(request)))
    },
    async range(request) {
      const result = await store.range(request)
      return request.keysOnly ? result : codec.openRange(result)
    },
    watch: (request, onBatch) => store.watch(request, (batch) => onBatch(codec.openBatch(batch))),
    requestProgress: () => store.requestProgress(),
    compact: (revision) => store.compact(revision),
    status: () => store.status(),
    grantLease: (ttl, id) => store.grantLease(ttl, id),
    keepAliveLease: (id) => store.keepAliveLease(id),
    revokeLease: (id) => store.revokeLease(id),
    leases: () => store.leases(),
    close: () => store.close(),
  }
}

class Codec {
  #providersOf: ProvidersOf

  constructor(providersOf: ProvidersOf) {
    this.#providersOf = providersOf
  }

  sealTxn(request: Txn): Txn {
    for (const { target, key } of request.compare) {
      const [first = identity] = this.#providersOf(key)
      if (target === 'value' && first !== identity) throw new Error(`the value of ${key} is encrypted and cannot be compared`)
    }
    const sealed = (operations: Txn['success']) =>
      operations.map((one) => (one.op === 'put' ? { ...one, value: this.#seal(one.key, one.value) } : one))
    return { ...request, success: sealed(request.success), ...(request.failure && { failure: sealed(request.failure) }) }
  }

  openTxn(result: TxnResult): TxnResult {
    return { ...result, results: result.results.map((one) => this.#openResult(one)) }
  }

  openRange(result: RangeResult): RangeResult {
    return { ...result, rows: result.rows.map((row) => this.#open(row)) }
  }

  openBatch(batch: WatchBatch): WatchBatch {
    return batch.type === 'events' ? { ...batch, events: batch.events.map((event) => this.#openEvent(event)) } : batch
  }

  /** A watch begins in the past, whose keys may be gone by now: such a row has no value, and nobody can decode it. */
  #openEvent({ previous, ...event }: StoreEvent): StoreEvent {
    if (event.type === 'put')
      return { ...event, row: this.#openOld(event.row), ...(previous && { previous: this.#openOld(previous) }) }
    return { ...event, ...(previous && { previous: this.#openOld(previous) }) }
  }

  #openOld(row: Row): Row {
    try {
      return this.#open(row)
    } catch {
      return { ...row, value: new Uint8Array() }
    }
  }

  #openResult(result: OperationResult): OperationResult {
    if (result.op === 'put') return result.previous ? { ...result, previous: this.#openOld(result.previous) } : result
    if (result.op === 'delete') return { ...result, deleted: result.deleted.map((row) => this.#openOld(row)) }
    return { ...result, rows: result.rows.map((row) => this.#open(row)) }
  }

  #seal(key: string, value: Uint8Array): Uint8Array {
    const [first = identity] = this.#providersOf(key)
    const sealed = first.seal(value, key)
    return first.prefix ? Buffer.concat([Buffer.from(first.prefix), sealed]) : sealed
  }

  #open(row: Row): Row {
    const { value, isStale } = openValue(row.key, row.value, this.#providersOf(row.key))
    if (value === row.value && !isStale) return row
    return { ...row, value, ...(isStale && { isStale }) }
  }
}

/** Every provider whose prefix fits is tried, since two may share one while keys are exchanged. */
export function openValue(
  key: string,
  stored: Uint8Array,
  providers: readonly Provider[],
): { readonly value: Uint8Array; readonly isStale: boolean } {
  const known = providers.length > 0 ? providers : [identity]
  let failure = new Error('no matching prefix found')
  for (const [i, provider] of known.entries()) {
    if (!startsWith(stored, provider.prefix)) continue
    try {
      return { value: provider.open(stored.subarray(provider.prefix.length), key), isStale: i > 0 }
    } catch (error) {
      if (provider.prefix) failure = error as Error
    }
  }
  throw new Error(`unable to transform key "${key}": ${failure.message}`, { cause: failure })
}
