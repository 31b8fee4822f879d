/**
 * The merge of server-side apply: what an applied object makes of the live one, and the removal of what a set names. Values are never
 * changed; what stays the same is shared (structured-merge-diff's `Merge` and `RemoveItems`).
 */
import { type FieldSet, inOrder, isEmpty, isMember, leaf } from './field-set.ts'
import { setOwn } from './json-parser.ts'

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
  TypedError,
} from './typed.ts'

type Json = Record<string, unknown>

/** The live value with everything that is applied; lists keep their order as far as the applied one leaves it open. */
export function mergeTyped(shape: Shape, live: unknown, applied: unknown): unknown {
  return merged(shape, live, applied)
}

/** One of the two may be undefined; so is the answer where nothing is left. */
function merged(shape: Shape, lhs: unknown, rhs: unknown): unknown {
  if (rhs === undefined) return lhs
  if (shape.type === 'scalar') return rhs
  if (shape.type === 'list') return shape.kind === 'atomic' ? rhs : mergeList(shape, lhs, rhs)
  if (shape.type === 'deduced') {
    if (deducedOf(rhs) !== 'map') return rhs
    return mergeMap(deduced, lhs, rhs)
  }
  return shape.atomic ? rhs : mergeMap(shape, lhs, rhs)
}

function mergeMap(shape: MapShape | typeof deduced, lhs: unknown, rhs: unknown): unknown {
  const left = isObject(lhs) ? lhs : undefined
  const right = isObject(rhs) ? rhs : undefined
  if (isBare(left) && isBare(right)) return rhs
  if (!right) return left
  const out: Json = { ...left }
  for (const key of Object.keys(right)) {
    const inner = shapeAt(shape, key)
    if (!inner) continue
    const value = merged(inner, left && Object.hasOwn(left, key) ? left[key] : undefined, right[key])
    if (value !== undefined) setOwn(out, key, value)
  }
  return out
}

function isBare(value: object | undefined): boolean {
  for (const _ in value) return false
  return true
}

interface Indexed {
  readonly elements: readonly string[]
  /** null for what stands there more than once. */
  readonly values: ReadonlyMap<string, unknown>
}

function indexed(shape: ListShape, list: readonly unknown[], allowsDuplicates: boolean): Indexed {
  const values = new Map<string, unknown>()
  const elements = list.map((item, i) => {
    const element = at(i, () => itemElement(shape, item))
    if (values.has(element) && !allowsDuplicates) throw new TypedError(`duplicate entries for key ${element}`)
    values.set(element, values.has(element) ? null : item)
    return element
  })
  return { elements, values }
}

function at<T>(index: number, make: () => T): T {
  try {
    return make()
  } catch (error) {
    throw new TypedError(`element ${index}: ${(error as Error).message}`)
  }
}

/** The applied order rules among what is applied; what only the live list has keeps its place between its neighbours. */
function mergeList(shape: ListShape, lhs: unknown, rhs: unknown): unknown {
  const live = Array.isArray(lhs) ? lhs : []
  const applied = Array.isArray(rhs) ? rhs : []
  if (live.length === 0 && applied.length === 0) return rhs
  if (areAligned(shape, live, applied)) return mergePairs(shape.items(), live, applied)
  const left = indexed(shape, live, true)
  const right = indexed(shape, applied, false)
  const shared = right.elements.filter((element) => left.values.has(element))
  const done = new Set<string>()
  const out: unknown[] = []
  const items = shape.items()
  const put = (element: string) => {
    done.add(element)
    const value = merged(items, left.values.get(element), right.values.get(element))
    if (value !== undefined) out.push(value)
  }
  let nextShared = 0
  let l = 0
  let r = 0
  while (l < live.length || r < applied.length) {
    const ours = left.elements[l]
    const theirs = right.elements[r]
    if (ours !== undefined && theirs !== undefined) {
      if (ours === theirs) {
        put(ours)
        l++
        r++
        nextShared++
        continue
      }
      const wanted = shared[nextShared]
      if (right.values.has(ours) && wanted !== undefined && wanted !== ours) {
        l++
        continue
      }
    }
    if (ours !== undefined) {
      if (!right.values.has(ours)) {
        out.push(live[l])
        l++
        continue
      }
      if (done.has(ours)) l++
    }
    if (theirs !== undefined) {
      put(theirs)
      r++
      if (shared[nextShared] === theirs) nextShared++
    }
  }
  return out
}

function mergePairs(items: Shape, live: readonly unknown[], applied: readonly unknown[]): unknown[] {
  const out: unknown[] = []
  for (let i = 0; i < live.length; i++) {
    const value = merged(items, live[i], applied[i])
    if (value !== undefined) out.push(value)
  }
  return out
}

/** The value without what the set names; a struct that loses its fields stays behind empty. */
export function removeItems(shape: Shape, value: unknown, set: FieldSet): unknown {
  if (isEmpty(set)) return value
  return removed(shape, value, set)
}

function removed(shape: Shape, value: unknown, set: FieldSet): unknown {
  if (shape.type === 'scalar' || value === null || value === undefined) return value
  if (shape.type === 'list') return removedFromList(shape, value, set)
  if (shape.type === 'deduced') {
    const type = deducedOf(value)
    if (type !== 'map') return type === 'scalar' ? value : undefined
    return removedFromMap(deduced, value, set)
  }
  return removedFromMap(shape, value, set)
}

function removedFromList(shape: ListShape, list: unknown, set: FieldSet): unknown {
  if (!Array.isArray(list) || list.length === 0 || shape.kind === 'atomic') return undefined
  const out: unknown[] = []
  let touched = false
  for (const item of list) {
    const element = elementOrNone(shape, item)
    const node = element === undefined ? undefined : set[element]
    if (node && isMember(node)) continue
    if (node) touched = true
    out.push(node ? inside(shape.items(), item, node) : item)
  }
  return out.length > 0 || touched ? out : undefined
}

function elementOrNone(shape: ListShape, item: unknown): string | undefined {
  try {
    return itemElement(shape, item)
  } catch {
    return undefined
  }
}

function removedFromMap(shape: MapShape | typeof deduced, value: unknown, set: FieldSet): unknown {
  if (!isObject(value) || isBare(value) || (shape.type === 'map' && shape.atomic)) return undefined
  const out: Json = {}
  let touched = false
  for (const key of Object.keys(value)) {
    const node = set[`f:${key}`]
    if (node && isMember(node)) continue
    if (node) touched = true
    const inner = shapeAt(shape, key)
    setOwn(out, key, node && inner ? inside(inner, value[key], node) : value[key])
  }
  return touched || !isBare(out) ? out : undefined
}

/** What became nothing stays as an empty one of its type. */
function inside(shape: Shape, value: unknown, node: FieldSet): unknown {
  const left = removed(shape, value, node)
  if (left !== undefined && left !== null) return left
  if (Array.isArray(value)) return []
  return isObject(value) ? {} : null
}

/** The set in which each declared field that has something below it is a member (`EnsureNamedFieldsAreMembers`). */
export function withNamedFields(shape: Shape | undefined, set: FieldSet): FieldSet {
  const out: { [element: string]: FieldSet } = {}
  for (const element in set) {
    if (element === '.') {
      out[element] = leaf
      continue
    }
    const node = set[element] as FieldSet
    const { inner, isDeclared } = below(shape, element)
    const children = withNamedFields(inner, node)
    out[element] = isDeclared && !isMember(children) ? { '.': leaf, ...children } : children
  }
  return out
}

function below(shape: Shape | undefined, element: string): { inner: Shape | undefined; isDeclared: boolean } {
  if (element[0] === 'f' && (shape?.type === 'map' || shape?.type === 'deduced')) {
    const name = element.slice(2)
    const isDeclared = shape.type === 'map' && shape.field(name) !== undefined
    return { inner: shapeAt(shape, name), isDeclared }
  }
  if (element[0] === 'k' && shape?.type === 'list') return { inner: shape.items(), isDeclared: false }
  return { inner: undefined, isDeclared: false }
}

const reconciled = new WeakMap<FieldSet, WeakMap<Shape, FieldSet>>()

/** The set with the paths below what has become atomic replaced by the atomic itself (`ReconcileFieldSetWithSchema`). */
export function reconcile(shape: Shape, set: FieldSet): FieldSet {
  let known = reconciled.get(set)
  if (!known) reconciled.set(set, (known = new WeakMap()))
  let result = known.get(shape)
  if (!result) known.set(shape, (result = reconcileChildren(shape, set)))
  return result
}

function reconcileChildren(shape: Shape | undefined, set: FieldSet): FieldSet {
  if (!shape || shape.type === 'deduced' || shape.type === 'scalar') return set
  let out: { [element: string]: FieldSet } | undefined
  for (const element in set) {
    if (element === '.') continue
    const node = set[element] as FieldSet
    const { inner } = below(shape, element)
    const next = isAtomic(inner) && !isEmpty(node) ? leaf : reconcileChildren(inner, node)
    if (next === node) continue
    out ??= { ...set }
    out[element] = next
  }
  return out ? inOrder(out) : set
}

function isAtomic(shape: Shape | undefined): boolean {
  return (shape?.type === 'map' && shape.atomic) || (shape?.type === 'list' && shape.kind === 'atomic')
}
