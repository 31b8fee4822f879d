/** Functions of lists: Kubernetes' own (`pkg/cel/library/lists.go`) and cel-go's `ext/lists.go`, version 3. */
import { type Functions, global, member, type Overload, type Run } from '../declarations.ts'
import { celEqual, compareValues } from '../equal.ts'
import { CelFailure } from '../errors.ts'
import { Bool, Bytes, type CelType, Double, Duration, Dyn, Int, listOf, mapOf, param, Str, Timestamp, Uint } from '../type.ts'
import { ArrayList, CelDuration, CelList, CelUint, type Meter } from '../value.ts'
import { operators } from './operators.ts'

const T = param('T')
const listT = listOf(T)
const mapKV = mapOf(param('K'), param('V'))
const comparable: readonly CelType[] = [Int, Uint, Double, Bool, Duration, Timestamp, Str, Bytes]
const summable: readonly (readonly [CelType, unknown])[] = [
  [Int, 0n],
  [Uint, new CelUint(0n)],
  [Double, 0],
  [Duration, new CelDuration(0n)],
]

export const lists: Functions = {
  isSorted: comparable.map((type) =>
    member(`list_${type.name}_is_sorted_bool`, [listOf(type)], Bool, ([list]) => isSorted(list)),
  ),
  sum: summable.map(([type, zero]) =>
    member(`list_${type.name}_sum`, [listOf(type)], type, ([list], meter) => sum(list, zero, meter)),
  ),
  max: comparable.map((type) =>
    member(
      `list_${type.name}_max`,
      [listOf(type)],
      type,
      extreme('max', (order) => order > 0),
    ),
  ),
  min: comparable.map((type) =>
    member(
      `list_${type.name}_min`,
      [listOf(type)],
      type,
      extreme('min', (order) => order < 0),
    ),
  ),
  indexOf: [
    member('list_a_index_of_int', [listT, T], Int, ([list, value], meter) => BigInt([...list].findIndex(is(value, meter)))),
  ],
  lastIndexOf: [
    member('list_a_last_index_of_int', [listT, T], Int, ([list, value], meter) =>
      BigInt([...list].findLastIndex(is(value, meter))),
    ),
  ],
  slice: [member('list_slice', [listT, Int, Int], listT, ([list, start, end]) => slice(list, start, end))],
  flatten: [
    member('list_flatten', [listOf(listT)], listT, ([list], meter) => new ArrayList(flatten(list, 1n, meter))),
    member(
      'list_flatten_int',
      [listOf(Dyn), Int],
      listOf(Dyn),
      ([list, depth], meter) => new ArrayList(flatten(list, depth, meter)),
    ),
  ],
  sort: sorting((type) => member('list_sort', [listOf(type)], listOf(type), ([list]) => sorted(list, list))),
  '@sortByAssociatedKeys': sorting((type) => {
    return member('list_sortByAssociatedKeys', [listT, listOf(type)], listT, ([list, keys]) => sorted(list, keys))
  }),
  'lists.range': [global('lists_range', [Int], listOf(Int), ([size]) => range(size))],
  reverse: [member('list_reverse', [listT], listT, ([list]) => new ArrayList([...list].reverse()))],
  distinct: [member('list_distinct', [listT], listT, ([list], meter) => distinct(list, meter))],
  'cel.@mapInsert': [
    global('@mapInsert_map_key_value', [mapKV, param('K'), param('V')], mapKV, ([map]) => map),
    global('@mapInsert_map_map', [mapKV, mapKV], mapKV, ([map]) => map),
  ],
}

function sorting(overload: (type: CelType) => Overload): Overload[] {
  return comparable.map(overload)
}

function is(value: unknown, meter: Meter): (one: unknown) => boolean {
  return (one) => celEqual(one, value, meter)
}

function isSorted(list: CelList): boolean {
  for (let i = 1; i < list.size; i++) if ((compareValues(list.at(i - 1), list.at(i)) ?? 0) > 0) return false
  return true
}

/** Adds with the operator's own overloads, so that overflow fails. */
function sum(list: CelList, zero: unknown, meter: Meter): unknown {
  let total: unknown
  for (const element of list) total = total === undefined ? element : add(total, element, meter)
  return total ?? zero
}

function add(a: unknown, b: unknown, meter: Meter): unknown {
  const index = typeof a === 'bigint' ? 'add_int64' : typeof a === 'number' ? 'add_double' : undefined
  const id = index ?? (a instanceof CelUint ? 'add_uint64' : 'add_duration_duration')
  const overload = operators['_+_']?.find((one) => one.id === id)
  if (!overload || typeof a !== typeof b) throw new CelFailure('no such overload')
  return overload.run([a, b], meter)
}

function extreme(name: string, better: (order: number) => boolean): Run {
  return ([list]) => {
    let best: unknown
    for (const element of list as CelList) {
      if (best === undefined || better(compareValues(element, best) ?? 0)) best = element
    }
    if (best === undefined) throw new CelFailure(`${name} called on empty list`)
    return best
  }
}

function slice(list: CelList, start: bigint, end: bigint): ArrayList {
  const bad = (message: string) => new CelFailure(`cannot slice(${start}, ${end}), ${message}`)
  if (start < 0n || end < 0n) throw bad('negative indexes not supported')
  if (start > end) throw bad('start index must be less than or equal to end index')
  if (end > BigInt(list.size)) throw bad(`list is length ${list.size}`)
  const items: unknown[] = []
  for (let i = Number(start); i < Number(end); i++) items.push(list.at(i))
  return new ArrayList(items)
}

function flatten(list: CelList, depth: bigint, meter: Meter): unknown[] {
  if (depth < 0n) throw new CelFailure('level must be non-negative')
  const items: unknown[] = []
  for (const element of list) {
    meter.charge(0.1)
    if (!(element instanceof CelList) || depth === 0n) items.push(element)
    else for (const inner of flatten(element, depth - 1n, meter)) items.push(inner)
  }
  return items
}

function sorted(list: CelList, keys: CelList): ArrayList {
  if (list.size !== keys.size) {
    throw new CelFailure(
      `@sortByAssociatedKeys() expected a list of the same size as the associated keys list, but got ${list.size} and ${keys.size} elements respectively`,
    )
  }
  const all = [...keys]
  const first = all[0]
  const kind = typeof first
  if (all.some((key) => typeof key !== kind)) throw new CelFailure('list elements must have the same type')
  const order = all.map((_, i) => i).sort((a, b) => compareValues(all[a], all[b]) ?? 0)
  return new ArrayList(order.map((i) => list.at(i)))
}

function range(size: bigint): ArrayList {
  return new ArrayList(Array.from({ length: Math.max(0, Number(size)) }, (_, i) => BigInt(i)))
}

function distinct(list: CelList, meter: Meter): ArrayList {
  const kept: unknown[] = []
  for (const element of list) if (!kept.some(is(element, meter))) kept.push(element)
  return new ArrayList(kept)
}
