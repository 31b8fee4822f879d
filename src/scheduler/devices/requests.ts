/** What a claim asks for, request by request, with the devices of a node that would do (KEP-4381, KEP-4816). */

import type { DeviceSelector, DeviceToleration } from '#api/resource/v1/device.ts'
import type { DeviceClass } from '#api/resource/v1/device-class.ts'
import type { ResourceClaim } from '#api/resource/v1/resource-claim.ts'
import type { Device } from '#api/resource/v1/resource-slice.ts'
import { AllocationFailure } from './allocation-failure.ts'
import { type Consumption, consumptionOf } from './capacity.ts'
import type { Pool, PoolDevice } from './pools.ts'
import { deviceMatches } from './selector.ts'

export interface Asked {
  /** `request`, or `request/subrequest`. */
  readonly name: string
  readonly parent: string
  readonly deviceClass: DeviceClass
  /** Beside those of the class. */
  readonly selectors: readonly DeviceSelector[]
  readonly all: boolean
  readonly count: number
  readonly adminAccess: boolean
  readonly tolerations: readonly DeviceToleration[]
  /** Amounts of the device's capacities, by name. */
  readonly capacity: Consumption
}

/** One request: its alternatives, of which the first that can be had is taken. */
export type Alternatives = readonly Asked[]

export function requestsOf({ spec }: ResourceClaim, classOf: (name: string) => DeviceClass | undefined): readonly Alternatives[] {
  return (spec.devices.requests ?? []).map(({ name, exactly, firstAvailable = [] }) => {
    const options = exactly ? [{ ...exactly, name: '' }] : firstAvailable.map((one) => ({ ...one, adminAccess: false }))
    return options.flatMap((one): Asked[] => {
      const deviceClass = classOf(one.deviceClassName)
      if (!deviceClass) return []
      return [
        {
          name: one.name ? `${name}/${one.name}` : name,
          parent: name,
          deviceClass,
          selectors: one.selectors ?? [],
          all: one.allocationMode === 'All',
          count: one.count ?? 1,
          adminAccess: one.adminAccess ?? false,
          tolerations: one.tolerations ?? [],
          capacity: one.capacity?.requests ?? {},
        },
      ]
    })
  })
}

/** Devices that suit. Throws where "all" are asked for and cannot be told, and where a selector fails; `claim` is its name in words. */
export function suitableDevices(asked: Asked, pools: readonly Pool[], claim: () => string): readonly PoolDevice[] {
  const found: PoolDevice[] = []
  for (const { key, isIncomplete, isInvalid, devices } of pools) {
    if (asked.all && (isIncomplete || isInvalid)) {
      const why = isIncomplete ? 'being updated' : 'invalid'
      const request = asked.name.slice(asked.name.indexOf('/') + 1)
      const said = `asks for all devices, but resource pool ${key} is currently ${why}`
      throw new AllocationFailure(`claim ${claim()}, request ${request}: ${said}`)
    }
    if (isIncomplete || isInvalid) continue
    for (const device of devices) if (suits(asked, device, claim)) found.push(device)
  }
  return found
}

function suits(asked: Asked, one: PoolDevice, claim: () => string): boolean {
  const { selectors, tolerations, adminAccess, deviceClass } = asked
  const { device } = one
  if (!adminAccess && !toleratesTaints(tolerations, device)) return false
  if (consumptionOf(asked, device) === undefined) return false
  return (
    selected(one, deviceClass.spec.selectors ?? [], () => `class ${deviceClass.metadata.name}`) &&
    selected(one, selectors, () => `claim ${claim()}`)
  )
}

function selected(one: PoolDevice, selectors: readonly DeviceSelector[], whose: () => string): boolean {
  return selectors.every(({ cel }, i) => !cel || deviceMatches(cel.expression, one, () => `${whose()}: selector #${i}`))
}

function toleratesTaints(tolerations: readonly DeviceToleration[], { taints = [] }: Device): boolean {
  return taints.every(
    ({ key, value = '', effect }) =>
      effect === 'None' ||
      tolerations.some(
        (one) =>
          (!one.effect || one.effect === effect) &&
          (!one.key || one.key === key) &&
          (one.operator === 'Exists' || (one.value ?? '') === value),
      ),
  )
}
