/** Arithmetic, order, membership and indexing (cel-go `common/stdlib`). Overflow is an error, as in Go's checked arithmetic. */
import { type Functions, global, member, type Overload, type Run } from '../declarations.ts'
import { celEqual, compareValues, isNumber, sameKeys } from '../equal.ts'
import { CelFailure } from '../errors.ts'
import {
  Bool,
  Bytes,
  type CelType,
  Double,
  Duration,
  Dyn,
  Int,
  listOf,
  mapOf,
  optionalOf,
  param,
  Str,
  Timestamp,
  Uint,
} from '../type.ts'
import {
  ArrayList,
  CelDuration,
  CelList,
  CelMap,
  CelOptional,
  CelTimestamp,
  CelUint,
  ConcatList,
  type Meter,
  maxTimestamp,
  minTimestamp,
  sizeOf,
  typeName,
} from '../value.ts'

const A = param('A')
const B = param('B')
const listA = listOf(A)
const mapAB = mapOf(A, B)

const plainOrders: readonly (readonly [string, CelType])[] = [
  ['bool', Bool],
  ['int64', Int],
  ['uint64', Uint],
  ['double', Double],
  ['string', Str],
  ['bytes', Bytes],
  ['timestamp', Timestamp],
  ['duration', Duration],
]
const numbers = plainOrders.slice(1, 4)

export const operators: Functions = {
  '_+_': [
    ...arithmetic(
      'add',
      (a, b) => a + b,
      (a, b) => a + b,
    ),
    global('add_string', [Str, Str], Str, ([a, b]) => a + b),
    global('add_list', [listA, listA], listA, ([a, b], meter) => concat(a, b, meter)),
    global('add_bytes', [Bytes, Bytes], Bytes, ([a, b]) => joinBytes(a, b)),
    global('add_timestamp_duration', [Timestamp, Duration], Timestamp, ([a, b]) => timestamp(total(a, b))),
    global('add_duration_timestamp', [Duration, Timestamp], Timestamp, ([a, b]) => timestamp(total(a, b))),
    global('add_duration_duration', [Duration, Duration], Duration, ([a, b]) => duration(total(a, b))),
  ],
  '_-_': [
    ...arithmetic(
      'subtract',
      (a, b) => a - b,
      (a, b) => a - b,
    ),
    global('subtract_timestamp_timestamp', [Timestamp, Timestamp], Duration, ([a, b]) => duration(difference(a, b))),
    global('subtract_timestamp_duration', [Timestamp, Duration], Timestamp, ([a, b]) => timestamp(difference(a, b))),
    global('subtract_duration_duration', [Duration, Duration], Duration, ([a, b]) => duration(difference(a, b))),
  ],
  '_*_': arithmetic(
    'multiply',
    (a, b) => a * b,
    (a, b) => a * b,
  ),
  '_/_': arithmetic(
    'divide',
    (a, b) => a / nonZero(b, 'division by zero'),
    (a, b) => a / b,
  ),
  '_%_': arithmetic('modulo', (a, b) => a % nonZero(b, 'modulus by zero')),
  '-_': [
    global('negate_int64', [Int], Int, ([a]: readonly bigint[]) => int(-(a as bigint))),
    global('negate_double', [Double], Double, ([a]) => -a),
  ],
  '!_': [global('logical_not', [Bool], Bool, unplanned)],
  '_&&_': [global('logical_and', [Bool, Bool], Bool, unplanned)],
  '_||_': [global('logical_or', [Bool, Bool], Bool, unplanned)],
  '_?_:_': [global('conditional', [Bool, A, A], A, unplanned)],
  '@not_strictly_false': [global('not_strictly_false', [Bool], Bool, unplanned)],
  '_==_': [global('equals', [A, A], Bool, ([a, b], meter) => celEqual(a, b, meter))],
  '_!=_': [global('not_equals', [A, A], Bool, ([a, b], meter) => !celEqual(a, b, meter))],
  '_<_': ordered('less', (order) => order < 0),
  '_<=_': ordered('less_equals', (order) => order <= 0),
  '_>_': ordered('greater', (order) => order > 0),
  '_>=_': ordered('greater_equals', (order) => order >= 0),
  '@in': [
    global('in_list', [A, listA], Bool, ([element, list], meter) => isIn(element, list, meter)),
    global('in_map', [A, mapAB], Bool, ([key, map]) => map.has(key)),
  ],
  '_[_]': [
    global('index_list', [listA, Int], A, ([list, index]) => elementAt(list, index)),
    global('index_map', [mapAB, A], B, ([map, key]) => elementAt(map, key)),
    global('optional_list_index_int', [optionalOf(listA), Int], optionalOf(A), ([held, index]) => optionalElement(held, index)),
    global('optional_map_index_value', [optionalOf(mapAB), A], optionalOf(B), ([held, key]) => optionalElement(held, key)),
  ],
  '_[?_]': [
    global('list_optindex_optional_int', [listA, Int], optionalOf(A), ([list, index]) => optionalElement(list, index)),
    global('optional_list_optindex_optional_int', [optionalOf(listA), Int], optionalOf(A), ([h, i]) => optionalElement(h, i)),
    global('map_optindex_optional_value', [mapAB, A], optionalOf(B), ([map, key]) => optionalElement(map, key)),
    global('optional_map_optindex_optional_value', [optionalOf(mapAB), A], optionalOf(B), ([h, k]) => optionalElement(h, k)),
  ],
  size: [Str, Bytes, listA, mapAB].flatMap((type) => {
    const run: Run = ([value]) => BigInt(sizeOf(value))
    const id = type.kind
    return [global(`size_${id}`, [type], Int, run), member(`${id}_size`, [type], Int, run)]
  }),
  dyn: [global('to_dyn', [A], Dyn, ([value]) => value)],
}

interface Nanoseconds {
  readonly nanoseconds: bigint
}

function total(a: Nanoseconds, b: Nanoseconds): bigint {
  return a.nanoseconds + b.nanoseconds
}

function difference(a: Nanoseconds, b: Nanoseconds): bigint {
  return a.nanoseconds - b.nanoseconds
}

/** The planner runs these itself. */
function unplanned(): never {
  throw new CelFailure('no such overload')
}

function arithmetic(name: string, whole: (a: bigint, b: bigint) => bigint, real?: (a: number, b: number) => number): Overload[] {
  return [
    global(`${name}_int64`, [Int, Int], Int, ([a, b]) => int(whole(a, b))),
    ...(real ? [global(`${name}_double`, [Double, Double], Double, ([a, b]) => real(a, b))] : []),
    global(`${name}_uint64`, [Uint, Uint], Uint, ([a, b]) => uint(whole(a.value, b.value))),
  ]
}

function nonZero(divisor: bigint, message: string): bigint {
  if (divisor === 0n) throw new CelFailure(message)
  return divisor
}

export function int(value: bigint): bigint {
  if (BigInt.asIntN(64, value) !== value) throw new CelFailure('integer overflow')
  return value
}

export function uint(value: bigint): CelUint {
  if (BigInt.asUintN(64, value) !== value) throw new CelFailure('unsigned integer overflow')
  return new CelUint(value)
}

export function duration(nanoseconds: bigint): CelDuration {
  if (BigInt.asIntN(64, nanoseconds) !== nanoseconds) throw new CelFailure('integer overflow')
  return new CelDuration(nanoseconds)
}

export function timestamp(nanoseconds: bigint): CelTimestamp {
  if (nanoseconds < minTimestamp || nanoseconds > maxTimestamp) throw new CelFailure('timestamp overflow')
  return new CelTimestamp(nanoseconds)
}

function ordered(name: string, holds: (order: number) => boolean): Overload[] {
  const run: Run = ([a, b]) => {
    const order = compareValues(a, b)
    return order !== undefined && holds(order)
  }
  const mixed = numbers.flatMap(([a, left]) =>
    numbers.filter(([b]) => b !== a).map(([b, right]) => global(`${name}_${a}_${b}`, [left, right], Bool, run)),
  )
  return [...plainOrders.map(([id, type]) => global(`${name}_${id}`, [type, type], Bool, run)), ...mixed]
}

function isIn(element: unknown, list: CelList, meter: Meter): boolean {
  for (let i = 0; i < list.size; i++) if (celEqual(list.at(i), element, meter)) return true
  return false
}

const deepestConcat = 64

/** Lists of custom resources keep their meaning: sets stay sets, and maps are merged by their keys. */
function concat(a: CelList, b: CelList, meter: Meter): CelList {
  const listType = a.type?.listType ?? b.type?.listType
  if (listType === 'set') {
    const added = [...b].filter((element) => !isCharged(a, meter) || !isIn(element, a, meter))
    return new ArrayList([...a, ...added], a.type ?? b.type)
  }
  const keys = a.type?.mapKeys ?? b.type?.mapKeys
  if (listType === 'map' && keys) return mergeByKeys(a, b, { keys, meter })
  if (b.size === 0) return a
  if (a.size === 0) return b
  const both = new ConcatList(a, b)
  if (both.depth < deepestConcat) return both
  meter.charge(both.size)
  return new ArrayList([...both])
}

function isCharged(list: CelList, meter: Meter): true {
  meter.charge(list.size * 0.1)
  return true
}

function mergeByKeys(a: CelList, b: CelList, { keys, meter }: { keys: readonly string[]; meter: Meter }): CelList {
  const merged = [...a]
  for (const element of b) {
    const at = merged.findIndex((one) => {
      meter.charge(0.1)
      return sameKeys(one, element, keys, meter)
    })
    if (at >= 0) merged[at] = element
    else merged.push(element)
  }
  return new ArrayList(merged, a.type ?? b.type)
}

function joinBytes(a: Uint8Array, b: Uint8Array): Uint8Array {
  const joined = new Uint8Array(a.length + b.length)
  joined.set(a)
  joined.set(b, a.length)
  return joined
}

/** What `[]` gives; fails where there is nothing. */
export function elementAt(container: unknown, key: unknown): unknown {
  if (container instanceof CelMap) {
    const value = container.get(key)
    if (value === undefined) throw new CelFailure(`no such key: ${keyText(key)}`)
    return value
  }
  if (!(container instanceof CelList)) throw new CelFailure('no such overload')
  const index = indexOf(key)
  if (index === undefined) throw new CelFailure(`unsupported index type '${typeName(key)}' in list`)
  if (index < 0 || index >= container.size) throw new CelFailure(`index out of bounds: ${keyText(key)}`)
  return container.at(index)
}

export function optionalElement(container: unknown, key: unknown): CelOptional {
  const held = container instanceof CelOptional ? container.value : container
  if (held === undefined) return CelOptional.none
  if (held instanceof CelMap) {
    const value = held.get(key)
    return value === undefined ? CelOptional.none : CelOptional.of(value)
  }
  if (!(held instanceof CelList)) throw new CelFailure('no such overload')
  const index = indexOf(key)
  return index === undefined || index < 0 || index >= held.size ? CelOptional.none : CelOptional.of(held.at(index))
}

/** Whole numbers of any type may be indices. */
function indexOf(key: unknown): number | undefined {
  if (!isNumber(key)) return undefined
  const index = Number(key instanceof CelUint ? key.value : key)
  return Number.isInteger(index) ? index : undefined
}

export function keyText(key: unknown): string {
  return String(key instanceof CelUint ? key.value : key)
}
