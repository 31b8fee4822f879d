/** Quantities such as `1.5Gi` (upstream `pkg/cel/library/quantity.go`). */
import { addQuantity, compareQuantity, parseQuantity, type Quantity, subtractQuantity } from '../../quantity.ts'
import { type Functions, global, member } from '../declarations.ts'
import { CelFailure } from '../errors.ts'
import { Bool, Double, Int, Str } from '../type.ts'
import { Quantity as QuantityType } from '../type-names.ts'
import { CelOpaque } from '../value.ts'

class CelQuantity extends CelOpaque {
  readonly type = QuantityType
  readonly amount: Quantity
  constructor(amount: Quantity) {
    super()
    this.amount = amount
  }
  equals(other: CelOpaque): boolean {
    return other instanceof CelQuantity && compareQuantity(this.amount, other.amount) === 0
  }
}

const Q = QuantityType

export const quantities: Functions = {
  quantity: [global('string_to_quantity', [Str], Q, ([text]) => new CelQuantity(parse(text)))],
  isQuantity: [global('is_quantity_string', [Str], Bool, ([text]) => isQuantity(text))],
  sign: [member('quantity_sign', [Q], Int, ([{ amount }]) => BigInt(Math.sign(compareQuantity(amount, zero))))],
  isGreaterThan: [member('quantity_is_greater_than', [Q, Q], Bool, ([a, b]) => compareQuantity(a.amount, b.amount) > 0)],
  isLessThan: [member('quantity_is_less_than', [Q, Q], Bool, ([a, b]) => compareQuantity(a.amount, b.amount) < 0)],
  compareTo: [member('quantity_compare_to', [Q, Q], Int, ([a, b]) => BigInt(compareQuantity(a.amount, b.amount)))],
  asApproximateFloat: [member('quantity_get_float', [Q], Double, ([{ amount }]) => approximately(amount))],
  asInteger: [member('quantity_get_int', [Q], Int, ([{ amount }]) => wholeOrFail(amount))],
  isInteger: [member('quantity_is_integer', [Q], Bool, ([{ amount }]) => whole(amount) !== undefined)],
  add: [
    member('quantity_add', [Q, Q], Q, ([a, b]) => new CelQuantity(addQuantity(a.amount, b.amount))),
    member('quantity_add_int', [Q, Int], Q, ([a, b]) => new CelQuantity(addQuantity(a.amount, units(b)))),
  ],
  sub: [
    member('quantity_sub', [Q, Q], Q, ([a, b]) => new CelQuantity(subtractQuantity(a.amount, b.amount))),
    member('quantity_sub_int', [Q, Int], Q, ([a, b]) => new CelQuantity(subtractQuantity(a.amount, units(b)))),
  ],
}

const zero: Quantity = { unscaled: 0n, scale: 0, format: 'DecimalSI' }

function units(amount: bigint): Quantity {
  return { unscaled: amount, scale: 0, format: 'DecimalSI' }
}

function parse(text: string): Quantity {
  try {
    return parseQuantity(text)
  } catch (error) {
    throw new CelFailure((error as Error).message)
  }
}

function isQuantity(text: string): boolean {
  try {
    parseQuantity(text)
    return true
  } catch {
    return false
  }
}

function approximately({ unscaled, scale }: Quantity): number {
  return Number(`${unscaled}e${scale}`)
}

/** The amount in whole units, where it is one and fits into 64 bits. */
function whole({ unscaled, scale }: Quantity): bigint | undefined {
  const factor = 10n ** BigInt(Math.abs(scale))
  if (scale < 0 && unscaled % factor !== 0n) return undefined
  const amount = scale < 0 ? unscaled / factor : unscaled * factor
  return BigInt.asIntN(64, amount) === amount ? amount : undefined
}

function wholeOrFail(amount: Quantity): bigint {
  const found = whole(amount)
  if (found === undefined) throw new CelFailure('cannot convert value to integer')
  return found
}
