/** Defaults of a JSON schema, which are any JSON: for what is missing, and for a null that may not stay (apiextensions' `defaulting`). */
import { isRecord } from './json-schema.ts'
import type { Field, Node } from './words.ts'

export interface JsonDefaults {
  /** Undefined where nothing below the node has a default. */
  fillerOf(node: Node): ((value: unknown) => void) | undefined
  /** A fresh value. */
  make(node: Node, fallback: unknown): unknown
}

/** Fills a value of the node in place; values of another type are left to validation. */
export function jsonFiller(node: Node, defaults: JsonDefaults): ((value: unknown) => void) | undefined {
  switch (node.type) {
    case 'object': {
      const fields = Object.entries(node.fields).flatMap(([name, field]) => fieldFiller(name, field, defaults) ?? [])
      if (fields.length === 0) return undefined
      return (value) => {
        if (isRecord(value)) for (const fill of fields) fill(value)
      }
    }
    case 'list': {
      const fill = memberFiller(node.items, defaults)
      return (
        fill &&
        ((value) => {
          if (Array.isArray(value)) for (const at of value.keys()) fill(value, at)
        })
      )
    }
    case 'map': {
      const fill = memberFiller(node.values, defaults)
      return (
        fill &&
        ((value) => {
          if (isRecord(value)) for (const key of Object.keys(value)) fill(value, key)
        })
      )
    }
    default:
      return undefined
  }
}

function fieldFiller(name: string, field: Field, { fillerOf, make }: JsonDefaults) {
  const { schema, default: fallback } = field
  const fill = fillerOf(schema)
  if (!fill && fallback === undefined) return undefined
  return (object: Record<string, unknown>): void => {
    const held = Object.hasOwn(object, name) ? object[name] : undefined
    const isMissing = held === undefined || (held === null && !schema.json?.nullable)
    if (isMissing && fallback !== undefined) object[name] = make(schema, fallback)
    const now = Object.hasOwn(object, name) ? object[name] : undefined
    if (fill && now !== undefined && now !== null) fill(now)
  }
}

/** Of items and values: what is not there is not missing, only nulls are replaced. */
function memberFiller(schema: Node, { fillerOf, make }: JsonDefaults) {
  const fill = fillerOf(schema)
  const fallback = schema.json?.default
  if (!fill && fallback === undefined) return undefined
  return (holder: any, key: string | number): void => {
    if (holder[key] === null && fallback !== undefined && !schema.json?.nullable) holder[key] = make(schema, fallback)
    const now = holder[key]
    if (fill && now !== undefined && now !== null) fill(now)
  }
}
