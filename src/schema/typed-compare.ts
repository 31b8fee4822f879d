/** Which fields differ between two values of one shape (structured-merge-diff's `Compare`). */
import { empty, type FieldSet, inOrder, leaf } from './field-set.ts'
import {
  areAligned,
  deduced,
  deducedOf,
  isObject,
  itemElement,
  type ListShape,
  type MapShape,
  type Shape,
  shapeAt,
} from './typed.ts'
import { addedSet } from './typed-walk.ts'

export interface Comparison {
  readonly added: FieldSet
  readonly modified: FieldSet
  readonly removed: FieldSet
}

/** `skipped`: names of root fields that are not looked at. */
export function compareTyped(shape: Shape, lhs: unknown, rhs: unknown, skipped?: ReadonlySet<string>): Comparison {
  const found = lhs === rhs ? undefined : compareBoth(shape, lhs, rhs, skipped)
  return { added: found?.added ?? empty, modified: found?.modified ?? empty, removed: found?.removed ?? empty }
}

/** The differences at one place, as nodes of sets; most places have none. */
interface Found {
  added?: FieldSet
  modified?: FieldSet
  removed?: FieldSet
}

/** Neither is undefined. */
function compareBoth(shape: Shape, lhs: unknown, rhs: unknown, skipped?: ReadonlySet<string>): Found | undefined {
  if (shape.type === 'scalar') return compareLeaves(lhs, rhs)
  if (shape.type === 'deduced') return compareDeduced(lhs, rhs)
  if (shape.type === 'map') return shape.atomic ? compareLeaves(lhs, rhs) : compareFields(shape, lhs, rhs, skipped)
  if (shape.kind === 'atomic' || equalValues(lhs, rhs)) return compareLeaves(lhs, rhs)
  return compareItems(shape, lhs, rhs)
}

function compareLeaves(lhs: unknown, rhs: unknown): Found | undefined {
  return equalValues(lhs, rhs) ? undefined : { modified: leaf }
}

function compareEither(shape: Shape, lhs: unknown, rhs: unknown): Found | undefined {
  if (lhs === undefined) return { added: addedSet(shape, rhs) }
  if (rhs === undefined) return { removed: addedSet(shape, lhs) }
  return compareBoth(shape, lhs, rhs)
}

function compareDeduced(lhs: unknown, rhs: unknown): Found | undefined {
  const [left, right] = [deducedOf(lhs), deducedOf(rhs)]
  if (left === 'map' && right === 'map') return compareFields(deduced, lhs, rhs)
  const whole = compareLeaves(lhs, rhs)
  if (left !== 'map' && right !== 'map') return whole
  return withSelf(compareFields(deduced, lhs, rhs), whole)
}

/** What changed below, and that the place itself was modified. */
function withSelf(below: Found | undefined, whole: Found | undefined): Found | undefined {
  if (!below?.modified || !whole) return below ? { ...whole, ...below } : whole
  return { ...below, modified: below.modified === leaf ? leaf : { '.': leaf, ...below.modified } }
}

function compareFields(
  shape: MapShape | typeof deduced,
  lhs: unknown,
  rhs: unknown,
  skipped?: ReadonlySet<string>,
): Found | undefined {
  const left = isObject(lhs) ? lhs : undefined
  const right = isObject(rhs) ? rhs : undefined
  if (isBare(left) && isBare(right)) return compareLeaves(lhs, rhs)
  const gathered = new Gathered()
  for (const key in left) {
    const ours = left[key]
    const theirs = right && Object.hasOwn(right, key) ? right[key] : undefined
    if (ours === undefined || ours === theirs || skipped?.has(key)) continue
    const inner = shapeAt(shape, key)
    if (inner) gathered.put(`f:${key}`, compareEither(inner, ours, theirs))
  }
  for (const key in right) {
    if (right[key] === undefined || skipped?.has(key)) continue
    if (left && Object.hasOwn(left, key) && left[key] !== undefined) continue
    const inner = shapeAt(shape, key)
    if (inner) gathered.put(`f:${key}`, { added: addedSet(inner, right[key]) })
  }
  return gathered.found
}

function isBare(value: object | undefined): boolean {
  for (const _ in value) return false
  return true
}

type Building = { [element: string]: FieldSet }

/** Puts together what was found below one place. */
class Gathered {
  #added: Building | undefined
  #modified: Building | undefined
  #removed: Building | undefined

  put(element: string, found: Found | undefined): void {
    if (!found) return
    const { added, modified, removed } = found
    if (added) (this.#added ??= {})[element] = added
    if (modified) (this.#modified ??= {})[element] = modified
    if (removed) (this.#removed ??= {})[element] = removed
  }

  get found(): Found | undefined {
    if (!this.#added && !this.#modified && !this.#removed) return undefined
    return {
      ...(this.#added && { added: inOrder(this.#added) }),
      ...(this.#modified && { modified: inOrder(this.#modified) }),
      ...(this.#removed && { removed: inOrder(this.#removed) }),
    }
  }
}

function compareItems(shape: ListShape, lhs: unknown, rhs: unknown): Found | undefined {
  if (Array.isArray(lhs) && Array.isArray(rhs) && areAligned(shape, lhs, rhs)) return comparePairs(shape, lhs, rhs)
  const left = grouped(shape, lhs)
  const right = grouped(shape, rhs)
  if (left.size === 0 && right.size === 0) return compareLeaves(lhs, rhs)
  const items = shape.items()
  const gathered = new Gathered()
  for (const [element, ours] of left) gathered.put(element, compareGroups(items, ours, right.get(element) ?? none))
  for (const [element, theirs] of right) if (!left.has(element)) gathered.put(element, compareGroups(items, none, theirs))
  return gathered.found
}

const none: readonly unknown[] = []

function comparePairs(shape: ListShape, lhs: readonly unknown[], rhs: readonly unknown[]): Found | undefined {
  const items = shape.items()
  const gathered = new Gathered()
  for (let i = 0; i < lhs.length; i++) {
    if (!equalValues(lhs[i], rhs[i])) gathered.put(itemElement(shape, lhs[i]), compareBoth(items, lhs[i], rhs[i]))
  }
  return gathered.found
}

/** All items of one key; more than one are a single thing. */
function compareGroups(items: Shape, lhs: readonly unknown[], rhs: readonly unknown[]): Found | undefined {
  if (lhs.length <= 1 && rhs.length <= 1) return compareEither(items, lhs[0], rhs[0])
  if (lhs.length >= 2 && rhs.length >= 2) return compareLeaves(lhs, rhs)
  if (lhs.length >= 2) return { ...(rhs.length > 0 && { added: addedSet(items, rhs[0]) }), removed: leaf }
  return { ...(lhs.length > 0 && { removed: addedSet(items, lhs[0]) }), added: leaf }
}

function grouped(shape: ListShape, list: unknown): Map<string, unknown[]> {
  const groups = new Map<string, unknown[]>()
  if (!Array.isArray(list)) return groups
  for (const item of list) {
    const element = itemElement(shape, item)
    const group = groups.get(element)
    if (group) group.push(item)
    else groups.set(element, [item])
  }
  return groups
}

/** Numbers by value, everything else by content; nothing and null are the same (`value.Equals`). */
export function equalValues(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (a === null || b === null || a === undefined || b === undefined) return (a ?? null) === (b ?? null)
  if (typeof a !== 'object' || typeof b !== 'object') {
    return typeof a !== typeof b && isNumber(a) && isNumber(b) && Number(a) === Number(b)
  }
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => equalValues(item, b[i]))
  }
  return !Array.isArray(b) && equalRecords(a as Record<string, unknown>, b as Record<string, unknown>)
}

function isNumber(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'bigint'
}

function equalRecords(a: Record<string, unknown>, b: Record<string, unknown>): boolean {
  let fields = 0
  for (const key in a) {
    if (a[key] === undefined) continue
    if (!Object.hasOwn(b, key) || b[key] === undefined || !equalValues(a[key], b[key])) return false
    fields++
  }
  for (const key in b) if (b[key] !== undefined) fields--
  return fields === 0
}
