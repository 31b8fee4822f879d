/** Fills in what a user left out: constant defaults of the schema at every depth, then those that need several fields. */
import { copyJson } from './copy.ts'
import { decode, isZero } from './decode.ts'
import { jsonFiller } from './default-json.ts'
import type { Kind, KubeObject } from './kind.ts'
import type { Field, Node, ObjectNode, Schema } from './words.ts'

/**
 * Changes a decoded object in place; doing it twice changes nothing more. Fields that are `kept`'s very own values have their defaults and
 * are shared: they stay as they are.
 */
export function applyDefaults(kind: Kind, object: KubeObject, kept?: Kept): void {
  fillerOf(kind.schema)?.(object, kept)
  kind.def.defaults?.(kept ? withCopies(object, kept) : object)
}

type Kept = Readonly<Record<string, unknown>>

/** Rules of a kind may write wherever they look. */
function withCopies(object: KubeObject, kept: Kept): KubeObject {
  const copy: Record<string, unknown> = { ...object }
  for (const name in copy) if (copy[name] === kept[name]) copy[name] = copyJson(copy[name])
  return copy as unknown as KubeObject
}

/** The constant defaults alone, for any part of an object. */
export function applySchemaDefaults(schema: Node, value: unknown): void {
  fillerOf(schema)?.(value)
}

/** Fills a value in place, but for fields of it that are `kept`'s; undefined where the schema has no default at any depth. */
type Filler = (value: unknown, kept?: Kept) => void

const fillers = new WeakMap<Node, Filler | null>()

function fillerOf(node: Node): Filler | undefined {
  const known = fillers.get(node)
  if (known !== undefined) return known ?? undefined
  // A schema that contains itself finds this entry, which looks up the finished one when it is called.
  fillers.set(node, (value) => fillers.get(node)?.(value))
  const filler = compile(node)
  fillers.set(node, filler ?? null)
  return filler
}

function compile(node: Node): Filler | undefined {
  if (node.json) return jsonFiller(node, { fillerOf, make: madeFrom })
  if (node.type === 'object') return objectFiller(node)
  if (node.type === 'list') {
    const fill = fillerOf(node.items)
    return fill && ((value) => fillAll(value as unknown[], fill))
  }
  if (node.type === 'map') {
    const fill = fillerOf(node.values)
    return fill && ((value) => fillAll(Object.values(value as object), fill))
  }
  return undefined
}

function fillAll(values: readonly unknown[], fill: Filler): void {
  for (const value of values) fill(value)
}

interface FieldFiller {
  readonly name: string
  readonly schema: Node
  readonly fill: Filler | undefined
  /** Makes the default, if there is one. */
  readonly make: (() => unknown) | undefined
  readonly isMissing: (value: unknown) => boolean
}

function objectFiller(node: ObjectNode): Filler | undefined {
  const fields = Object.entries(node.fields).flatMap(([name, field]) => fieldFiller(name, field) ?? [])
  if (fields.length === 0) return undefined
  return (value, kept) => {
    if (typeof value !== 'object' || value === null) return
    const object = value as Record<string, unknown>
    for (const { name, make, fill, isMissing } of fields) {
      if (kept && object[name] !== undefined && object[name] === kept[name]) continue
      if (make && isMissing(object[name])) object[name] = make()
      const held = object[name]
      if (fill && held !== undefined && held !== null) fill(held)
    }
  }
}

function fieldFiller(name: string, field: Field): FieldFiller | undefined {
  const { schema, presence } = field
  const fill = fillerOf(schema)
  const make = field.default === undefined ? undefined : () => madeFrom(schema, field.default)
  if (!fill && !make) return undefined
  const isAbsent = (value: unknown) => value === undefined || value === null
  const isMissing = presence === 'pointer' ? isAbsent : (value: unknown) => isAbsent(value) || isZero(schema, value)
  return { name, schema, fill, make, isMissing }
}

/** Decoding gives a fresh value in which the fields that are always present are there. */
function madeFrom(schema: Node, value: unknown): unknown {
  return decode(schema as Schema, typeof value === 'function' ? value() : value)
}
