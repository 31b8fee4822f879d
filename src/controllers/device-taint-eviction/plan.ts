/** When pods have to leave devices with taints that their claims do not tolerate (upstream `device_taint_eviction.go`, KEP-5055). */
import type { Pod } from '#api/core/v1/pod.ts'
import type { DeviceTaint, DeviceToleration } from '#api/resource/v1/device.ts'
import type { DeviceRequestAllocationResult, ResourceClaim } from '#api/resource/v1/resource-claim.ts'
import type { Device, ResourceSlice } from '#api/resource/v1/resource-slice.ts'
import type { DeviceTaintRule } from '#api/resource/v1beta2/device-taint-rule.ts'
import { claimName, isOwnedBy } from '../resource-claim/plan.ts'

export interface Eviction {
  /** Milliseconds since the epoch. */
  readonly due: number
  /** UIDs of the rules among its reasons. */
  readonly rules: ReadonlySet<string>
}

/** What is known of devices and claims. */
export interface Surroundings {
  readonly slices: readonly ResourceSlice[]
  readonly rules: readonly DeviceTaintRule[]
  readonly claim: (name: string) => ResourceClaim | undefined
}

/** Undefined where the pod may stay, or has no node yet. */
export function planEviction(pod: Pod, { slices, rules, claim }: Surroundings): Eviction | undefined {
  if (!pod.spec.nodeName || pod.metadata.deletionTimestamp) return undefined
  const found = (pod.spec.resourceClaims ?? []).flatMap((podClaim) => {
    const name = claimName(pod, podClaim)
    const used = name ? claim(name) : undefined
    if (!used || (podClaim.resourceClaimTemplateName !== undefined && !isOwnedBy(used, pod))) return []
    return isReservedFor(used, pod) ? claimEvictions(used, slices, rules) : []
  })
  if (found.length === 0) return undefined
  const due = Math.min(...found.map((one) => one.due))
  return { due, rules: new Set(found.flatMap((one) => [...one.rules])) }
}

function isReservedFor({ status }: ResourceClaim, { metadata }: Pod): boolean {
  return status.reservedFor?.some(({ uid }) => uid === metadata.uid) ?? false
}

function claimEvictions(
  { status }: ResourceClaim,
  slices: readonly ResourceSlice[],
  rules: readonly DeviceTaintRule[],
): readonly Eviction[] {
  return (status.allocation?.devices.results ?? []).flatMap((result) => {
    const own = deviceOf(result, slices)?.taints ?? []
    const taints = [
      ...own.map((taint) => ({ taint, rules: new Set<string>() })),
      ...rules
        .filter((rule) => matches(rule, result))
        .map(({ spec, metadata }) => ({ taint: spec.taint as DeviceTaint, rules: new Set([metadata.uid]) })),
    ]
    return taints.flatMap(({ taint, rules }) => {
      const due = taint.effect === 'NoExecute' ? dueOf(taint, result.tolerations ?? []) : undefined
      return due === undefined ? [] : [{ due, rules }]
    })
  })
}

/** The shortest toleration counts; undefined where one has no end. */
function dueOf(taint: DeviceTaint, tolerations: readonly DeviceToleration[]): number | undefined {
  const fitting = tolerations.filter((one) => one.effect === 'NoExecute' && tolerates(one, taint))
  const since = taint.timeAdded ? Date.parse(taint.timeAdded) : 0
  if (fitting.length === 0) return since
  const limits = fitting.map(({ tolerationSeconds }) => tolerationSeconds)
  if (limits.some((seconds) => seconds === undefined)) return undefined
  return since + Math.max(0, Math.min(...limits.map(Number))) * 1000
}

function tolerates({ key, operator, value = '' }: DeviceToleration, taint: DeviceTaint): boolean {
  if (key && key !== taint.key) return false
  return operator === 'Exists' || ((operator ?? 'Equal') === 'Equal' && value === (taint.value ?? ''))
}

/** Slices of a pool that are not of its newest generation are out of date. */
export function currentSlices(slices: readonly ResourceSlice[]): readonly ResourceSlice[] {
  const newest = new Map<string, number>()
  for (const slice of slices) newest.set(poolOf(slice), Math.max(newest.get(poolOf(slice)) ?? 0, generationOf(slice)))
  return slices.filter((slice) => generationOf(slice) === newest.get(poolOf(slice)))
}

const poolOf = ({ spec }: ResourceSlice) => `${spec.driver}/${spec.pool.name}`
const generationOf = ({ spec }: ResourceSlice) => Number(spec.pool.generation)

function deviceOf(result: DeviceRequestAllocationResult, slices: readonly ResourceSlice[]): Device | undefined {
  const own = currentSlices(slices.filter(({ spec }) => spec.driver === result.driver && spec.pool.name === result.pool))
  return own.flatMap(({ spec }) => spec.devices ?? []).find(({ name }) => name === result.device)
}

/** A rule without selector is about no device. */
export function matches({ spec }: DeviceTaintRule, at: { driver: string; pool: string; device: string }): boolean {
  const { deviceSelector: selector } = spec
  if (!selector) return false
  const is = (wanted: string | undefined, value: string) => wanted === undefined || wanted === value
  return is(selector.driver, at.driver) && is(selector.pool, at.pool) && is(selector.device, at.device)
}
