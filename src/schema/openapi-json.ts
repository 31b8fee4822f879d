/** JSON schemas of custom resources as OpenAPI publishes them (apiextensions' `controller/openapi/builder`). */
import { itemsOf, type JsonSchema, valuesOf } from './json-schema.ts'

type JsonObject = Record<string, unknown>
type Dialect = 2 | 3

/** Version 2 leaves out what old clients stumble over: junctors, types of what may be null or anything. */
export function publishedJson(json: JsonSchema, dialect: Dialect): JsonObject {
  return dialect === 2 ? versionTwo(json) : versionThree(json)
}

/** Of a kind that keeps all unknown fields version 2 says nothing more, or else clients would take them for errors. */
export function publishedRoot(json: JsonSchema, dialect: Dialect, typeMeta: JsonObject): JsonObject {
  if (dialect === 2 && json['x-kubernetes-preserve-unknown-fields']) return { type: 'object' }
  const { properties, ...rest } = publishedJson(json, dialect)
  return { ...rest, type: 'object', properties: { ...(properties as JsonObject), ...typeMeta } }
}

function versionThree(json: JsonSchema): JsonObject {
  const { properties, items: _, additionalProperties, ...rest } = json
  const items = itemsOf(json)
  const values = valuesOf(json)
  return {
    ...rest,
    ...(json['x-kubernetes-int-or-string'] && eitherType(json)),
    ...(properties && { properties: mapped(properties, versionThree) }),
    ...(items && { items: versionThree(items) }),
    ...(additionalProperties !== undefined && { additionalProperties: values ? versionThree(values) : additionalProperties }),
    ...(json['x-kubernetes-embedded-resource'] && embedded(json, versionThree)),
  }
}

function eitherType({ anyOf, allOf }: JsonSchema): JsonObject {
  const either = [{ type: 'integer' }, { type: 'string' }]
  if (!anyOf) return { anyOf: either }
  return isEither(anyOf) || isEither(allOf?.[0]?.anyOf) ? {} : { allOf: [{ anyOf: either }, ...(allOf ?? [])] }
}

function isEither(schemas: readonly JsonSchema[] | undefined): boolean {
  return JSON.stringify(schemas) === '[{"type":"integer"},{"type":"string"}]'
}

function versionTwo(json: JsonSchema): JsonObject {
  const { properties, items: _, additionalProperties, allOf: __, anyOf: ___, oneOf: ____, not: _____, ...rest } = json
  const { nullable, type, required, ...other } = rest
  const isOpen = json['x-kubernetes-preserve-unknown-fields'] === true
  const inner = nullable || isOpen ? undefined : itemsOf(json)
  const shown = nullable || isOpen ? undefined : properties
  const values = valuesOf(json)
  const isTyped = type && !nullable && !(type === 'array' && !inner) && !(isOpen && type === 'object')
  const needed = values?.nullable ? [] : required?.filter((name) => !shown?.[name]?.nullable)
  return {
    ...other,
    ...(isTyped && { type }),
    ...(needed && needed.length > 0 && { required: needed }),
    ...(shown && { properties: mapped(shown, versionTwo) }),
    ...(inner && { items: versionTwo(inner) }),
    ...(additionalProperties !== undefined && { additionalProperties: values ? versionTwo(values) : additionalProperties }),
    ...(json['x-kubernetes-embedded-resource'] && !isOpen && embedded(json, versionTwo)),
  }
}

/** Every embedded object names its type. */
function embedded({ properties = {}, required = [] }: JsonSchema, publish: (json: JsonSchema) => JsonObject): JsonObject {
  const text = { type: 'string' }
  return {
    properties: { ...mapped(properties, publish), apiVersion: text, kind: text, metadata: { type: 'object' } },
    required: [...new Set([...required, 'kind', 'apiVersion'])],
  }
}

function mapped(schemas: Readonly<Record<string, JsonSchema>>, publish: (json: JsonSchema) => JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, publish(schema)]))
}
