/** The engine of tests and simulations: a store in memory, deterministic, nothing of which outlives the process. */
import type { Clock } from '#lib/clock.ts'
import { deletionOf, Leases } from './leases.ts'
import { Ledger } from './ledger.ts'
import {
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

/**
 * Every call takes effect before it returns and is answered by a settled promise. Watchers are called in a microtask
 * queued by the commit, that is before whoever awaits the txn goes on.
 */
export function openMemoryStore({ clock }: { clock: Clock }): Store {
  return new MemoryStore(clock)
}

class MemoryStore implements Store {
  #clock: Clock
  #ledger = new Ledger()
  #hub = new WatchHub(this.#ledger)
  #leases: Leases
  #bytes = 0
  #closed = false

  constructor(clock: Clock) {
    this.#clock = clock
    this.#leases = new Leases(clock, (id) => this.#revoke(id))
  }

  async txn(request: Txn): Promise<TxnResult> {
    this.#checkOpen()
    return this.#commit(request)
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
    for (const { row } of this.#ledger.compact(revision)) this.#bytes -= row.key.length + row.value.byteLength
  }

  async status(): Promise<StoreStatus> {
    this.#checkOpen()
    const { durable, compactRevision } = this.#ledger
    return { revision: durable, compactRevision, bytes: this.#bytes }
  }

  async grantLease(ttlSeconds: number, id?: number): Promise<Lease> {
    this.#checkOpen()
    return this.#leases.grant(ttlSeconds, id)
  }

  async keepAliveLease(id: number): Promise<Lease> {
    this.#checkOpen()
    return this.#leases.keepAlive(id)
  }

  async revokeLease(id: number): Promise<void> {
    this.#checkOpen()
    this.#revoke(id)
  }

  async leases(): Promise<readonly Lease[]> {
    this.#checkOpen()
    return this.#leases.all()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#hub.close()
    this.#leases.close()
  }

  #commit(request: Txn): TxnResult {
    const { result, writes } = this.#ledger.decide(request, (id) => this.#leases.has(id))
    for (const { row } of writes) this.#bytes += row.key.length + row.value.byteLength
    if (writes.length > 0) this.#hub.publish(this.#ledger.settle(result.revision))
    return result
  }

  #revoke(id: number): void {
    this.#leases.remove(id)
    this.#commit(deletionOf(this.#ledger.keysOf(id), this.#clock))
  }

  #checkOpen(): void {
    if (this.#closed) throw new StoreError('Closed', 'the store is closed')
  }
}
