/** Leases of etcd. Their ids are ours, within what a number holds exactly; so a grant whose answer was lost can be asked again. */
import type { Random } from '#lib/random.ts'
import { hasCode, type Lease, StoreError } from '../store.ts'
import { asStoreError } from './failures.ts'
import type { Members } from './members.ts'

interface Granted {
  readonly ID: number
  readonly TTL: number
}

export class EtcdLeases {
  #members: Members
  #random: Random

  constructor(members: Members, random: Random) {
    this.#members = members
    this.#random = random
  }

  async grant(ttlSeconds: number, id = this.#newId()): Promise<Lease> {
    const ttl = Math.max(1, Math.ceil(ttlSeconds))
    const exists = (error: Error) => hasCode(error, 'LeaseExists')
    const answer = await this.#members.callOnce<object, Granted>('Lease.LeaseGrant', { TTL: ttl, ID: id }, exists)
    return { id, ttl: answer?.TTL ?? ttl }
  }

  async revoke(id: number): Promise<void> {
    const isGone = (error: Error) => hasCode(error, 'LeaseNotFound')
    await this.#members.callOnce('Lease.LeaseRevoke', { ID: id }, isGone)
  }

  keepAlive(id: number): Promise<Lease> {
    return new Promise((resolve, reject) => {
      const stream = this.#members.stream<{ ID: number }, Granted>('Lease.LeaseKeepAlive', {
        onMessage: ({ TTL }) => {
          if (TTL > 0) resolve({ id, ttl: TTL })
          else reject(new StoreError('LeaseNotFound', `requested lease not found: ${id}`))
          stream.cancel()
        },
        onEnd: (error) => reject(asStoreError(error ?? new Error('the stream ended without an answer'))),
      })
      stream.write({ ID: id })
    })
  }

  /** Those whose ids are ours, or could be. */
  async all(): Promise<readonly Lease[]> {
    const { answer } = await this.#members.call<object, { leases: { ID: number }[] }>('Lease.LeaseLeases', {})
    const ids = answer.leases.map(({ ID }) => ID).filter(Number.isSafeInteger)
    const leases: Lease[] = []
    for (const id of ids.sort((a, b) => a - b)) {
      const { answer } = await this.#members.call<object, { TTL: number; grantedTTL: number }>('Lease.LeaseTimeToLive', {
        ID: id,
      })
      if (answer.TTL >= 0) leases.push({ id, ttl: answer.grantedTTL, remaining: answer.TTL })
    }
    return leases
  }

  #newId(): number {
    return Math.floor(this.#random.next() * 2 ** 47) * 32 + Math.floor(this.#random.next() * 31) + 1
  }
}
