/** The heartbeat of a node: a Lease in `kube-node-lease`, renewed every ten seconds (KEP-589). */
import { Lease } from '#api/coordination/v1/lease.ts'
import { Node } from '#api/core/v1/node.ts'
import { type Client, edit } from '#client/client.ts'
import { type Clock, formatMicroTime, sleep } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import { hasReason } from '#schema/status-error.ts'

export interface NodeLeaseOptions {
  readonly client: Client
  readonly clock: Clock
  readonly random: Random
  readonly nodeName: string
  readonly signal: AbortSignal
  readonly onError?: (error: unknown) => void
}

const namespace = 'kube-node-lease'
const duration = 40
const interval = 10_000

/** Runs until the signal; failures are reported and tried again. */
export async function renewNodeLease(options: NodeLeaseOptions): Promise<void> {
  const { clock, random, signal, onError } = options
  let lease: Lease | undefined
  let pause = 200
  while (!signal.aborted) {
    try {
      lease = await renew(options, lease)
      pause = 200
    } catch (error) {
      if (signal.aborted) return
      onError?.(error)
      if (hasReason(error, 'Conflict') || hasReason(error, 'NotFound')) lease = undefined
      await sleep(clock, pause, signal).catch(() => {})
      pause = Math.min(2 * pause, 7000)
      continue
    }
    await sleep(clock, interval * (1 + 0.04 * random.next()), signal).catch(() => {})
  }
}

/** Writes the newest known lease; makes or reads it first where none is known. */
async function renew({ client, clock, nodeName, signal }: NodeLeaseOptions, known: Lease | undefined): Promise<Lease> {
  const renewTime = formatMicroTime(clock.now())
  const base = known ?? (await find(client, nodeName, signal))
  const spec = { holderIdentity: nodeName, leaseDurationSeconds: duration, renewTime }
  const ownerReferences = base?.metadata.ownerReferences?.length ? undefined : await ownerOf(client, nodeName, signal)
  if (!base) {
    const metadata = { name: nodeName, namespace, ...(ownerReferences && { ownerReferences }) }
    return client.create(Lease, { metadata, spec }, { signal })
  }
  const lease = edit(base)
  lease.spec = { ...lease.spec, ...spec }
  if (ownerReferences) lease.metadata.ownerReferences = ownerReferences
  return client.update(Lease, lease, { signal })
}

async function find(client: Client, name: string, signal: AbortSignal): Promise<Lease | undefined> {
  try {
    return await client.get(Lease, { name, namespace }, { signal })
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined
    throw error
  }
}

/** The lease goes with its node. A node that is not there yet is set as owner at a later renewal. */
async function ownerOf(client: Client, name: string, signal: AbortSignal) {
  try {
    const { metadata } = await client.get(Node, { name }, { signal })
    return [{ apiVersion: 'v1', kind: 'Node', name, uid: metadata.uid }]
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined
    throw error
  }
}
