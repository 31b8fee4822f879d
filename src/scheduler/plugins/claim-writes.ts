/** Writes to claims for devices: allocation and reservation, and taking them back. */
import type { Pod } from '#api/core/v1/pod.ts'
import { type AllocationResult, ResourceClaim } from '#api/resource/v1/resource-claim.ts'
import { edit } from '#client/client.ts'
import { formatTime } from '#lib/clock.ts'
import { hasReason } from '#schema/status-error.ts'
import type { Actor } from '../framework/plugin.ts'

/** Keeps a claim from vanishing while its devices are given (upstream `resourceapi.Finalizer`). */
export const finalizer = 'resource.kubernetes.io/delete-protection'

interface Reserving {
  readonly claims: readonly ResourceClaim[]
  /** By UID of the claim: those that were chosen in this cycle. */
  readonly allocations: ReadonlyMap<string, AllocationResult>
  readonly pod: Pod
}

type Reserved =
  | { readonly reserved: readonly ResourceClaim[] }
  | { readonly reserved: readonly ResourceClaim[]; readonly message: string }

/** All claims are the pod's afterwards, or `message` tells which is not. */
export async function reserveClaims({ claims, allocations, pod }: Reserving, actor: Actor): Promise<Reserved> {
  const reserved: ResourceClaim[] = []
  for (const claim of claims) {
    const allocation = allocations.get(claim.metadata.uid)
    const outcome = await retryConflicts(() => reserve({ claim, allocation, pod }, actor))
    if (typeof outcome === 'string') return { reserved, message: outcome }
    reserved.push(outcome)
  }
  return { reserved }
}

interface Reservation {
  readonly claim: ResourceClaim
  readonly allocation: AllocationResult | undefined
  readonly pod: Pod
}

async function reserve({ claim, allocation, pod }: Reservation, { client, clock }: Actor): Promise<ResourceClaim | string> {
  const { name, uid } = claim.metadata
  let current = edit(await client.get(ResourceClaim, claim))
  if (current.metadata.uid !== uid) return `claim ${name} got replaced`
  if (current.metadata.deletionTimestamp) return `claim ${name} got deleted in the meantime`
  const { uid: podUid, name: podName } = pod.metadata
  if (allocation) {
    if (current.status?.allocation) return `claim ${name} got allocated elsewhere in the meantime`
    if (!current.metadata.finalizers?.includes(finalizer)) {
      const finalizers = [...(current.metadata.finalizers ?? []), finalizer]
      current = edit(await client.update(ResourceClaim, { ...current, metadata: { ...current.metadata, finalizers } } as never))
    }
  } else if (!current.status?.allocation) return `claim ${name} got deallocated elsewhere in the meantime`
  const { reservedFor = [] } = current.status ?? {}
  if (!allocation && reservedFor.some((one) => one.uid === podUid)) return current
  const status = {
    ...current.status,
    ...(allocation && { allocation: { ...allocation, allocationTimestamp: formatTime(clock.now()) } }),
    reservedFor: [...reservedFor, { resource: 'pods', name: podName, uid: podUid }],
  }
  return client.update(ResourceClaim, { ...current, status } as never, { subresource: 'status' })
}

/** The pod does not come after all. */
export async function withdraw(pod: Pod, claims: readonly ResourceClaim[], { client }: Actor): Promise<void> {
  for (const claim of claims) {
    const body = {
      metadata: { uid: claim.metadata.uid },
      status: { reservedFor: [{ $patch: 'delete', uid: pod.metadata.uid }] },
    }
    await client.patch(ResourceClaim, claim, { type: 'strategic', body }, { subresource: 'status' }).catch(unlessGone)
  }
}

export async function deallocate(claim: ResourceClaim, { client }: Actor): Promise<void> {
  const { allocation: _, reservedFor: __, devices: ___, ...status } = claim.status ?? {}
  await client.update(ResourceClaim, { ...claim, status } as never, { subresource: 'status' }).catch(unlessGone)
}

function unlessGone(error: unknown): void {
  if (!hasReason(error, 'NotFound', 'Conflict')) throw error
}

const mostTries = 5

async function retryConflicts<T>(write: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await write()
    } catch (error) {
      if (tries >= mostTries || !hasReason(error, 'Conflict')) throw error
    }
  }
}
