/** Types of custom resources, from the structural schema of their definition (upstream `pkg/cel/common/schemas.go`). */
import type { JsonSchema } from '../json-schema.ts'
import { escapeName } from './escape.ts'
import { Bool, type CelField, type CelType, Double, Int, Str } from './type.ts'

/** Bytes of the largest request. */
const maxRequest = 3 * 1024 * 1024
const maxText = maxRequest - 2
const maxDuration = 32
const dateSize = 12
const maxDateTime = 32

/**
 * The type that expressions see, with the largest sizes that fit into a request; undefined where expressions cannot see
 * the value, such as one that keeps unknown fields. `isRoot`: of a whole resource, which always has its metadata.
 */
export function celTypeOfJsonSchema(schema: JsonSchema, isRoot = false): CelType | undefined {
  if (schema['x-kubernetes-int-or-string']) {
    const maxElements = schema.maxLength === undefined ? maxText : Math.max(0, schema.maxLength) * 4
    return { kind: 'dyn', name: 'dyn', params: [], maxElements, minSize: 1 }
  }
  const isResource = isRoot || schema['x-kubernetes-embedded-resource'] === true
  const type = isResource ? 'object' : schema.type
  switch (type) {
    case 'array':
      return listType(schema)
    case 'object':
      return typeof schema.additionalProperties === 'object' ? mapType(schema) : objectType(schema, isResource)
    case 'string':
      return textType(schema)
    case 'boolean':
      return { ...Bool, minSize: 4 }
    case 'number':
      return { ...Double, minSize: 1 }
    case 'integer':
      return { ...Int, minSize: 1 }
    default:
      return undefined
  }
}

function listType(schema: JsonSchema): CelType | undefined {
  if (typeof schema.items !== 'object' || schema.items === null) return undefined
  const items = celTypeOfJsonSchema(schema.items as JsonSchema)
  if (!items) return undefined
  const listKind = schema['x-kubernetes-list-type']
  return {
    kind: 'list',
    name: 'list',
    params: [items],
    maxElements: bound(schema.maxItems) ?? Math.floor((maxRequest - 2) / ((items.minSize ?? 0) + 1)),
    minSize: 2,
    ...((listKind === 'set' || listKind === 'map') && { listType: listKind }),
    ...(listKind === 'map' && { mapKeys: schema['x-kubernetes-list-map-keys'] ?? [] }),
  }
}

function mapType(schema: JsonSchema): CelType | undefined {
  const values = celTypeOfJsonSchema(schema.additionalProperties as JsonSchema)
  if (!values) return undefined
  const maxElements = bound(schema.maxProperties) ?? Math.floor((maxRequest - 2) / ((values.minSize ?? 0) + 6))
  return { kind: 'map', name: 'map', params: [{ ...Str, maxElements: 0 }, values], maxElements, minSize: 2 }
}

const metadata: JsonSchema = { type: 'object', properties: { name: { type: 'string' }, generateName: { type: 'string' } } }

function objectType(schema: JsonSchema, isResource: boolean): CelType {
  const always = isResource && !hasMetadata(schema) ? { kind: { type: 'string' }, apiVersion: { type: 'string' }, metadata } : {}
  const fields = new Map<string, CelField>()
  let minSize = 2
  for (const [jsonName, property] of Object.entries<JsonSchema>({ ...schema.properties, ...always })) {
    const type = celTypeOfJsonSchema(property)
    if (!type) continue
    const required = schema.required?.includes(jsonName) ?? false
    const name = escapeName(jsonName)
    if (name !== undefined) fields.set(name, { type, jsonName, required })
    if (required && property.default === undefined) minSize += jsonName.length + (type.minSize ?? 0) + 4
  }
  return { kind: 'object', name: 'object', params: [], fields, minSize }
}

function hasMetadata({ properties }: JsonSchema): boolean {
  const names = properties?.metadata?.properties
  const texts = [properties?.kind, properties?.apiVersion, names?.name, names?.generateName]
  return texts.every((schema) => schema?.type === 'string')
}

function textType(schema: JsonSchema): CelType {
  const { format, maxLength } = schema
  switch (format) {
    case 'byte':
      return { kind: 'bytes', name: 'bytes', params: [], maxElements: bound(maxLength) ?? maxText, minSize: 2 }
    case 'duration':
      return { kind: 'duration', name: 'duration', params: [], maxElements: maxDuration, minSize: 3 }
    case 'date':
      return { kind: 'timestamp', name: 'timestamp', params: [], maxElements: dateSize, minSize: dateSize }
    case 'date-time':
      return { kind: 'timestamp', name: 'timestamp', params: [], maxElements: maxDateTime, minSize: 21 }
    default:
      return { ...Str, maxElements: longestText(schema), minSize: 2 }
  }
}

/** Upstream counts bytes, of which a character has up to four. */
function longestText({ maxLength, enum: values }: JsonSchema): number {
  if (maxLength !== undefined) return Math.max(0, maxLength) * 4
  if (!values || values.length === 0) return maxText
  return Math.max(0, ...values.map((value) => (typeof value === 'string' ? new TextEncoder().encode(value).length : 0)))
}

function bound(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.max(0, value)
}
