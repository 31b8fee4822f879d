/** Devices that several requests may share, each consuming a part of their capacities (KEP-5075). */
import type { Device, DeviceCapacity } from '#api/resource/v1/resource-slice.ts'
import { compareQuantity, quantityValue } from '#schema/quantity.ts'
import type { Asked } from './requests.ts'

/** By name of the capacity, as written. */
export type Consumption = Readonly<Record<string, string>>

export function isShared({ allowMultipleAllocations }: Device): boolean {
  return allowMultipleAllocations === true
}

/** What the request would take of a device, or undefined where the device has too little, or does not hand out such an amount. */
export function consumptionOf({ capacity: wanted }: Asked, device: Device): Consumption | undefined {
  const offered = device.capacity ?? {}
  for (const [name, amount] of Object.entries(wanted)) {
    const one = offered[name]
    if (!one || compareQuantity(amount, one.value) > 0) return undefined
  }
  if (!isShared(device)) return {}
  const taken: Record<string, string> = {}
  for (const [name, one] of Object.entries(offered)) {
    const amount = amountTaken(one, wanted[name])
    if (amount === undefined || compareQuantity(amount, one.value) > 0) return undefined
    taken[name] = amount
  }
  return taken
}

/** Whether there is as much left beside what others took. */
export function leavesRoom(device: Device, wanted: Consumption, taken: readonly Consumption[]): boolean {
  return Object.entries(device.capacity ?? {}).every(([name, { value }]) => {
    const sum = [wanted, ...taken].reduce((total, one) => total + quantityValue(one[name] ?? '0'), 0)
    return sum <= quantityValue(value)
  })
}

/** Rounded up as the policy says. */
function amountTaken({ value, requestPolicy }: DeviceCapacity, wanted: string | undefined): string | undefined {
  if (!requestPolicy) return wanted ?? value
  const { default: usual, validValues, validRange } = requestPolicy
  if (wanted === undefined) return usual ?? value
  if (validValues?.length) return validValues.find((one) => compareQuantity(one, wanted) >= 0)
  if (!validRange) return wanted
  const { min = '0', max, step } = validRange
  const amount = compareQuantity(wanted, min) < 0 ? min : step ? nextStep(wanted, min, step) : wanted
  return max !== undefined && compareQuantity(amount, max) > 0 ? undefined : amount
}

function nextStep(wanted: string, min: string, step: string): string {
  const [amount, from, by] = [quantityValue(wanted), quantityValue(min), quantityValue(step)]
  const over = (amount - from) % by
  return over === 0 ? wanted : String(amount + by - over)
}
