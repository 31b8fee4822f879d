/** Values that may be absent (cel-go `cel/library.go`, optional types). */
import { type Functions, global, member } from '../declarations.ts'
import { CelFailure } from '../errors.ts'
import { Bool, type CelType, listOf, optionalOf, param } from '../type.ts'
import { ArrayList, CelDuration, CelList, CelMap, CelOptional, CelTimestamp, CelUint } from '../value.ts'

const V = param('V')
const optionalV: CelType = optionalOf(V)

export const optionals: Functions = {
  'optional.of': [global('optional_of', [V], optionalV, ([value]) => CelOptional.of(value))],
  'optional.ofNonZeroValue': [
    global('optional_ofNonZeroValue', [V], optionalV, ([value]) => (isZero(value) ? CelOptional.none : CelOptional.of(value))),
  ],
  'optional.none': [global('optional_none', [], optionalV, () => CelOptional.none)],
  'optional.unwrap': [global('optional_unwrap', [listOf(optionalV)], listOf(V), ([list]) => unwrapAll(list))],
  unwrapOpt: [member('optional_unwrapOpt', [listOf(optionalV)], listOf(V), ([list]) => unwrapAll(list))],
  value: [member('optional_value', [optionalV], V, ([{ value }]) => held(value))],
  hasValue: [member('optional_hasValue', [optionalV], Bool, ([{ value }]) => value !== undefined)],
  or: [member('optional_or_optional', [optionalV, optionalV], optionalV, ([a, b]) => (a.value === undefined ? b : a))],
  orValue: [member('optional_orValue_value', [optionalV, V], V, ([{ value }, other]) => value ?? orNull(value, other))],
  first: [member('list_first', [listOf(V)], optionalV, ([list]) => at(list, 0))],
  last: [member('list_last', [listOf(V)], optionalV, ([list]) => at(list, list.size - 1))],
}

/** The value held may be null, which is a value. */
function orNull(value: unknown, other: unknown): unknown {
  return value === undefined ? other : value
}

function held(value: unknown): unknown {
  if (value === undefined) throw new CelFailure('optional.none() dereference')
  return value
}

function at(list: CelList, index: number): CelOptional {
  return list.size === 0 ? CelOptional.none : CelOptional.of(list.at(index))
}

function unwrapAll(list: CelList): ArrayList {
  const values: unknown[] = []
  for (const element of list) {
    if (!(element instanceof CelOptional)) throw new CelFailure('no such overload')
    if (element.value !== undefined) values.push(element.value)
  }
  return new ArrayList(values)
}

function isZero(value: unknown): boolean {
  if (value === null || value === false || value === 0n || value === 0 || value === '') return true
  if (value instanceof CelList || value instanceof CelMap) return value.size === 0
  if (value instanceof Uint8Array) return value.length === 0
  if (value instanceof CelUint) return value.value === 0n
  if (value instanceof CelDuration || value instanceof CelTimestamp) return value.nanoseconds === 0n
  return false
}
