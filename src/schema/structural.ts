/**
 * From the JSON schema of a custom resource to our words, so that every interpreter of schemas serves custom resources as it serves
 * the rest. The schema must be structural (upstream's `NewStructural`; the rules stand in `api/apiextensions`).
 *
 * The nodes tell the shape: what is pruned, merged, applied, explained. What is a valid value is told by the JSON schema that each
 * of them carries, see `validate-json.ts`.
 */
import { isRecord, itemsOf, type JsonSchema, valuesOf } from './json-schema.ts'
import { ObjectMeta } from './object-meta.ts'
import type { Field, ListNode, MapNode, Node, ObjectNode, ScalarNode } from './words.ts'

/** The schema of a whole object; without a JSON schema everything in it is unknown, and dropped unless `keepsUnknown`. */
export function structuralRoot(json: JsonSchema = {}, { name = '', keepsUnknown = false } = {}): ObjectNode {
  const node = objectNode(json)
  const { metadata, ...typeMeta } = withTypeMeta(node.fields)
  return {
    ...node,
    name,
    fields: { ...typeMeta, metadata: { ...(metadata as Field), presence: 'always' }, ...restOf(node.fields) },
    ...((keepsUnknown || node.keepsUnknown) && { keepsUnknown: true }),
  }
}

/** Any part of a schema. */
export function structuralNode(json: JsonSchema): Node {
  if (json['x-kubernetes-int-or-string']) return { type: 'intOrString', json }
  switch (json.type) {
    case 'object':
      return isMap(json) ? mapNode(json) : objectNode(json)
    case 'array':
      return listNode(json)
    case 'string':
      return { type: 'string', json, ...(isTexts(json.enum) && { known: json.enum }) } as ScalarNode
    case 'boolean':
      return { type: 'boolean', json }
    case 'integer':
      return { type: json.format === 'int32' ? 'int32' : 'int64', json }
    case 'number':
      return { type: 'double', json }
    default:
      return json.properties ? objectNode(json) : { type: 'raw', json }
  }
}

/** With `properties` besides, the values are those of no map (`additionalProperties: true`). */
function isMap(json: JsonSchema): boolean {
  return json.additionalProperties !== undefined && Object.keys(json.properties ?? {}).length === 0
}

function isTexts(values: readonly unknown[] | undefined): boolean {
  return values?.every((value) => typeof value === 'string') === true
}

function mapNode(json: JsonSchema): MapNode {
  const values = structuralNode(valuesOf(json) ?? {})
  return { type: 'map', values, json, ...(json['x-kubernetes-map-type'] === 'atomic' && { atomic: true }) }
}

function listNode(json: JsonSchema): ListNode {
  const listType = json['x-kubernetes-list-type'] as ListNode['listType']
  const mapKeys = json['x-kubernetes-list-map-keys']
  const items = structuralNode(itemsOf(json) ?? { 'x-kubernetes-preserve-unknown-fields': true })
  return { type: 'list', items, json, ...(listType && { listType }), ...(mapKeys && { mapKeys }) }
}

function objectNode(json: JsonSchema): ObjectNode {
  const entries = Object.entries(json.properties ?? {}).map(([name, schema]) => [name, fieldOf(schema)])
  const fields: Record<string, Field> = Object.fromEntries(entries)
  return {
    type: 'object',
    name: '',
    fields: json['x-kubernetes-embedded-resource'] ? { ...fields, ...withTypeMeta(fields) } : fields,
    json,
    ...(json.description && { doc: json.description }),
    ...(json['x-kubernetes-preserve-unknown-fields'] && { keepsUnknown: true }),
    ...(json['x-kubernetes-map-type'] === 'atomic' && { atomic: true }),
  }
}

function fieldOf(schema: JsonSchema): Field {
  return {
    number: 0,
    schema: structuralNode(schema),
    presence: 'pointer',
    ...(schema.default !== undefined && { default: schema.default }),
    ...(schema.description && { doc: schema.description }),
  }
}

/** The fields that every resource has, whatever the JSON schema says of them; its rules for them are checked all the same. */
function withTypeMeta(fields: Readonly<Record<string, Field>>): Record<string, Field> {
  const text = (name: string, doc: string): Field => {
    const json = fields[name]?.schema.json ?? { type: 'string' }
    return { number: 0, schema: { type: 'string', json }, presence: 'pointer', doc }
  }
  return {
    apiVersion: text('apiVersion', 'APIVersion defines group and version of this object.'),
    kind: text('kind', 'Kind of this object.'),
    metadata: {
      number: 1,
      schema: ObjectMeta,
      presence: 'pointer',
      doc: "Standard object's metadata: name, labels and what the server keeps about it.",
    },
  }
}

function restOf(fields: Readonly<Record<string, Field>>): Record<string, Field> {
  const { apiVersion: _, kind: __, metadata: ___, ...rest } = fields
  return rest
}

/** The value at a simple path such as `.spec.replicas`; undefined where something on the way is missing. */
export function valueAtPath(object: unknown, path: string): unknown {
  let value = object
  for (const name of path.replace(/^\./, '').split('.')) {
    if (!isRecord(value) || !Object.hasOwn(value, name)) return undefined
    value = value[name]
  }
  return value
}
