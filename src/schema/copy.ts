/**
 * Copies of objects that in-process clients hand in, as if they had travelled as JSON: nothing is shared with the
 * caller, and what JSON cannot hold is refused instead of becoming null.
 */
import { setOwn } from './json-parser.ts'
import type { Node, ObjectNode, Schema } from './words.ts'

/**
 * A deep copy with fields in schema order. Drops undefined and fields that the schema does not have; throws TypeError
 * for NaN, Date, functions and other values outside JSON. A value of the wrong type is copied as it is: `decode` tells.
 */
export function copyObject<T>(schema: Schema<T>, value: unknown): T {
  return copierOf(schema)(value) as T
}

/** Raw values may nest so deep; far more than anybody needs, and less than overflows the stack of JSON.stringify. */
const maxRawDepth = 1000

/** A deep copy of any JSON value; RangeError where it nests too deep. */
export function copyJson(value: unknown): unknown {
  return copyAt(value, 0)
}

function copyAt(value: unknown, depth: number): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'bigint') return value
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError(`${value} cannot stand in an object: JSON has no such number`)
    return value
  }
  if (typeof value !== 'object') throw new TypeError(`a ${typeof value} cannot stand in an object`)
  if (depth >= maxRawDepth) throw new RangeError('exceeded max depth')
  if (Array.isArray(value)) return value.map((item) => copyAt(item === undefined ? null : item, depth + 1))
  requirePlain(value)
  const out: Record<string, unknown> = {}
  for (const [key, item] of Object.entries(value)) {
    if (item !== undefined) setOwn(out, key, copyAt(item, depth + 1))
  }
  return out
}

type Copier = (value: unknown) => unknown

const copiers = new WeakMap<Node, Copier>()

function copierOf(node: Node): Copier {
  let copier = copiers.get(node)
  if (!copier) {
    copier = compile(node)
    copiers.set(node, copier)
  }
  return copier
}

function compile(node: Node): Copier {
  if (node.type === 'object') return node.keepsUnknown ? copyJson : objectCopier(node)
  if (node.type === 'list') {
    return (value) => (Array.isArray(value) ? value.map((item) => copierOf(node.items)(item ?? null)) : copyJson(value))
  }
  return copyJson
}

function objectCopier(node: ObjectNode): Copier {
  // Compiled on first use, so that a schema may contain itself.
  let fields: [string, Copier][] | undefined
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return copyJson(value)
    requirePlain(value)
    fields ??= Object.entries(node.fields).map(([name, field]) => [name, copierOf(field.schema)])
    const source = value as Record<string, unknown>
    const out: Record<string, unknown> = {}
    for (const [name, copy] of fields) {
      const held = name in Object.prototype && !Object.hasOwn(source, name) ? undefined : source[name]
      if (held !== undefined) out[name] = copy(held)
    }
    return out
  }
}

function requirePlain(value: object): void {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return
  const name = (prototype as { constructor?: { name?: string } }).constructor?.name ?? 'unnamed class'
  throw new TypeError(`a ${name} cannot stand in an object`)
}
