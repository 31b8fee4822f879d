/** Lists in strategic merge patches: how items are told apart, put in order and taken out. */
import {
  badDirective,
  badFormat,
  badType,
  directive,
  goText,
  goType,
  isObject,
  type Json,
  listOfLists,
  noMergeKey,
  unprocessed,
} from './merge-strategic-meta.ts'

/** What tells the items of a list apart: themselves, or their merge key. */
export interface Items {
  readonly areObjects: boolean
  readonly mergeKey: string
}

/** Whether the items of these lists are objects; throws where they are of several types, or lists, or there are none. */
export function areObjects(...lists: (readonly unknown[])[]): boolean {
  const types = new Set(lists.flat(1).map(goType))
  const [type] = types
  if (type === '[]interface {}') throw listOfLists()
  if (types.size > 1) throw unprocessed(`list element types are not identical: ${goText(lists)}`)
  if (type === undefined) throw unprocessed('no elements in any of the given slices')
  return type === 'map[string]interface {}'
}

export function keyOf(item: unknown, mergeKey: string): unknown {
  if (!isObject(item)) throw badType('map[string]interface {}', item)
  if (!Object.hasOwn(item, mergeKey)) throw noMergeKey(item, mergeKey)
  return item[mergeKey]
}

/** The first place of every key. */
export function placesOf(list: readonly unknown[], mergeKey: string): Map<unknown, number> {
  const places = new Map<unknown, number>()
  for (const [i, item] of list.entries()) {
    const key = keyAt(item, i, mergeKey)
    if (key !== undefined && !places.has(key)) places.set(key, i)
  }
  return places
}

function keyAt(item: unknown, at: number, mergeKey: string): unknown {
  if (!isObject(item)) throw unprocessed(`value for key ${at} is not a map`)
  return Object.hasOwn(item, mergeKey) ? item[mergeKey] : undefined
}

/**
 * Those of the patch in the order that it asks for, and between them those that only the server has, in the order of the live list
 * (`normalizeElementOrder`).
 */
export function inOrder(
  merged: readonly unknown[],
  { items, wanted, live }: { items: Items; wanted: readonly unknown[]; live: readonly unknown[] },
): unknown[] {
  const { patched, serverOnly } = partition(merged, wanted, items)
  const left = sortBy(serverOnly, live, items)
  const right = sortBy(patched, wanted, items)
  return interleave(left, right, positions(live, items))
}

function partition(merged: readonly unknown[], wanted: readonly unknown[], { mergeKey }: Items) {
  const keys = new Set(mergeKey === '' ? wanted : wanted.map((item, i) => keyAt(item, i, mergeKey)))
  const patched: unknown[] = []
  const serverOnly: unknown[] = []
  for (const item of merged) {
    const part = keys.has(mergeKey === '' ? item : keyOf(item, mergeKey)) ? patched : serverOnly
    part.push(item)
  }
  return { patched, serverOnly }
}

/** Takes from the left what stands in the live list before the next of the right. */
function interleave(left: unknown[], right: unknown[], place: (item: unknown) => number): unknown[] {
  const result: unknown[] = []
  let i = 0
  let j = 0
  while (i < left.length && j < right.length) {
    const [l, r] = [place(left[i]), place(right[j])]
    result.push(l >= 0 && r >= 0 && l < r ? left[i++] : right[j++])
  }
  return [...result, ...left.slice(i), ...right.slice(j)]
}

/** Sorts by place in `order`; deletions go last. */
export function sortBy(list: readonly unknown[], order: readonly unknown[], items: Items): unknown[] {
  if (!items.areObjects) return sortPlaced([...list], positions(order, items))
  for (const item of [...list, ...order]) keyOf(item, items.mergeKey)
  const { kept, deletions } = splitDeletions(list)
  return [...sortPlaced(kept, positions(order, items)), ...deletions]
}

/** An item without a place counts as less than any other: Go's insertion sort moves it forward, and so does this. */
function sortPlaced(list: unknown[], place: (item: unknown) => number): unknown[] {
  const places = new Map(list.map((item) => [item, place(item)]))
  const placeOfItem = (item: unknown) => places.get(item) as number
  if (list.every((item) => placeOfItem(item) >= 0)) return list.sort((a, b) => placeOfItem(a) - placeOfItem(b))
  const isLess = (a: unknown, b: unknown) => placeOfItem(a) < 0 || placeOfItem(b) < 0 || placeOfItem(a) < placeOfItem(b)
  for (let i = 1; i < list.length; i++) {
    for (let j = i; j > 0 && isLess(list[j], list[j - 1]); j--) [list[j - 1], list[j]] = [list[j], list[j - 1]]
  }
  return list
}

function positions(order: readonly unknown[], { areObjects, mergeKey }: Items): (item: unknown) => number {
  const keys = areObjects ? order.map((item) => (isObject(item) ? item[mergeKey] : undefined)) : order
  const places = new Map<unknown, number>()
  for (const [i, key] of keys.entries()) if (!places.has(key)) places.set(key, i)
  return (item) => places.get(areObjects && isObject(item) ? item[mergeKey] : item) ?? -1
}

/** Items with `$patch: delete`, and the others. */
export function splitDeletions(list: readonly unknown[]): { kept: unknown[]; deletions: unknown[] } {
  const kept: unknown[] = []
  const deletions: unknown[] = []
  for (const item of list) {
    if (!isObject(item)) throw badType('map[string]interface {}', item)
    const part = item[directive.patch] === 'delete' ? deletions : kept
    part.push(item)
  }
  return { kept, deletions }
}

/** Obeys the items that carry `$patch`; answers the list and what of the patch is left to be merged into it. */
export function obeyDirectives(
  original: readonly unknown[],
  patch: readonly unknown[],
  mergeKey: string,
): { original: unknown[]; patch: Json[]; isReplaced: boolean } {
  const plain: Json[] = []
  const deleted = new Set<unknown>()
  let isReplaced = false
  for (const item of patch as Json[]) {
    if (!Object.hasOwn(item, directive.patch)) {
      plain.push(item)
      continue
    }
    const order = item[directive.patch]
    if (order === 'replace') isReplaced = true
    else if (order === 'delete') deleted.add(keyOf(item, mergeKey))
    else if (order === 'merge') throw unprocessed('merging lists cannot yet be specified in the patch')
    else throw badDirective(order, item)
  }
  if (isReplaced) return { original: plain, patch: [], isReplaced }
  return { original: original.filter((item, i) => !deleted.has(keyAt(item, i, mergeKey))), patch: plain, isReplaced }
}

/** The items of a patch must stand in the `$setElementOrder` list, in the same relative order. */
export function checkElementOrder(patch: readonly unknown[], order: readonly unknown[], mergeKey: string): void {
  if (patch.length === 0 || order.length === 0) return
  const items = mergeKey === '' ? [...patch] : splitDeletions(patch).kept
  let next = 0
  for (const ordered of order) {
    while (next < items.length && isDirective(items[next])) next++
    if (next >= items.length) return
    const isSame = mergeKey === '' ? items[next] === ordered : keyOf(items[next], mergeKey) === keyOf(ordered, mergeKey)
    if (isSame) next++
  }
  if (next >= items.length) return
  throw unprocessed(
    `The order in patch list:\n${goText(patch)}\n doesn't match ${directive.elementOrder} list:\n${goText(order)}\n`,
  )
}

function isDirective(item: unknown): boolean {
  return isObject(item) && Object.hasOwn(item, directive.patch)
}

/** More items than this are not worth upstream's order, which costs the square of their number. */
const manyItems = 1000

/** Upstream's way to drop repetitions: the last item takes the place of a repeated one. */
export function withoutRepetitions(list: readonly unknown[]): unknown[] {
  const unique = new Set(list)
  if (unique.size === list.length || list.length > manyItems) return [...unique]
  const result = [...list]
  for (let i = 0; i < result.length - 1; i++) {
    for (let j = i + 1; j < result.length; j++) {
      if (result[i] !== result[j]) continue
      const last = result.pop()
      if (j < result.length) result[j--] = last
    }
  }
  return result
}

/** By their text, as Go prints them. */
export function sortScalars(list: readonly unknown[]): unknown[] {
  return [...list].sort((a, b) => compareText(goText(a), goText(b)))
}

export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** The field that a directive such as `$setElementOrder/containers` is about. */
export function fieldOfDirective(key: string, prefix: string): string {
  const slash = key.indexOf('/')
  if (slash >= 0 && key.slice(0, slash) === prefix) return key.slice(slash + 1)
  throw badFormat(prefix === directive.elementOrder ? 'setElementOrder list' : 'primitive list')
}
