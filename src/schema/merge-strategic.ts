/**
 * Strategic merge patch: JSON merge patch in which lists that have a merge key are merged item by item, with directives that delete,
 * replace and order. Source of the rules: apimachinery `pkg/util/strategicpatch/patch.go`.
 */
import { isDeepStrictEqual } from 'node:util'
import { setOwn } from './json-parser.ts'
import {
  areObjects,
  checkElementOrder,
  fieldOfDirective,
  inOrder,
  keyOf,
  obeyDirectives,
  placesOf,
  withoutRepetitions,
} from './merge-strategic-lists.ts'
import {
  badDirective,
  badFormat,
  badType,
  directive,
  goKind,
  goText,
  goType,
  isObject,
  type Json,
  metaOfList,
  metaOfObject,
  type PatchMeta,
  unprocessed,
} from './merge-strategic-meta.ts'
import type { Node, Schema } from './words.ts'

/**
 * Answers a new value, which may share parts with the arguments; neither of them is changed. Errors are StatusErrors with upstream's texts: 400 for a patch of the wrong form,
 * 500 without a reason for one that does not fit the object.
 */
export function strategicMerge(schema: Schema<any> | Node, original: unknown, patch: unknown): unknown {
  const [before, change] = [original ?? {}, patch ?? {}]
  if (!isObject(before)) throw badType('map[string]interface {}', before)
  if (!isObject(change)) throw badType('map[string]interface {}', change)
  return mergeObject(before, change, { node: schema as Node, isFinal: true })
}

/** Joins a second patch to a first one; directives and nulls stay. */
export function joinPatches(schema: Node, first: Json, second: Json): Json {
  return mergeObject(first, second, { node: schema, isFinal: false })
}

interface Place {
  readonly node: Node
  /** The result is an object, and no patch: directives are obeyed, and nulls without anything to delete vanish. */
  readonly isFinal: boolean
}

function mergeObject(live: Json, change: Json, place: Place): Json {
  if (Object.hasOwn(change, directive.patch)) return obeyDirective(change)
  const [original, patch] = [{ ...live }, { ...change }]
  retainKeys(original, patch, place)
  orderElements(original, patch, place)
  for (const [key, value] of Object.entries(patch)) {
    const isDeletion = key.startsWith(directive.deleteFromList)
    if (isDeletion && !place.isFinal) original[key] = value
    else if (isDeletion) deleteFromList(original, fieldOfDirective(key, directive.deleteFromList), value)
    else mergeField(original, key, { value, place })
  }
  return original
}

function obeyDirective(patch: Json): Json {
  const { [directive.patch]: order, ...rest } = patch
  if (order === 'replace') return rest
  if (order === 'delete') return {}
  throw badDirective(order, patch)
}

function mergeField(original: Json, key: string, { value, place }: { value: unknown; place: Place }): void {
  if (value === null) {
    delete original[key]
    if (!place.isFinal) original[key] = null
    return
  }
  const before = Object.hasOwn(original, key) ? original[key] : undefined
  const isAlike = before !== undefined && goType(before) === goType(value)
  if (isAlike && isObject(value)) {
    const { node, strategy } = metaOfObject(place.node, key)
    original[key] = strategy === 'replace' ? value : mergeObject(before as Json, value, { ...place, node })
  } else if (isAlike && Array.isArray(value)) {
    original[key] = mergeList(before as unknown[], value, { ...place, meta: metaOfList(place.node, key) }).list
  } else {
    const taken = plain(value, place.isFinal && !isAlike)
    if (taken === undefined) delete original[key]
    else setOwn(original, key, taken)
  }
}

function deleteFromList(original: Json, key: string, value: unknown): void {
  if (value === null) delete original[key]
  const before = Object.hasOwn(original, key) ? original[key] : undefined
  if (!Array.isArray(before) || !Array.isArray(value)) return
  if (before.length === 0 && value.length === 0) return
  if (areObjects(before, value)) throw unprocessed('cannot merge lists without merge key for struct')
  const deleted = new Set(value)
  original[key] = before.filter((item) => !deleted.has(item))
}

/** A value that nothing is there to merge with: without what carries `$patch`, and perhaps without nulls. Undefined: nothing is left. */
function plain(value: unknown, dropsNulls: boolean): unknown {
  if (Array.isArray(value)) return value.flatMap((item) => (isMarked(item) ? [] : [plain(item, dropsNulls)]))
  if (!isObject(value)) return value
  if (isMarked(value)) return undefined
  const result: Json = {}
  for (const [key, item] of Object.entries(value)) {
    if ((item === null && dropsNulls) || isMarked(item)) continue
    setOwn(result, key, plain(item, dropsNulls))
  }
  return result
}

function isMarked(value: unknown): boolean {
  return isObject(value) && Object.hasOwn(value, directive.patch)
}

/** `$retainKeys`: what it does not list goes from the original. */
function retainKeys(original: Json, patch: Json, { isFinal }: Place): void {
  if (!Object.hasOwn(patch, directive.retainKeys)) return
  const list = patch[directive.retainKeys]
  delete patch[directive.retainKeys]
  if (!isFinal) {
    const other = original[directive.retainKeys]
    if (other !== undefined && !isDeepStrictEqual(other, list)) {
      const texts = `${goText(other)} and ${goText(list)}`
      throw unprocessed(`${texts} are not deep equal: this may happen when calculating the 3-way diff patch`)
    }
    original[directive.retainKeys] = list
    return
  }
  if (!Array.isArray(list)) throw badFormat('retainKeys')
  const kept = new Set(list)
  for (const [key, value] of Object.entries(patch)) {
    const isParallel = key.startsWith(directive.deleteFromList) || key.startsWith(directive.elementOrder)
    if (value !== null && !isParallel && !kept.has(key)) throw badFormat('retainKeys')
  }
  for (const key of Object.keys(original)) if (!kept.has(key)) delete original[key]
}

/** `$setElementOrder/FIELD`: merges the list it is about here, and takes both out of the patch. */
function orderElements(original: Json, patch: Json, place: Place): void {
  for (const key of Object.keys(patch)) {
    if (!key.startsWith(directive.elementOrder)) continue
    const order = patch[key]
    if (!place.isFinal) {
      if (Object.hasOwn(original, key) && !isDeepStrictEqual(original[key], order)) throw badFormat('setElementOrder list')
      original[key] = order
    }
    delete patch[key]
    if (!Array.isArray(order)) throw badType('[]interface {}', order)
    const field = fieldOfDirective(key, directive.elementOrder)
    const merged = orderedList(original, patch, { field, order, place })
    if (!merged) continue
    original[field] = merged
    delete patch[field]
  }
}

interface Ordering {
  readonly field: string
  readonly order: readonly unknown[]
  readonly place: Place
}

function orderedList(original: Json, patch: Json, { field, order, place }: Ordering): unknown[] | undefined {
  const live = listAt(original, field)
  const change = listAt(patch, field)
  const meta = metaOfList(place.node, field)
  checkElementOrder(change ?? [], order, meta.mergeKey)
  if (!live && !change) return undefined
  const merged = mergeEither(live, change, { ...place, meta })
  const items = { areObjects: areObjects(live ?? [], change ?? []), mergeKey: meta.mergeKey }
  return inOrder(merged.list, { items, wanted: order, live: merged.live })
}

function mergeEither(live: unknown[] | undefined, change: unknown[] | undefined, place: ListPlace): MergedList {
  if (!change) return { list: live ?? [], live: live ?? [] }
  return live ? mergeList(live, change, place) : { list: plain(change, false) as unknown[], live: [] }
}

function listAt(parent: Json, field: string): unknown[] | undefined {
  if (!Object.hasOwn(parent, field)) return undefined
  const list = parent[field]
  if (!Array.isArray(list)) throw badType('[]interface {}', list)
  return list
}

interface ListPlace {
  readonly meta: PatchMeta
  readonly isFinal: boolean
}

interface MergedList {
  readonly list: unknown[]
  /**
   * The live list's order as `$setElementOrder` sees it afterwards: upstream deletes and appends in the memory of the live list, so
   * that new items stand in the places of deleted ones.
   */
  readonly live: readonly unknown[]
}

function mergeList(original: unknown[], patch: unknown[], { meta, isFinal }: ListPlace): MergedList {
  const { strategy, mergeKey, node } = meta
  if (strategy !== 'merge') return { list: patch, live: original }
  if (original.length === 0 && patch.length === 0) return { list: original, live: original }
  const items = { areObjects: areObjects(original, patch), mergeKey }
  if (!items.areObjects) {
    const merged = withoutRepetitions([...original, ...patch])
    return { list: inOrder(merged, { items, wanted: patch, live: original }), live: original }
  }
  if (mergeKey === '') throw unprocessed(`cannot merge lists without merge key for ${goKind(node)}`)
  const rest = obeyDirectives(original, patch, mergeKey)
  const merged = mergeItems(rest.original, rest.patch, { node, mergeKey, isFinal })
  const list = inOrder(merged, { items, wanted: rest.patch, live: rest.original })
  return { list, live: rest.isReplaced ? original : merged.slice(0, original.length) }
}

function mergeItems(original: readonly unknown[], patch: readonly Json[], place: Place & { mergeKey: string }): unknown[] {
  const result = [...original]
  const places = placesOf(result, place.mergeKey)
  for (const item of patch) {
    const key = keyOf(item, place.mergeKey)
    const at = places.get(key)
    if (at === undefined) places.set(key, result.push(item) - 1)
    else result[at] = mergeObject(result[at] as Json, item, place)
  }
  return result
}
