/**
 * `runAsLeader`: runs work only while this process holds a Lease (client-go `tools/leaderelection`).
 *
 * Guarantees: the work's signal is aborted when the lease could not be renewed within the renew deadline, and the lease
 * is given up when the caller's signal is aborted, after the work has ended.
 * Caveats: no fence. A process that was paused may work for a moment beside its successor; only intervals measured on one's
 * own clock count, never the times that stand in the Lease.
 */
import { Lease, type LeaseSpec } from '#api/coordination/v1/lease.ts'
import { type Clock, formatMicroTime, sleep } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import { hasReason } from '#schema/status-error.ts'
import { type Client, edit } from './client.ts'

export interface LeaderElectionOptions {
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
  readonly namespace: string
  readonly name: string
  /** Differs between candidates. */
  readonly identity: string
  /** Milliseconds; defaults 15, 10 and 2 seconds. */
  readonly leaseDuration?: number
  readonly renewDeadline?: number
  readonly retryPeriod?: number
  readonly onNewLeader?: ((identity: string) => void) | undefined
  readonly onError?: ((error: unknown) => void) | undefined
}

const jitter = 1.2

/** Resolves when the leadership is lost, or the signal aborted; `work` has ended then. Rejects when `work` does. */
export async function runAsLeader(
  client: Client,
  options: LeaderElectionOptions,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const { signal } = options
  const candidate = new Candidate(client, options)
  if (!(await candidate.acquire())) return
  const lost = new AbortController()
  const both = AbortSignal.any([signal, lost.signal])
  const working = work(both).finally(() => lost.abort(new Error('the work has ended')))
  working.catch(() => {})
  await candidate.keep(both)
  lost.abort(new Error('leadership lost'))
  try {
    await working
  } catch (error) {
    if (!both.aborted || error !== both.reason) throw error
  } finally {
    await candidate.release()
  }
}

class Candidate {
  #client: Client
  #options: LeaderElectionOptions
  #leaseDuration: number
  #renewDeadline: number
  #retryPeriod: number
  #lease: Lease | undefined
  /** When `#lease` was last seen to change. */
  #observed = 0
  #reported = ''

  constructor(client: Client, options: LeaderElectionOptions) {
    this.#client = client
    this.#options = options
    this.#leaseDuration = options.leaseDuration ?? 15_000
    this.#renewDeadline = options.renewDeadline ?? 10_000
    this.#retryPeriod = options.retryPeriod ?? 2_000
  }

  get #leads(): boolean {
    return this.#lease?.spec.holderIdentity === this.#options.identity
  }

  /** Tries until the lease is held; false when the signal was aborted. */
  async acquire(): Promise<boolean> {
    const { clock, random, signal } = this.#options
    while (!signal.aborted) {
      if (await this.#try()) return true
      await sleep(clock, this.#retryPeriod * (1 + random.next() * jitter), signal).catch(() => {})
    }
    return false
  }

  /** Renews until that fails for the whole renew deadline, or the signal is aborted. */
  async keep(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options
    let renewed = clock.monotonic()
    while (!signal.aborted) {
      await sleep(clock, this.#retryPeriod, signal).catch(() => {})
      if (signal.aborted) return
      if (await this.#tryWithin(renewed + this.#renewDeadline - clock.monotonic(), signal)) renewed = clock.monotonic()
      else if (clock.monotonic() - renewed >= this.#renewDeadline || !this.#leads) return
    }
  }

  async release(): Promise<void> {
    if (!this.#leads || !this.#lease) return
    const lease = edit(this.#lease)
    const now = formatMicroTime(this.#options.clock.now())
    const { leaseTransitions } = lease.spec
    lease.spec = { holderIdentity: '', leaseDurationSeconds: 1, acquireTime: now, renewTime: now, leaseTransitions }
    try {
      this.#see(await this.#client.update(Lease, lease))
    } catch (error) {
      this.#options.onError?.(error)
    }
  }

  /** A request that hangs must not outlive the deadline. */
  async #tryWithin(milliseconds: number, signal: AbortSignal): Promise<boolean> {
    const stopped = Promise.withResolvers<false>()
    const stop = () => stopped.resolve(false)
    const timer = this.#options.clock.after(Math.max(0, milliseconds), stop)
    // A listener that stayed would stay for ever: there is a renewal every other second.
    signal.addEventListener('abort', stop, { once: true })
    try {
      return await Promise.race([this.#try(), stopped.promise])
    } finally {
      timer.cancel()
      signal.removeEventListener('abort', stop)
    }
  }

  async #try(): Promise<boolean> {
    try {
      return await this.#acquireOrRenew()
    } catch (error) {
      if (!hasReason(error, 'Conflict', 'AlreadyExists')) this.#options.onError?.(error)
      return false
    }
  }

  async #acquireOrRenew(): Promise<boolean> {
    const { clock, namespace, name, identity } = this.#options
    const now = clock.monotonic()
    if (this.#leads && this.#lease && now < this.#observed + this.#leaseDuration) {
      try {
        this.#see(await this.#client.update(Lease, { ...this.#lease, spec: this.#spec(this.#lease) }))
        return true
      } catch (error) {
        if (!hasReason(error, 'Conflict', 'NotFound')) throw error
      }
    }
    const found = await this.#client.get(Lease, { namespace, name }).catch((error: unknown) => {
      if (hasReason(error, 'NotFound')) return undefined
      throw error
    })
    if (!found) {
      this.#see(await this.#client.create(Lease, { metadata: { namespace, name }, spec: this.#spec(undefined) }))
      return true
    }
    this.#see(found)
    const { holderIdentity } = found.spec
    const valid = clock.monotonic() < this.#observed + this.#leaseDuration
    if (holderIdentity && holderIdentity !== identity && valid) return false
    this.#see(await this.#client.update(Lease, { ...found, spec: this.#spec(found) }))
    return true
  }

  /** The spec that holds the lease, after `before`. */
  #spec(before: Lease | undefined): LeaseSpec {
    const now = formatMicroTime(this.#options.clock.now())
    const kept = before?.spec.holderIdentity === this.#options.identity
    const transitions = before?.spec.leaseTransitions ?? 0
    return {
      ...before?.spec,
      holderIdentity: this.#options.identity,
      leaseDurationSeconds: Math.max(1, Math.floor(this.#leaseDuration / 1000)),
      acquireTime: kept ? (before?.spec.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: before && !kept ? transitions + 1 : transitions,
    }
  }

  #see(lease: Lease): void {
    const changed = lease.metadata.resourceVersion !== this.#lease?.metadata.resourceVersion
    this.#lease = lease
    if (changed) this.#observed = this.#options.clock.monotonic()
    const leader = lease.spec.holderIdentity ?? ''
    if (leader === this.#reported) return
    this.#reported = leader
    this.#options.onNewLeader?.(leader)
  }
}
