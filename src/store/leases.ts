/** Leases and their clock: the engine is told when one runs out. */
import type { Clock, Timer } from '#lib/clock.ts'
import { leaseNotFound } from './ledger.ts'
import { type Cause, type Lease, type Operation, StoreError, type Txn } from './store.ts'

interface Running extends Lease {
  /** On the monotonic clock. */
  due: number
  timer: Timer
}

/** Time to live is kept in memory alone: after a restart each lease has all of it again, as in etcd. */
export class Leases {
  #clock: Clock
  #expire: (id: number) => void
  #running = new Map<number, Running>()
  #last = 0

  constructor(clock: Clock, expire: (id: number) => void) {
    this.#clock = clock
    this.#expire = expire
  }

  all(): Lease[] {
    return [...this.#running.values()].map((lease) => this.#told(lease)).sort((a, b) => a.id - b.id)
  }

  #told({ id, ttl, due }: Running): Lease {
    return { id, ttl, remaining: Math.max(0, Math.ceil((due - this.#clock.monotonic()) / 1000)) }
  }

  has(id: number): boolean {
    return this.#running.has(id)
  }

  grant(ttlSeconds: number, id = this.#last + 1): Lease {
    if (this.#running.has(id)) throw new StoreError('LeaseExists', `lease already exists: ${id}`)
    const lease = { id, ttl: Math.max(1, Math.ceil(ttlSeconds)) }
    this.restore(lease)
    return lease
  }

  /** Starts a lease that was granted before. */
  restore({ id, ttl }: Lease): void {
    this.#last = Math.max(this.#last, id)
    const due = this.#clock.monotonic() + ttl * 1000
    this.#running.set(id, { id, ttl, due, timer: this.#clock.after(ttl * 1000, () => this.#check(id)) })
  }

  /** So that no id is ever used twice, also after a restart. */
  skipTo(last: number): void {
    this.#last = Math.max(this.#last, last)
  }

  keepAlive(id: number): Lease {
    const lease = this.#running.get(id)
    if (!lease) throw leaseNotFound(id)
    // The timer stays and finds the new instant when it fires: renewing costs no timer.
    lease.due = this.#clock.monotonic() + lease.ttl * 1000
    return { id, ttl: lease.ttl }
  }

  remove(id: number): Lease {
    const lease = this.#running.get(id)
    if (!lease) throw leaseNotFound(id)
    lease.timer.cancel()
    this.#running.delete(id)
    return { id, ttl: lease.ttl }
  }

  close(): void {
    for (const { timer } of this.#running.values()) timer.cancel()
    this.#running.clear()
  }

  #check(id: number): void {
    const lease = this.#running.get(id)
    if (!lease) return
    const left = lease.due - this.#clock.monotonic()
    if (left <= 0) this.#expire(id)
    else lease.timer = this.#clock.after(left, () => this.#check(id))
  }
}

/** What the end of a lease does to the keys attached to it. */
export function deletionOf(keys: readonly string[], clock: Clock): Txn {
  const cause: Cause = { user: 'system:store', time: clock.now(), request: 'lease' }
  return { compare: [], success: keys.map((key): Operation => ({ op: 'delete', key })), cause }
}
