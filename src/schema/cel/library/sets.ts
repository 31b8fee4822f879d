/** Lists as sets (cel-go `ext/sets.go`). */
import { type Functions, global } from '../declarations.ts'
import { celEqual } from '../equal.ts'
import { Bool, listOf, param } from '../type.ts'
import type { CelList, Meter } from '../value.ts'

const list = listOf(param('T'))

export const sets: Functions = {
  'sets.contains': [global('list_sets_contains_list', [list, list], Bool, ([a, b], meter) => containsAll(a, b, meter))],
  'sets.equivalent': [
    global(
      'list_sets_equivalent_list',
      [list, list],
      Bool,
      ([a, b], meter) => containsAll(a, b, meter) && containsAll(b, a, meter),
    ),
  ],
  'sets.intersects': [
    global('list_sets_intersects_list', [list, list], Bool, ([a, b], meter) => [...b].some((one) => isIn(a, one, meter))),
  ],
}

function containsAll(a: CelList, b: CelList, meter: Meter): boolean {
  for (const element of b) if (!isIn(a, element, meter)) return false
  return true
}

function isIn(a: CelList, element: unknown, meter: Meter): boolean {
  for (const one of a) if (celEqual(one, element, meter)) return true
  return false
}
