/** A store whose values are encrypted on their way into another store, whichever engine that is. */
import type { OperationResult, RangeResult, Row, Store, StoreEvent, Txn, TxnResult, WatchBatch } from '../store.ts'
import { KmsUnreachable } from './kms.ts'
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
      const result = await store.txn(codec.sealTxn(request))
      await codec.fetchTxn(result)
      return codec.openTxn(result)
    },
    async range(request) {
      const result = await store.range(request)
      if (request.keysOnly) return result
      await codec.fetch(result.rows)
      return codec.openRange(result)
    },
    watch(request, onBatch) {
      const batches = new Batches(codec, (batch) => !request.signal.aborted && onBatch(batch))
      store.watch(request, (batch) => batches.add(batch))
    },
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

/** Hands on what was sealed, in order: at once, unless a key must be asked for first. */
class Batches {
  readonly #codec: Codec
  readonly #onBatch: (batch: WatchBatch) => void
  /** Those that wait, the one whose keys are asked for first. */
  readonly #waiting: WatchBatch[] = []

  constructor(codec: Codec, onBatch: (batch: WatchBatch) => void) {
    this.#codec = codec
    this.#onBatch = onBatch
  }

  add(batch: WatchBatch): void {
    const asked = this.#waiting.length === 0 ? this.#codec.fetchBatch(batch) : undefined
    if (this.#waiting.length === 0 && !asked) return this.#onBatch(this.#codec.openBatch(batch))
    this.#waiting.push(batch)
    if (asked) void this.#handOn(asked)
  }

  async #handOn(first: Promise<void>): Promise<void> {
    await first
    for (let batch = this.#waiting[0]; batch; batch = this.#waiting[0]) {
      await this.#codec.fetchBatch(batch)
      this.#waiting.shift()
      this.#onBatch(this.#codec.openBatch(batch))
    }
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

  /** Asks for keys that are not known; undefined where there are none. Rejects where one cannot be had. */
  fetch(rows: readonly Row[], isPatient = false): Promise<void> | undefined {
    let asked: Promise<void>[] | undefined
    for (const { key, value } of rows) {
      const one = value[0] === mark ? fetchFor({ key, value }, this.#providersOf, isPatient) : undefined
      if (one) (asked ??= []).push(one)
    }
    return asked && Promise.all(asked).then(() => {})
  }

  /** What was overwritten or deleted may be unreadable. */
  fetchTxn({ results }: TxnResult): Promise<void> | undefined {
    const rows = results.flatMap((result) => (result.op === 'range' ? result.rows : []))
    const old = results.flatMap((result) => {
      if (result.op === 'delete') return result.deleted
      return result.op === 'put' && result.previous ? [result.previous] : []
    })
    const asked = this.fetch(rows)
    const askedToo = this.fetch(old)?.catch(() => {})
    return asked && askedToo ? Promise.all([asked, askedToo]).then(() => {}) : (asked ?? askedToo)
  }

  /** Never rejects: what cannot be opened is told without a value. */
  fetchBatch(batch: WatchBatch): Promise<void> | undefined {
    if (batch.type !== 'events') return undefined
    const rows = batch.events.flatMap(({ row, previous }) => (previous ? [row, previous] : [row]))
    return this.fetch(rows, true)?.catch(() => {})
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
      const sealed = stored.subarray(provider.prefix.length)
      const value = provider.open(sealed, key)
      return { value, isStale: i > 0 || (provider.isStale?.(sealed) ?? false) }
    } catch (error) {
      if (provider.prefix) failure = error as Error
    }
  }
  throw new Error(`unable to transform key "${key}": ${failure.message}`, { cause: failure })
}

/** What encrypted values begin with. */
const mark = 'k'.charCodeAt(0)

/** Asks for the key of a value where it is not known. Rejects as `openValue` would throw. */
export function fetchFor(
  { key, value }: Pick<Row, 'key' | 'value'>,
  providersOf: ProvidersOf,
  isPatient = false,
): Promise<void> | undefined {
  const provider = providersOf(key).find((one) => one.fetch && startsWith(value, one.prefix))
  return provider?.fetch?.(value.subarray(provider.prefix.length), isPatient)?.catch((cause: Error) => {
    const text = `unable to transform key "${key}": ${cause.message}`
    throw cause instanceof KmsUnreachable ? new KmsUnreachable(text, { cause }) : new Error(text, { cause })
  })
}
