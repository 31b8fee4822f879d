/** Equality and order of values (cel-go `common/types`); a deep comparison is charged for what it visits. */
import { CelFailure } from './errors.ts'
import {
  CelDuration,
  CelList,
  CelMap,
  CelOpaque,
  CelOptional,
  CelTimestamp,
  CelTypeValue,
  CelUint,
  JsonList,
  type Meter,
} from './value.ts'

/** Values of different types are unequal, except that numbers compare by what they amount to. */
export function celEqual(a: unknown, b: unknown, meter: Meter): boolean {
  if (a === b) return typeof a !== 'number' || !Number.isNaN(a)
  if (isNumber(a)) return isNumber(b) && compareNumbers(a, b) === 0
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (a instanceof CelList) return b instanceof CelList && listsEqual(a, b, meter)
  if (a instanceof CelMap) return b instanceof CelMap && mapsEqual(a, b, meter)
  if (a instanceof Uint8Array) return b instanceof Uint8Array && compareBytes(a, b) === 0
  if (a instanceof CelTimestamp) return b instanceof CelTimestamp && a.nanoseconds === b.nanoseconds
  if (a instanceof CelDuration) return b instanceof CelDuration && a.nanoseconds === b.nanoseconds
  if (a instanceof CelTypeValue) return b instanceof CelTypeValue && a.name === b.name
  if (a instanceof CelOpaque) return b instanceof CelOpaque && a.type.name === b.type.name && a.equals(b)
  if (a instanceof CelOptional && b instanceof CelOptional) {
    if (a.value === undefined || b.value === undefined) return a.value === b.value
    return celEqual(a.value, b.value, meter)
  }
  return false
}

const visited = 0.1

function listsEqual(a: CelList, b: CelList, meter: Meter): boolean {
  if (a.size !== b.size) return false
  const listType = a.type?.listType ?? b.type?.listType
  if (listType === 'set') return holdsAll(a, b, { meter, same: (x, y) => celEqual(x, y, meter) })
  const keys = a.type?.mapKeys ?? b.type?.mapKeys
  if (listType === 'map' && keys) {
    const same = (x: unknown, y: unknown) => sameKeys(x, y, keys, meter) && celEqual(x, y, meter)
    return holdsAll(a, b, { meter, same })
  }
  for (let i = 0; i < a.size; i++) {
    meter.charge(visited)
    if (!celEqual(a.at(i), b.at(i), meter)) return false
  }
  return true
}

interface Search {
  readonly meter: Meter
  same(x: unknown, y: unknown): boolean
}

/** Whether every element of `a` is in `b`; of lists as long as each other, without repetitions. */
function holdsAll(a: CelList, b: CelList, { meter, same }: Search): boolean {
  const plain = b instanceof JsonList ? plainSet(b.json) : undefined
  for (let i = 0; i < a.size; i++) {
    const element = a.at(i)
    meter.charge(visited)
    if (plain && (typeof element === 'string' || typeof element === 'boolean')) {
      if (!plain.has(element)) return false
      continue
    }
    let found = false
    for (let j = 0; j < b.size && !found; j++) {
      meter.charge(visited)
      found = same(element, b.at(j))
    }
    if (!found) return false
  }
  return true
}

function plainSet(json: readonly unknown[]): Set<unknown> | undefined {
  return json.every((one) => typeof one === 'string' || typeof one === 'boolean') ? new Set(json) : undefined
}

/** Whether two objects have the same values in these fields (`x-kubernetes-list-map-keys`). */
export function sameKeys(a: unknown, b: unknown, keys: readonly string[], meter: Meter): boolean {
  if (!(a instanceof CelMap) || !(b instanceof CelMap)) return false
  return keys.every((key) => {
    const x = a.get(key)
    const y = b.get(key)
    return x === undefined || y === undefined ? x === y : celEqual(x, y, meter)
  })
}

function mapsEqual(a: CelMap, b: CelMap, meter: Meter): boolean {
  if (a.size !== b.size) return false
  for (const [key, value] of a.entries()) {
    meter.charge(visited)
    const other = b.get(key)
    if (other === undefined || !celEqual(value, other, meter)) return false
  }
  return true
}

type Numeric = bigint | number | CelUint

export function isNumber(value: unknown): value is Numeric {
  return typeof value === 'bigint' || typeof value === 'number' || value instanceof CelUint
}

/** Undefined where one of them is NaN. */
export function compareNumbers(a: Numeric, b: Numeric): number | undefined {
  let x = a instanceof CelUint ? a.value : a
  let y = b instanceof CelUint ? b.value : b
  if (typeof x !== typeof y) {
    // As a double each, so that 9223372036854775807 equals 9223372036854775808.0, as upstream has it.
    x = Number(x)
    y = Number(y)
  }
  if (x < y) return -1
  if (x > y) return 1
  return x === y ? 0 : undefined
}

/** Negative, zero, positive; undefined with NaN. Fails where the two have no order. */
export function compareValues(a: unknown, b: unknown): number | undefined {
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b)
  if (isNumber(a) && isNumber(b)) return compareNumbers(a, b)
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b)
  if (a instanceof Uint8Array && b instanceof Uint8Array) return compareBytes(a, b)
  if (a instanceof CelTimestamp && b instanceof CelTimestamp) return order(a.nanoseconds, b.nanoseconds)
  if (a instanceof CelDuration && b instanceof CelDuration) return order(a.nanoseconds, b.nanoseconds)
  throw new CelFailure('no such overload')
}

function order(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** By code points, as Go's bytes of UTF-8 sort. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x === y) continue
    const bothPlain = x < 0xd800 && y < 0xd800
    return bothPlain ? x - y : rank(x) - rank(y)
  }
  return a.length - b.length
}

/** Surrogates stand for code points above all others. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const difference = (a[i] as number) - (b[i] as number)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}
