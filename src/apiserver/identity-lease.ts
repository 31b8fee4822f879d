/** The Lease by which an API server says that it is there (KEP-1965, upstream `component-helpers/apimachinery/lease`, `apiserverleasegc`). */
import { createHash } from 'node:crypto'
import { Lease } from '#api/coordination/v1/lease.ts'
import { type Client, edit } from '#client/client.ts'
import { type Clock, formatMicroTime, sleep } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import { hasReason } from '#schema/status-error.ts'

export interface IdentityLeaseOptions {
  readonly client: Client
  readonly clock: Clock
  readonly random: Random
  /** Of the machine: one server runs on each. */
  readonly hostname: string
  /** Ends it, and the lease with it. */
  readonly signal: AbortSignal
  readonly onError?: (error: unknown) => void
}

const namespace = 'kube-system'
const program = 'kube-apiserver'
const label = 'apiserver.kubernetes.io/identity'
/** Seconds after which others take a server for gone. */
const duration = 3600
const renewal = 10_000
const collection = 3_600_000
const [shortestPause, longestPause] = [200, 7_000]

/** The name of the server on that machine, and of its lease. */
export function apiserverId(hostname: string): string {
  const hash = createHash('sha256')
  for (const text of [hostname, program]) {
    const bytes = Buffer.from(text)
    hash.update(Uint8Array.of(bytes.length >> 8, bytes.length & 255)).update(bytes)
  }
  return `apiserver-${base32(hash.digest().subarray(0, 16))}`
}

/** Runs until the signal; failures are reported and tried again. What an earlier process left is taken away first. */
export async function keepIdentityLease(options: IdentityLeaseOptions): Promise<void> {
  const { client, clock, random, hostname, signal, onError } = options
  const name = apiserverId(hostname)
  const holderIdentity = `${name}_${random.uuid()}`
  const remove = () =>
    client.delete(Lease, { name, namespace }).catch((error) => !hasReason(error, 'NotFound') && onError?.(error))
  await remove()
  let lease: Lease | undefined
  let pause = shortestPause
  while (!signal.aborted) {
    try {
      lease = await renew(options, { known: lease, holderIdentity })
      pause = shortestPause
      await sleep(clock, renewal * (1 + 0.04 * random.next()), signal).catch(() => {})
    } catch (error) {
      if (hasReason(error, 'Conflict', 'NotFound')) lease = undefined
      onError?.(error)
      await sleep(clock, pause, signal).catch(() => {})
      pause = Math.min(2 * pause, longestPause)
    }
  }
  await remove()
}

interface Holding {
  readonly known: Lease | undefined
  readonly holderIdentity: string
}

async function renew({ client, clock, hostname }: IdentityLeaseOptions, { known, holderIdentity }: Holding): Promise<Lease> {
  const name = apiserverId(hostname)
  const labels = { [label]: program, 'kubernetes.io/hostname': hostname }
  const spec = { holderIdentity, leaseDurationSeconds: duration, renewTime: formatMicroTime(clock.now()) }
  const base = known ?? (await find(client, name))
  if (!base) return client.create(Lease, { metadata: { name, namespace, labels }, spec })
  const lease = edit(base)
  lease.metadata.labels = { ...lease.metadata.labels, ...labels }
  lease.spec = { ...lease.spec, ...spec }
  return client.update(Lease, lease)
}

async function find(client: Client, name: string): Promise<Lease | undefined> {
  try {
    return await client.get(Lease, { name, namespace })
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined
    throw error
  }
}

type Collecting = Pick<IdentityLeaseOptions, 'client' | 'clock' | 'signal' | 'onError'>

/** Takes away the leases of servers that are gone, every hour until the signal. */
export async function collectIdentityLeases(options: Collecting): Promise<void> {
  const { clock, signal, onError } = options
  while (!signal.aborted) {
    await collect(options).catch((error) => onError?.(error))
    await sleep(clock, collection, signal).catch(() => {})
  }
}

/** A lease that is renewed in between has another version, and stays. */
async function collect({ client, clock }: Collecting): Promise<void> {
  const { items } = await client.list(Lease, { namespace, labelSelector: `${label}=${program}` })
  for (const { metadata, spec } of items) {
    if (!isExpired(spec, clock.now())) continue
    const { name, uid, resourceVersion } = metadata
    await client.delete(Lease, { name, namespace }, { preconditions: { uid, resourceVersion } }).catch((error) => {
      if (!hasReason(error, 'NotFound', 'Conflict')) throw error
    })
  }
}

/** One that says neither since when nor how long is nobody's. */
function isExpired({ renewTime, leaseDurationSeconds }: Lease['spec'], now: number): boolean {
  return (
    renewTime === undefined || leaseDurationSeconds === undefined || Date.parse(renewTime) + leaseDurationSeconds * 1000 < now
  )
}

const digits = 'abcdefghijklmnopqrstuvwxyz234567'

/** RFC 4648 section 6, in lower case and without padding. */
function base32(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  return (bits.match(/.{1,5}/g) ?? []).map((five) => digits[Number.parseInt(five.padEnd(5, '0'), 2)]).join('')
}
