/**
 * Schemas as server-side apply sees them: what is a leaf, what is merged by which key. Everything about field ownership is computed over
 * these shapes. Facts are those of structured-merge-diff (package typed) over upstream's OpenAPI types.
 */
import { goText, keyElement, valueElement } from './field-set.ts'
import type { ListNode, Node, ObjectNode } from './words.ts'

export type Shape = ScalarShape | MapShape | ListShape | DeducedShape

export interface ScalarShape {
  readonly type: 'scalar'
  /** What `validateTyped` demands; `any` takes each of them. */
  readonly scalar: 'numeric' | 'string' | 'boolean' | 'any'
}

export interface MapShape {
  readonly type: 'map'
  readonly atomic: boolean
  /** Declared fields, sorted by name; none in plain maps. */
  readonly fields: readonly ShapeField[]
  /** Whether there is nothing beside the declared fields. */
  readonly isClosed: boolean
  field(name: string): ShapeField | undefined
  /** Of every other key; undefined where there may be none. */
  values(): Shape | undefined
}

export interface ShapeField {
  readonly name: string
  readonly element: string
  /** One letter, another for each field of the struct. */
  readonly letter: string
  /** True for names that every object inherits, such as `constructor`. */
  readonly isInherited: boolean
  shape(): Shape
  readonly default: unknown
}

export interface ListShape {
  readonly type: 'list'
  readonly kind: 'atomic' | 'set' | 'map'
  items(): Shape
  /** As declared, and sorted, as they stand in path elements. */
  readonly keys: readonly string[]
  readonly sortedKeys: readonly string[]
  /** Beginning of the path element of an item with a single key. */
  readonly prefix: string
}

/** No schema: lists are atomic, objects are maps of the same. */
export interface DeducedShape {
  readonly type: 'deduced'
}

/** A value that does not fit; the text is upstream's. */
export class TypedError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'TypedError'
  }
}

export const deduced: DeducedShape = { type: 'deduced' }

const shapes = new WeakMap<Node, Shape>()

export function shapeOf(node: Node): Shape {
  let shape = shapes.get(node)
  if (!shape) {
    shape = compile(node)
    shapes.set(node, shape)
  }
  return shape
}

function compile(node: Node): Shape {
  switch (node.type) {
    case 'object':
      return structShape(node)
    case 'map': {
      const values = () => shapeOf(node.values)
      return { type: 'map', atomic: node.atomic === true, fields: [], isClosed: false, field: () => undefined, values }
    }
    case 'list':
      return listShape(node)
    case 'raw':
      return deduced
    case 'int32':
    case 'int64':
    case 'double':
      return { type: 'scalar', scalar: 'numeric' }
    case 'string':
    case 'bytes':
      return { type: 'scalar', scalar: 'string' }
    case 'boolean':
      return { type: 'scalar', scalar: 'boolean' }
    default:
      return { type: 'scalar', scalar: 'any' }
  }
}

/** Of Unicode: letters that stand for nothing. */
const privateUse = 0xe000

function structShape(node: ObjectNode): MapShape {
  const fields = Object.keys(node.fields)
    .sort()
    .map((name, place): ShapeField => {
      const { schema, default: value } = node.fields[name] as ObjectNode['fields'][string]
      let shape: Shape | undefined
      return {
        name,
        element: `f:${name}`,
        letter: String.fromCharCode(privateUse + place),
        isInherited: name in Object.prototype,
        shape: () => (shape ??= shapeOf(schema)),
        default: typeof value === 'function' ? undefined : value,
      }
    })
  const byName = new Map(fields.map((field) => [field.name, field]))
  const values = node.keepsUnknown ? () => deduced : () => undefined
  const isClosed = !node.keepsUnknown
  return { type: 'map', atomic: node.atomic === true, fields, isClosed, field: (name) => byName.get(name), values }
}

function listShape(node: ListNode): ListShape {
  const keys = node.mapKeys ?? []
  let shape: Shape | undefined
  return {
    type: 'list',
    kind: node.listType ?? 'atomic',
    items: () => (shape ??= shapeOf(node.items)),
    keys,
    sortedKeys: [...keys].sort(),
    prefix: `k:{${goText(keys[0] ?? '')}:`,
  }
}

/** The path element of an item of a set or of a map list. */
export function itemElement(shape: ListShape, item: unknown): string {
  if (shape.kind === 'set') return setElement(item)
  if (item === null || item === undefined) throw new TypedError('associative list with keys may not have a null element')
  if (!isObject(item)) throw new TypedError('associative list with keys may not have non-map elements')
  const { sortedKeys } = shape
  if (sortedKeys.length === 1) {
    const value = keyValue(shape, item, sortedKeys[0] as string)
    if (value !== undefined) return `${shape.prefix}${goText(value)}}`
  } else {
    const values = sortedKeys.map((key) => keyValue(shape, item, key))
    if (values.some((value) => value !== undefined)) return keyElement(sortedKeys, values)
  }
  const keys = `[${shape.keys.map((key) => JSON.stringify(key)).join(' ')}]`
  const why = `omits all key fields ${keys} (and doesn't have default values for any key fields)`
  throw new TypedError(`associative list with keys has an element that ${why}`)
}

/** The only key of the items of a map list. */
export function soleKey({ kind, keys }: ListShape): string | undefined {
  return kind === 'map' && keys.length === 1 ? keys[0] : undefined
}

/** Whether two map lists have items of the same keys in the same order, each a text, and none twice. */
export function areAligned(shape: ListShape, left: readonly unknown[], right: readonly unknown[]): boolean {
  const key = soleKey(shape)
  if (key === undefined || left.length !== right.length) return false
  for (let i = 0; i < left.length; i++) {
    const name = nameAt(left, i, key)
    if (name === undefined || name !== nameAt(right, i, key)) return false
  }
  if (left.length === 1) return true
  const names = new Set<unknown>()
  for (let i = 0; i < left.length; i++) names.add(nameAt(left, i, key))
  return names.size === left.length
}

function nameAt(list: readonly unknown[], at: number, key: string): string | undefined {
  const item = list[at]
  const name = isObject(item) ? item[key] : undefined
  return typeof name === 'string' ? name : undefined
}

function keyValue(shape: ListShape, item: Record<string, unknown>, key: string): unknown {
  const value = item[key]
  if (value !== undefined && Object.hasOwn(item, key)) return value
  const items = shape.items()
  return items.type === 'map' ? items.field(key)?.default : undefined
}

function setElement(item: unknown): string {
  if (item === null || item === undefined) {
    throw new TypedError("associative list without keys has an element that's an explicit null")
  }
  if (Array.isArray(item)) throw new TypedError('not supported: associative list with lists as elements')
  if (typeof item === 'object') throw new TypedError("associative list without keys has an element that's a map type")
  return valueElement(item)
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What a value says about a place without a schema: the shape that it is walked as. */
export function deducedOf(value: unknown): 'map' | 'list' | 'scalar' {
  if (value === null || value === undefined) return 'map'
  if (typeof value !== 'object') return 'scalar'
  return Array.isArray(value) ? 'list' : 'map'
}

/** The shape of one key of a map; undefined: it may not be there. */
export function shapeAt(shape: MapShape | DeducedShape, key: string): Shape | undefined {
  if (shape.type === 'deduced') return deduced
  return shape.field(key)?.shape() ?? shape.values()
}

/** What stands in a declared field. */
export function valueIn(value: Record<string, unknown>, { name, isInherited }: ShapeField): unknown {
  return isInherited && !Object.hasOwn(value, name) ? undefined : value[name]
}

/** Keys in the order of path elements. */
export function sortedKeys(value: Record<string, unknown>): string[] {
  const keys = Object.keys(value)
  for (let i = 1; i < keys.length; i++) if ((keys[i - 1] as string) > (keys[i] as string)) return keys.sort()
  return keys
}
