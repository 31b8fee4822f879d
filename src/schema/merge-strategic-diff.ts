/**
 * Makes strategic merge patches: the one that turns a document into another, and the one that `kubectl apply` sends.
 * Source of the rules: apimachinery `pkg/util/strategicpatch/patch.go`.
 */
import { isDeepStrictEqual } from 'node:util'
import { copyJson } from './copy.ts'
import { setOwn } from './json-parser.ts'
import { joinPatches } from './merge-strategic.ts'
import { areObjects, compareText, keyOf, sortBy, sortScalars, withoutRepetitions } from './merge-strategic-lists.ts'
import {
  directive,
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

/** The patch that makes `modified` of `original` (`CreateTwoWayMergePatch`): what edit, label and set send. Empty: nothing differs. */
export function twoWayPatch(schema: Schema<any> | Node, original: object, modified: object): Json {
  return diff(schema as Node, original, { modified, changes: true, deletions: true })
}

/**
 * The patch of `kubectl apply` (`CreateThreeWayMergePatch`): what `modified` says and `current` does not, and the removal of what
 * `original`, the last applied configuration, had and `modified` has no more. What others set is left alone.
 */
export function threeWayPatch(
  schema: Schema<any> | Node,
  { original, modified, current }: { original: object; modified: object; current: object },
): Json {
  const changes = diff(schema as Node, current, { modified, changes: true, deletions: false })
  const deletions = diff(schema as Node, original, { modified, changes: false, deletions: true })
  return joinPatches(schema as Node, deletions, changes)
}

interface Wanted {
  readonly modified: object
  readonly changes: boolean
  readonly deletions: boolean
}

/** Works on copies, so that the patch shares nothing with what it was made of. */
function diff(node: Node, original: object, { modified, changes, deletions }: Wanted): Json {
  return diffObjects(copyJson(original) as Json, copyJson(modified) as Json, { node, changes, deletions, retainsKeys: false })
}

interface Options {
  readonly node: Node
  /** Whether changes and additions go into the patch. */
  readonly changes: boolean
  readonly deletions: boolean
  /** Whether the object's patch says which keys are all that shall stay. */
  readonly retainsKeys: boolean
}

function diffObjects(original: Json, modified: Json, options: Options): Json {
  const patch: Json = {}
  for (const [key, value] of Object.entries(modified)) {
    if (!Object.hasOwn(original, key) || (key !== directive.patch && goType(original[key]) !== goType(value))) {
      if (options.changes) setOwn(patch, key, value)
    } else if (key === directive.patch) diffDirective(original[key], value, patch)
    else diffField(key, { before: original[key], after: value, patch }, options)
  }
  if (options.deletions) for (const key of Object.keys(original)) if (!Object.hasOwn(modified, key)) setOwn(patch, key, null)
  if (options.retainsKeys) {
    const keys = Object.keys(modified).filter((key) => modified[key] !== null)
    const isReduced = Object.keys(original).some((key) => original[key] !== null && !Object.hasOwn(modified, key))
    if (keys.length > 0 && (Object.keys(patch).length > 0 || isReduced)) patch[directive.retainKeys] = keys.sort()
  }
  return patch
}

function diffDirective(before: unknown, after: unknown, patch: Json): void {
  if (typeof before !== 'string' || typeof after !== 'string')
    throw unprocessed(`invalid value for special key: ${directive.patch}`)
  if (before !== after) patch[directive.patch] = after
}

interface Change {
  readonly before: unknown
  readonly after: unknown
  readonly patch: Json
}

function diffField(key: string, { before, after, patch }: Change, options: Options): void {
  const find = isObject(after) ? metaOfObject : Array.isArray(after) ? metaOfList : undefined
  if (find && isUnknown(options.node, key) && isDeepStrictEqual(before, after)) return
  const meta = find?.(options.node, key)
  if (meta && isObject(after) && meta.strategy !== 'replace') {
    const inner = diffObjects(before as Json, after, { ...options, node: meta.node, retainsKeys: meta.retainKeys })
    if (Object.keys(inner).length > 0) setOwn(patch, key, inner)
  } else if (meta && Array.isArray(after) && meta.strategy === 'merge') {
    diffMergedList(key, { before: before as unknown[], after, patch }, { ...options, meta, retainsKeys: meta.retainKeys })
  } else if (options.changes && (meta?.strategy === 'replace' || !isDeepStrictEqual(before, after))) setOwn(patch, key, after)
}

/** Where the schema cannot tell about a field, equal values need no patch and others are an error. */
function isUnknown(node: Node, key: string): boolean {
  return node.type !== 'object' || !Object.hasOwn(node.fields, key)
}

interface ListOptions extends Options {
  readonly meta: PatchMeta
}

interface ListChange {
  readonly before: unknown[]
  readonly after: unknown[]
  readonly patch: Json
}

function diffMergedList(key: string, { before, after, patch }: ListChange, options: ListOptions): void {
  if (before.length === 0) {
    if (after.length > 0 && options.changes) setOwn(patch, key, after)
    return
  }
  const isOfObjects = areObjects(before, after)
  const { items, deleted, order } = isOfObjects
    ? diffObjectLists(before, after, options)
    : diffScalarLists(before, after, options)
  if (items.length > 0) patch[key] = items
  if (deleted.length > 0) patch[`${directive.deleteFromList}/${key}`] = deleted
  if (order.length > 0) patch[`${directive.elementOrder}/${key}`] = order
}

interface ListDiff {
  readonly items: unknown[]
  /** Scalars to delete. */
  readonly deleted: unknown[]
  readonly order: unknown[]
}

/**
 * Upstream compares the order with an original that it has sorted by then: an unsorted list always asks for its order, and a change into
 * sorted order goes unnoticed. Kept, since the patches of kubectl show it.
 */
function diffScalarLists(before: unknown[], after: unknown[], { changes, deletions }: ListOptions): ListDiff {
  const [old, now] = [sortScalars(before), sortScalars(after)]
  const added: unknown[] = []
  const gone: unknown[] = []
  walkBoth(old, now, {
    textOf: goText,
    onlyOld: (item) => deletions && gone.push(item),
    onlyNew: (item) => changes && added.push(item),
  })
  const isOrdered = (deletions && gone.length > 0) || (changes && !isDeepStrictEqual(old, after))
  return {
    items: sortBy(added, after, { areObjects: false, mergeKey: '' }),
    deleted: withoutRepetitions(gone),
    order: isOrdered ? after : [],
  }
}

function diffObjectLists(before: unknown[], after: unknown[], options: ListOptions): ListDiff {
  const { mergeKey, node } = options.meta
  const byKey = (a: unknown, b: unknown) => compareText(goText((a as Json)[mergeKey]), goText((b as Json)[mergeKey]))
  const changed: unknown[] = []
  const gone: unknown[] = []
  walkBoth([...before].sort(byKey), [...after].sort(byKey), {
    textOf: (item) => goText(keyOf(item, mergeKey)),
    onlyOld: (item) => options.deletions && gone.push({ [directive.patch]: 'delete', [mergeKey]: keyOf(item, mergeKey) }),
    onlyNew: (item) => options.changes && changed.push(item),
    both: (old, now) => {
      const inner = diffObjects(old as Json, now as Json, { ...options, node })
      if (Object.keys(inner).length > 0) changed.push({ ...inner, [mergeKey]: keyOf(now, mergeKey) })
    },
  })
  const items = [...sortBy(changed, after, { areObjects: true, mergeKey }), ...gone]
  const isSameOrder =
    before.length === after.length && before.every((item, i) => keyOf(item, mergeKey) === keyOf(after[i], mergeKey))
  const isOrdered = items.length > 0 ? options.changes || options.deletions : options.changes && !isSameOrder
  return { items, deleted: [], order: isOrdered ? after.map((item) => ({ [mergeKey]: keyOf(item, mergeKey) })) : [] }
}

interface Walk {
  textOf(item: unknown): string
  onlyOld(item: unknown): void
  onlyNew(item: unknown): void
  both?(old: unknown, now: unknown): void
}

/** Side by side through two sorted lists. */
function walkBoth(old: readonly unknown[], now: readonly unknown[], { textOf, onlyOld, onlyNew, both }: Walk): void {
  let i = 0
  let j = 0
  while (i < old.length || j < now.length) {
    const sign = i >= old.length ? 1 : j >= now.length ? -1 : compareText(textOf(old[i]), textOf(now[j]))
    if (sign < 0) onlyOld(old[i++])
    else if (sign > 0) onlyNew(now[j++])
    else both?.(old[i++], now[j++])
    if (sign === 0 && !both) {
      i++
      j++
    }
  }
}
