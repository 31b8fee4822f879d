/** Devices that are prepared once a pod is to come: it is bound when their drivers say so (KEP-5007). */
import { ResourceClaim } from '#api/resource/v1/resource-claim.ts'
import { sleep } from '#lib/clock.ts'
import type { Objects } from '../framework/objects.ts'
import { type Actor, failure, type Rejection } from '../framework/plugin.ts'

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

/**
 * Whether a driver has failed, or has had `timeout` milliseconds since the devices were given, also by an earlier scheduler: others may be had in
 * their place.
 */
export function isHopeless(claim: ResourceClaim, { now, timeout }: { now: number; timeout: number }): boolean {
  if (!hasBindingConditions(claim)) return false
  return failureOf(claim) !== undefined || (!isReady(claim) && isLate(claim, { now, timeout }))
}

function isLate({ status }: ResourceClaim, { now, timeout }: { now: number; timeout: number }): boolean {
  const { allocationTimestamp } = status?.allocation ?? {}
  return allocationTimestamp !== undefined && Date.parse(allocationTimestamp) + timeout < now
}

/** What fails here is tried again; then `isHopeless` claims are found to be in the way, and give their devices back. */
export async function untilDevicesReady(claims: readonly ResourceClaim[], waiting: Waiting): Promise<Rejection | undefined> {
  const { objects, timeout, actor } = waiting
  const deadline = actor.clock.monotonic() + timeout
  for (;;) {
    const progress = claims.map((claim) => progressOf(claim, { objects, timeout, now: actor.clock.now() }))
    const failed = progress.find((one) => typeof one === 'string')
    if (failed !== undefined) return failure(failed)
    if (progress.every((one) => one === true)) return undefined
    if (actor.clock.monotonic() >= deadline) return failure('device binding timeout')
    await sleep(actor.clock, every, actor.signal)
  }
}

interface Looking {
  readonly objects: Objects
  readonly timeout: number
  readonly now: number
}

function progressOf({ metadata: { name, namespace } }: ResourceClaim, { objects, ...time }: Looking): boolean | string {
  const claim = objects.get(ResourceClaim, { name, namespace })
  if (!claim) return `could not find ResourceClaim "${namespace}/${name}"`
  return failureOf(claim) ?? (isReady(claim) || (isLate(claim, time) ? `claim ${name} binding timeout` : false))
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
