/**
 * What one value says about ownership: whether it fits its shape, which fields an apply of it owns, which fields its appearance adds.
 * Sets come out in canonical order, since fields are walked in it.
 */
import { type FieldSet, inOrder, leaf, pathText } from './field-set.ts'
import {
  type deduced,
  deducedOf,
  isObject,
  itemElement,
  type ListShape,
  type MapShape,
  type Shape,
  type ShapeField,
  shapeAt,
  soleKey,
  sortedKeys,
  TypedError,
  valueIn,
} from './typed.ts'

type Building = { [element: string]: FieldSet }

/** Throws TypedError with upstream's text where an applied value does not fit; duplicates in sets and map lists are errors too. */
export function validateTyped(shape: Shape, value: unknown): void {
  const errors: string[] = []
  check(shape, value, { at: [], errors })
  if (errors.length === 1) throw new TypedError(errors[0] as string)
  if (errors.length > 1) throw new TypedError(['errors:', ...errors.map((error) => `  ${error}`)].join('\n'))
}

interface Checking {
  readonly at: string[]
  readonly errors: string[]
}

function check(shape: Shape, value: unknown, { at, errors }: Checking): void {
  if (value === null || value === undefined) return
  if (shape.type === 'deduced') return
  const refuse = (why: string) => void errors.push(at.length > 0 ? `${pathText(at)}: ${why}` : why)
  if (shape.type === 'scalar') {
    const why = scalarError(shape.scalar, value)
    if (why) refuse(why)
  } else if (shape.type === 'list') {
    if (!Array.isArray(value)) return refuse(`expected list, got ${goValue(value)}`)
    checkItems(shape, value, { at, errors })
  } else {
    if (!isObject(value)) return refuse(`expected map, got ${goValue(value)}`)
    for (const key of Object.keys(value)) {
      const inner = shapeAt(shape, key)
      at.push(`f:${key}`)
      if (inner) check(inner, value[key], { at, errors })
      else errors.push(`${pathText(at)}: field not declared in schema`)
      at.pop()
    }
  }
}

function checkItems(shape: ListShape, list: readonly unknown[], { at, errors }: Checking): void {
  const seen = new Set<string>()
  for (let i = 0; i < list.length; i++) {
    let element = `i:${i}`
    if (shape.kind !== 'atomic') {
      try {
        element = itemElement(shape, list[i])
      } catch (error) {
        errors.push(`${pathText(at)}: element ${i}: ${(error as Error).message}`)
        return
      }
      if (seen.has(element)) errors.push(`${pathText(at)}: duplicate entries for key ${pathText([element])}`)
      seen.add(element)
    }
    at.push(element)
    check(shape.items(), list[i], { at, errors })
    at.pop()
  }
}

function scalarError(scalar: string, value: unknown): string | undefined {
  switch (scalar) {
    case 'numeric':
      if (typeof value === 'number' || typeof value === 'bigint') return undefined
      return `expected numeric (int or float), got ${goType(value)}`
    case 'string':
      return typeof value === 'string' ? undefined : `expected string, got &value.valueUnstructured{Value:${goSyntax(value)}}`
    case 'boolean':
      return typeof value === 'boolean' ? undefined : `expected boolean, got &{${goValue(value)}}`
    default:
      return typeof value === 'object' ? `expected any scalar, got &{${goValue(value)}}` : undefined
  }
}

/** `%T` of what Go decodes from JSON. */
function goType(value: unknown): string {
  if (typeof value === 'string') return 'string'
  if (typeof value === 'boolean') return 'bool'
  return Array.isArray(value) ? '[]interface {}' : 'map[string]interface {}'
}

/** `%v` */
function goValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(goValue).join(' ')}]`
  if (!isObject(value)) return value === null ? '<nil>' : String(value)
  return `map[${sortedKeys(value)
    .map((key) => `${key}:${goValue(value[key])}`)
    .join(' ')}]`
}

/** `%#v` */
function goSyntax(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value !== 'object' || value === null) return value === null ? 'interface {}(nil)' : String(value)
  if (Array.isArray(value)) return `[]interface {}{${value.map(goSyntax).join(', ')}}`
  const fields = sortedKeys(value as Record<string, unknown>)
  return `map[string]interface {}{${fields.map((key) => `${JSON.stringify(key)}:${goSyntax((value as any)[key])}`).join(', ')}}`
}

/** What an apply of `value` owns (`ToFieldSet`): leaves, keys of maps, items of lists; fields of structs only by what is in them. */
export function fieldSetOf(shape: Shape, value: unknown): FieldSet {
  return ownedBelow(shape, value, false) ?? leaf
}

/** Undefined: nothing there is owned. A leaf is the value itself, which is owned in any case where `isItself`. */
function ownedBelow(shape: Shape, value: unknown, isItself: boolean): FieldSet | undefined {
  const type = shape.type === 'deduced' ? deducedOf(value) : shape.type
  if (type === 'scalar') return leaf
  let below: FieldSet | undefined
  if (type === 'list') {
    if (shape.type !== 'list' || shape.kind === 'atomic') return leaf
    if (Array.isArray(value)) below = ownedItems(shape, value, isItself)
  } else {
    if (shape.type === 'map' && shape.atomic) return leaf
    const plain = isItself && shape.type === 'map' && isObject(value) ? plainSet(shape, value) : undefined
    if (plain) return plain
    if (isObject(value)) below = ownedFields(shape as MapShape, value, isItself)
  }
  return below ?? (isItself ? leaf : undefined)
}

function ownedFields(shape: MapShape | typeof deduced, value: Record<string, unknown>, isItself: boolean): FieldSet | undefined {
  let out: Building | undefined
  for (const key of sortedKeys(value)) {
    const inner = value[key]
    if (inner === undefined) continue
    const field = shape.type === 'map' ? shape.field(key) : undefined
    const innerShape = field ? field.shape() : shapeAt(shape, key)
    if (!innerShape) continue
    const node = ownedBelow(innerShape, inner, !field || inner === null || isBare(inner))
    if (!node) continue
    out ??= isItself ? { '.': leaf } : {}
    out[field ? field.element : `f:${key}`] = node
  }
  return out
}

/** An empty object. */
function isBare(value: unknown): boolean {
  if (!isObject(value)) return false
  for (const _ in value) return false
  return true
}

function ownedItems(shape: ListShape, list: readonly unknown[], isItself: boolean): FieldSet | undefined {
  if (list.length === 0) return undefined
  return knownList(shape, list, isItself) ?? newOwnedItems(shape, list, isItself)
}

function newOwnedItems(shape: ListShape, list: readonly unknown[], isItself: boolean): FieldSet {
  const out: Building = isItself ? { '.': leaf } : {}
  const items = shape.items()
  const seen = new Set<string>()
  for (const item of list) {
    const element = itemElement(shape, item)
    out[element] = seen.has(element) ? leaf : (ownedBelow(items, item, true) as FieldSet)
    seen.add(element)
  }
  return inOrder(out)
}

/** Everything that comes with a value that was not there before, itself included, as a node of a set (`Compare` with nothing). */
export function addedSet(shape: Shape, value: unknown): FieldSet {
  if (typeof value !== 'object' || value === null) return leaf
  if (shape.type === 'scalar' || (shape.type === 'map' && shape.atomic)) return leaf
  if (Array.isArray(value)) {
    return shape.type === 'list' && shape.kind !== 'atomic' && value.length > 0 ? addedItems(shape, value) : leaf
  }
  if (shape.type === 'list') return leaf
  if (shape.type === 'map' && shape.isClosed) return addedStruct(shape, value as Record<string, unknown>)
  return addedFields(shape, value as Record<string, unknown>)
}

/** Sets of structs that hold nothing but scalars, by which of their first fields are there: most items of lists are alike. */
const plainStructs = new WeakMap<MapShape, Map<number, FieldSet>>()

/** Fields that fit the bits of a small integer. */
const mostBits = 30

/** Which fields are there, as bits; 0 where one holds more than a scalar, or there are too many to tell. */
function scalarsIn({ fields }: MapShape, value: Record<string, unknown>): number {
  if (fields.length > mostBits) return 0
  let bits = 0
  for (let i = 0; i < fields.length; i++) {
    const inner = valueIn(value, fields[i] as ShapeField)
    if (inner === undefined) continue
    if (typeof inner === 'object') return 0
    bits |= 1 << i
  }
  return bits
}

/** The set of a struct of scalars, itself included; undefined of anything else. */
function plainSet(shape: MapShape, value: Record<string, unknown>): FieldSet | undefined {
  const bits = shape.isClosed ? scalarsIn(shape, value) : 0
  if (bits === 0) return undefined
  let known = plainStructs.get(shape)
  if (!known) plainStructs.set(shape, (known = new Map()))
  let set = known.get(bits)
  if (!set) known.set(bits, (set = newStruct(shape, value)))
  return set
}

function addedStruct(shape: MapShape, value: Record<string, unknown>): FieldSet {
  return plainSet(shape, value) ?? newStruct(shape, value)
}

function newStruct({ fields }: MapShape, value: Record<string, unknown>): FieldSet {
  let out: Building | undefined
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i] as ShapeField
    const inner = valueIn(value, field)
    if (inner === undefined) continue
    out ??= { '.': leaf }
    out[field.element] = addedSet(field.shape(), inner)
  }
  return out ?? leaf
}

function addedFields(shape: MapShape | typeof deduced, value: Record<string, unknown>): FieldSet {
  let out: Building | undefined
  for (const key of sortedKeys(value)) {
    const inner = value[key]
    const innerShape = shapeAt(shape, key)
    if (inner === undefined || !innerShape) continue
    out ??= { '.': leaf }
    out[`f:${key}`] = addedSet(innerShape, inner)
  }
  return out ?? leaf
}

/** Sets of lists whose items are structs of scalars, by their keys and fields: the objects of one template all have the same. */
const plainLists = new WeakMap<ListShape, Map<string, FieldSet>>()

/** Shorter lists are not worth it; longer texts and more of them are not worth the memory. */
const shortList = 4
const longSignature = 16 << 10
const mostLists = 200

function knownList(shape: ListShape, list: readonly unknown[], isItself: boolean): FieldSet | undefined {
  const signature = list.length >= shortList ? signatureOf(shape, list) : undefined
  if (signature === undefined || signature.length > longSignature) return undefined
  let known = plainLists.get(shape)
  if (!known) plainLists.set(shape, (known = new Map()))
  const name = isItself ? signature : `-${signature}`
  let set = known.get(name)
  if (!set) {
    if (known.size >= mostLists) known.clear()
    known.set(name, (set = newOwnedItems(shape, list, isItself)))
  }
  return set
}

/** Key and present fields of each item; undefined where an item is no struct of scalars with a text as its only key. */
function signatureOf(shape: ListShape, list: readonly unknown[]): string | undefined {
  const items = shape.items()
  const key = soleKey(shape)
  if (key === undefined || items.type !== 'map' || !items.isClosed) return undefined
  let signature = ''
  for (let i = 0; i < list.length; i++) {
    const item = list[i]
    if (!isObject(item)) return undefined
    const name = item[key]
    const bits = scalarsIn(items, item)
    if (typeof name !== 'string' || bits === 0) return undefined
    signature += `${bits} ${name.length} ${name}`
  }
  return signature
}

function addedItems(shape: ListShape, list: readonly unknown[]): FieldSet {
  const known = knownList(shape, list, true)
  if (known) return known
  const out: Building = { '.': leaf }
  const items = shape.items()
  for (const item of list) {
    const element = itemElement(shape, item)
    out[element] = out[element] === undefined ? addedSet(items, item) : leaf
  }
  return inOrder(out)
}
