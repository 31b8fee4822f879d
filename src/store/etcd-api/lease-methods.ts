/** etcd's lease service. */
import { status } from '@grpc/grpc-js'
import { hasCode, type Lease, StoreError } from '../store.ts'
import type { GrpcCall } from './grpc-server.ts'
import { Refusal, refusalOf } from './refusals.ts'
import type { Context, Method } from './serve.ts'

/** etcd's MaxLeaseTTL. */
const longest = 9_000_000_000
/** Beyond it a number is no longer exact; our own ids stay far below. */
const highestId = 2 ** 52

export function leaseMethods({ store, header }: Context): Record<string, Method> {
  const now = async () => header((await store.status()).revision)
  return {
    async LeaseGrant({ TTL, ID }: { TTL: number; ID: number }) {
      if (TTL > longest) throw new Refusal(status.OUT_OF_RANGE, 'etcdserver: too large lease TTL')
      if (ID < 0 || ID > highestId) throw new Refusal(status.INVALID_ARGUMENT, `etcdserver: lease ids go up to ${highestId} here`)
      const lease = await store.grantLease(TTL, ID || undefined)
      return { header: await now(), ID: lease.id, TTL: lease.ttl }
    },
    async LeaseRevoke({ ID }: { ID: number }) {
      await store.revokeLease(ID)
      return { header: await now() }
    },
    async LeaseTimeToLive({ ID, keys }: { ID: number; keys: boolean }) {
      const lease = (await store.leases()).find(({ id }) => id === ID)
      if (!lease) return { header: await now(), ID, TTL: -1, grantedTTL: 0, keys: [] }
      const { rows } = keys ? await store.range({ key: '\u0001', end: '\u{10ffff}', keysOnly: true }) : { rows: [] }
      const attached = rows.filter((row) => row.lease === ID).map(({ key }) => Buffer.from(key))
      return { header: await now(), ID, TTL: leftOf(lease), grantedTTL: lease.ttl, keys: attached }
    },
    async LeaseLeases() {
      const leases = await store.leases()
      return { header: await now(), leases: leases.map(({ id }) => ({ ID: id })) }
    },
  }
}

function leftOf({ ttl, remaining = ttl }: Lease): number {
  return remaining
}

export function serveKeepAlive(call: GrpcCall, { store, header }: Context): void {
  const answer = async (id: number) => {
    const lease = await store.keepAliveLease(id).catch((error: unknown) => {
      if (hasCode(error, 'LeaseNotFound')) return undefined
      throw error instanceof StoreError ? refusalOf(error) : error
    })
    const { revision } = await store.status()
    // etcd: what has run out has nothing left.
    call.write({ header: header(revision), ID: id, TTL: lease?.ttl ?? 0 })
  }
  // In order, and all of them before the end.
  let answered: Promise<void> = Promise.resolve()
  call.on('data', ({ ID }: { ID: number }) => {
    answered = answered.then(() => answer(ID)).catch((error) => call.destroy(error))
  })
  call.on('end', () => void answered.then(() => call.end()))
}
