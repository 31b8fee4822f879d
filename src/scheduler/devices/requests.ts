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
          selectors: [...(deviceClass.spec.selectors ?? []), ...(one.selectors ?? [])],
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

/** Devices that suit. Throws where "all" are asked for and cannot be told; `what` is the request in words. */
export function suitableDevices(asked: Asked, pools: readonly Pool[], what: () => string): readonly PoolDevice[] {
  const found: PoolDevice[] = []
  for (const { key, isIncomplete, isInvalid, devices } of pools) {
    if (asked.all && (isIncomplete || isInvalid)) {
      const why = isIncomplete ? 'being updated' : 'invalid'
      throw new AllocationFailure(`${what()}: asks for all devices, but resource pool ${key} is currently ${why}`)
    }
    if (isIncomplete || isInvalid) continue
    for (const device of devices) if (suits(asked, device)) found.push(device)
  }
  return found
}

function suits(asked: Asked, { driver, device }: PoolDevice): boolean {
  const { selectors, tolerations, adminAccess } = asked
  if (!adminAccess && !toleratesTaints(tolerations, device)) return false
  if (consumptionOf(asked, device) === undefined) return false
  return selectors.every(({ cel }) => !cel || deviceMatches(cel.expression, driver, device))
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
