/** Writes to claims for devices: allocation and reservation, and taking them back. */
import { Pod } from '#api/core/v1/pod.ts'
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
  /** Is told of each claim that is the pod's from then on. */
  reserved(claim: ResourceClaim): void
}

/** All claims are the pod's afterwards, or it is said which is not. */
export async function reserveClaims(
  { claims, allocations, pod, reserved }: Reserving,
  actor: Actor,
): Promise<string | undefined> {
  for (const claim of claims) {
    const allocation = allocations.get(claim.metadata.uid)
    const outcome = await retryConflicts(() => reserve({ claim, allocation, pod }, actor))
    if (typeof outcome === 'string') return outcome
    reserved(outcome)
  }
  return undefined
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
  const given = allocation ?? (current.status?.allocation as AllocationResult)
  const status = {
    ...current.status,
    allocation: { allocationTimestamp: formatTime(clock.now()), ...given },
    reservedFor: [...reservedFor, { resource: 'pods', name: podName, uid: podUid }],
  }
  return client.update(ResourceClaim, { ...current, status } as never, { subresource: 'status' })
}

/** The pod does not come after all. Whether it has not come by another way is asked before: nobody takes away what a pod runs with. */
export async function withdraw(pod: Pod, claims: readonly ResourceClaim[], actor: Actor): Promise<void> {
  const mine = claims.filter(({ status }) => status?.allocation && isReservedFor(pod, status.reservedFor))
  if (mine.length === 0 || actor.signal.aborted || (await isBound(pod, actor))) return
  const { client } = actor
  for (const claim of mine) {
    const body = {
      metadata: { uid: claim.metadata.uid },
      status: { reservedFor: [{ $patch: 'delete', uid: pod.metadata.uid }] },
    }
    await client.patch(ResourceClaim, claim, { type: 'strategic', body }, { subresource: 'status' }).catch(unlessGone)
  }
}

export function isReservedFor({ metadata }: Pod, users: readonly { readonly uid: string }[] = []): boolean {
  return users.some(({ uid }) => uid === metadata.uid)
}

/** An answer that was lost may have been a yes. */
export async function isBound({ metadata }: Pod, { client }: Actor): Promise<boolean> {
  const now = await client.get(Pod, metadata).catch(unlessGone)
  return now?.metadata.uid === metadata.uid && !!now.spec.nodeName
}

export async function deallocate(claim: ResourceClaim, { client }: Actor): Promise<void> {
  const { allocation: _, reservedFor: __, devices: ___, ...status } = claim.status ?? {}
  await client.update(ResourceClaim, { ...claim, status } as never, { subresource: 'status' }).catch(unlessGone)
}

function unlessGone(error: unknown): undefined {
  if (!hasReason(error, 'NotFound', 'Conflict')) throw error
  return undefined
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
