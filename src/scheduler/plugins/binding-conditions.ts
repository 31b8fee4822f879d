/** Devices that are prepared once a pod is to come: it is bound when their drivers say so (KEP-5007). */
import { ResourceClaim } from '#api/resource/v1/resource-claim.ts'
import { sleep } from '#lib/clock.ts'
import type { Objects } from '../framework/objects.ts'
import { type Actor, type Rejection, unschedulable } from '../framework/plugin.ts'
import { deallocate } from './claim-writes.ts'

interface Waiting {
  readonly objects: Objects
  /** Milliseconds. */
  readonly timeout: number
  readonly actor: Actor
}

/** Upstream's interval of looking. */
const every = 5_000

export function hasBindingConditions({ status }: ResourceClaim): boolean {
  return (status?.allocation?.devices?.results ?? []).some(({ bindingConditions }) => bindingConditions?.length)
}

/** Devices that fail, or are not ready in time, are given back, so that the pod can get others. */
export async function untilDevicesReady(claims: readonly ResourceClaim[], waiting: Waiting): Promise<Rejection | undefined> {
  const { objects, timeout, actor } = waiting
  const deadline = actor.clock.monotonic() + timeout
  for (;;) {
    const now = claims.map((claim) => objects.get(ResourceClaim, claim.metadata as { name: string; namespace?: string }) ?? claim)
    const failed = now.map(failureOf).find((text) => text !== undefined)
    if (failed === undefined && now.every(isReady)) return undefined
    if (failed !== undefined || actor.clock.monotonic() >= deadline) {
      for (const claim of now) await deallocate(claim, actor)
      return unschedulable(failed ?? 'timed out waiting for the binding conditions of allocated devices')
    }
    await sleep(actor.clock, every, actor.signal)
  }
}

interface Condition {
  readonly type: string
  readonly status: string
  readonly reason?: string | undefined
  readonly message?: string | undefined
}

/** Each device with conditions, and what its driver says of it. */
function reports({ status }: ResourceClaim) {
  const results = (status?.allocation?.devices?.results ?? []).filter(({ bindingConditions }) => bindingConditions?.length)
  return results.map((result) => {
    const { driver, pool, device, shareID } = result
    const said = status?.devices?.find(
      (one) => one.driver === driver && one.pool === pool && one.device === device && (one.shareID ?? '') === (shareID ?? ''),
    )
    return { result, conditions: (said?.conditions ?? []) as readonly Condition[] }
  })
}

function isReady(claim: ResourceClaim): boolean {
  return reports(claim).every(({ result, conditions }) =>
    (result.bindingConditions ?? []).every((type) => conditions.some((one) => one.type === type && one.status === 'True')),
  )
}

function failureOf(claim: ResourceClaim): string | undefined {
  for (const { result, conditions } of reports(claim)) {
    const failures = result.bindingFailureConditions ?? []
    const failed = conditions.find(({ type, status }) => failures.includes(type) && status === 'True')
    if (!failed) continue
    const { reason = '', message = '' } = failed
    return `claim ${claim.metadata.name} binding failed: reason=${reason}, message=${JSON.stringify(message)}`
  }
  return undefined
}
