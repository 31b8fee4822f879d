/** Schemas as OpenAPI says them: one named definition per struct, which the others refer to. */
import type { JsonSchema } from './json-schema.ts'
import { publishedJson, publishedRoot } from './openapi-json.ts'
import type { Field, ListNode, MapNode, Node, ObjectNode, ScalarNode, ScalarType } from './words.ts'

export type JsonObject = Record<string, unknown>

/** 2 is Swagger 2.0, served at `/openapi/v2`. */
export type Dialect = 2 | 3

export interface GroupVersionKind {
  readonly group: string
  readonly kind: string
  readonly version: string
}

/** Collects the definitions of everything that was referred to. */
export interface Definitions {
  /** A reference to an object's definition, which is made if need be. */
  refTo(node: ObjectNode): JsonObject
  /** All that are there by now, by name. */
  all(): JsonObject
}

/** `kindsOf` answers which kinds a struct stands for, by its name; empty for parts of kinds. */
export function definitions(dialect: Dialect, kindsOf: (name: string) => readonly GroupVersionKind[]): Definitions {
  const made = new Map<string, JsonObject>()
  const prefix = dialect === 2 ? '#/definitions/' : '#/components/schemas/'

  function refTo(node: ObjectNode): JsonObject {
    if (!made.has(node.name)) {
      const definition: JsonObject = {}
      made.set(node.name, definition) // before its parts, since a struct may contain itself
      Object.assign(
        definition,
        node.json ? customSchema(node, node.json, { schemaOf, dialect }) : structSchema(node, fieldSchema),
        stamp(kindsOf(node.name)),
      )
    }
    return { $ref: `${prefix}${node.name}` }
  }

  function wordRef(type: ScalarType, owner: string): JsonObject | undefined {
    const [name, definition] = wordOf(type, owner, dialect)
    if (!name) return undefined
    if (!made.has(name)) made.set(name, definition)
    return { $ref: `${prefix}${name}` }
  }

  function schemaOf(node: Node, owner: string): JsonObject {
    if (node.type === 'object' && node.alternative) {
      const union = `${node.name}Or${unionEndings[node.alternative]}`
      if (!made.has(union)) made.set(union, unionDefinition)
      return { $ref: `${prefix}${union}` }
    }
    if (node.type === 'object' && node.name) return refTo(node)
    if (node.json) return publishedJson(node.json, dialect)
    if (node.type === 'object') return structSchema(node, fieldSchema)
    if (node.type === 'list') {
      const items = withSiblings(schemaOf(node.items, owner), zeroOf(node.items, dialect), dialect)
      return { type: 'array', items, ...listExtensions(node) }
    }
    if (node.type === 'map') {
      const additionalProperties = withSiblings(schemaOf(node.values, owner), zeroOf(node.values, dialect), dialect)
      return { type: 'object', additionalProperties, ...mapExtensions(node) }
    }
    return wordRef(node.type, owner) ?? scalarSchema(node)
  }

  function fieldSchema(field: Field, owner: string): JsonObject {
    const siblings = {
      ...(field.doc && { description: field.doc }),
      ...defaultOf(field, dialect),
      ...(field.retainKeys && { 'x-kubernetes-patch-strategy': 'retainKeys' }),
      ...(field.isGranular && { 'x-kubernetes-map-type': 'granular' }),
      ...(field.replacedWhole && { 'x-kubernetes-patch-strategy': 'replace' }),
    }
    return withSiblings(schemaOf(field.schema, owner), siblings, dialect)
  }

  return { refTo, all: () => Object.fromEntries([...made].sort(([a], [b]) => (a < b ? -1 : 1))) }
}

/** The definition of a custom resource's root, which has what every resource has. */
function customSchema(
  { fields, name }: ObjectNode,
  json: JsonSchema,
  { schemaOf, dialect }: { schemaOf: (node: Node, owner: string) => JsonObject; dialect: Dialect },
): JsonObject {
  const known = ['apiVersion', 'kind', 'metadata'].map((key) => {
    const { schema, doc } = fields[key] as Field
    const shape = schema.type === 'object' ? schemaOf(schema, name) : { type: 'string' }
    return [key, withSiblings(shape, { description: doc }, dialect)]
  })
  return publishedRoot(json, dialect, Object.fromEntries(known))
}

type FieldSchema = (field: Field, owner: string) => JsonObject

function structSchema({ name, fields, doc, atomic, keepsUnknown, union }: ObjectNode, fieldSchema: FieldSchema): JsonObject {
  const entries = Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1))
  const properties = entries.map(([key, field]) => [key, fieldSchema(field, name)])
  const required = Object.keys(fields).filter((key) => isRequired(fields[key] as Field))
  return {
    ...(doc && { description: doc }),
    type: 'object',
    ...(entries.length > 0 && { properties: Object.fromEntries(properties) }),
    ...(required.length > 0 && { required }),
    ...(atomic && { 'x-kubernetes-map-type': 'atomic' }),
    ...(union && { 'x-kubernetes-unions': [unionExtension(union)] }),
    ...(keepsUnknown && { 'x-kubernetes-preserve-unknown-fields': true }),
  }
}

function unionExtension({ discriminator, fields }: NonNullable<ObjectNode['union']>): JsonObject {
  return { ...(discriminator && { discriminator }), 'fields-to-discriminateBy': fields }
}

const unionDefinition = { description: 'A schema, or something simpler in its place.' }
const unionEndings = { boolean: 'Bool', list: 'Array', strings: 'StringArray' } as const

/**
 * Go's fields without `omitempty`. Structs, and what is a struct in Go, are always sent and yet mostly optional; fields of
 * which neither holds say so themselves.
 */
export function isRequired({ presence, schema, isRequired: said }: Field): boolean {
  if (said !== undefined) return said
  return (presence === 'always' || presence === 'required') && !structs.has(schema.type)
}

const structs = new Set<Node['type']>(['object', 'time', 'microTime', 'quantity', 'intOrString', 'duration', 'raw'])

/** In version 3 nothing may stand beside a reference: it moves into `allOf`. */
function withSiblings(schema: JsonObject, siblings: JsonObject, dialect: Dialect): JsonObject {
  if (Object.keys(siblings).length === 0) return schema
  if (dialect === 2 || !('$ref' in schema)) return { ...schema, ...siblings }
  return { allOf: [schema], ...siblings }
}

/** Upstream prunes the defaults of version 2. */
function defaultOf({ publishedDefault, presence, schema }: Field, dialect: Dialect): JsonObject {
  if (dialect === 2) return {}
  if (publishedDefault !== undefined) return publishedDefault === null ? {} : { default: publishedDefault }
  if (presence === 'pointer' || (presence === 'optional' && schema.type !== 'object')) return {}
  return zeroOf(schema, dialect)
}

const zeros: Partial<Record<Node['type'], unknown>> = { string: '', boolean: false, int32: 0, int64: 0, double: 0, object: {} }

function zeroOf({ type }: Node, dialect: Dialect): JsonObject {
  return dialect === 3 && type in zeros ? { default: zeros[type] } : {}
}

function stamp(kinds: readonly GroupVersionKind[]): JsonObject {
  return kinds.length > 0 ? { 'x-kubernetes-group-version-kind': kinds } : {}
}

function listExtensions({ listType, mapKeys, mergeKey, retainKeys }: ListNode): JsonObject {
  const strategy = retainKeys ? 'merge,retainKeys' : 'merge'
  return {
    ...(mapKeys && { 'x-kubernetes-list-map-keys': mapKeys }),
    ...(listType && { 'x-kubernetes-list-type': listType }),
    ...(mergeKey && { 'x-kubernetes-patch-merge-key': mergeKey }),
    ...(mergeKey !== undefined && { 'x-kubernetes-patch-strategy': strategy }),
  }
}

function mapExtensions({ atomic }: MapNode): JsonObject {
  return atomic ? { 'x-kubernetes-map-type': 'atomic' } : {}
}

function scalarSchema(node: ScalarNode): JsonObject {
  const values = node.enum ?? node.known
  if (node.type === 'string') return { type: 'string', ...(values && { enum: values.toSorted() }) }
  if (node.type === 'boolean') return { type: 'boolean' }
  if (node.type === 'double') return { type: 'number', format: 'double' }
  if (node.type === 'bytes') return { type: 'string', format: 'byte' }
  return { type: 'integer', format: node.type }
}

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1'

/** Name and definition of a scalar that has a type of its own in Go; the name is '' where there is none. */
function wordOf(type: ScalarType, owner: string, dialect: Dialect): [string, JsonObject] {
  switch (type) {
    case 'quantity':
      return [
        'io.k8s.apimachinery.pkg.api.resource.Quantity',
        { description: quantityDoc, ...either(dialect, 'string', 'number') },
      ]
    case 'intOrString': {
      const description = 'A number, or text such as a name or a percentage.'
      const schema = dialect === 2 ? { type: 'string' } : either(dialect, 'integer', 'string')
      return ['io.k8s.apimachinery.pkg.util.intstr.IntOrString', { description, format: 'int-or-string', ...schema }]
    }
    case 'time':
      return [`${meta}.Time`, { description: 'A moment, to the second (RFC 3339).', type: 'string', format: 'date-time' }]
    case 'microTime':
      return [
        `${meta}.MicroTime`,
        { description: 'A moment, to the microsecond (RFC 3339).', type: 'string', format: 'date-time' },
      ]
    case 'duration':
      return [`${meta}.Duration`, { description: 'A length of time as text, such as 1h2m3s.', type: 'string' }]
    case 'raw':
      return rawWord(owner)
    default:
      return ['', {}]
  }
}

const quantityDoc = 'An exact number with a unit, such as 100m, 1.5 or 2Gi.'

function either(dialect: Dialect, ...types: [string, string]): JsonObject {
  return dialect === 2 ? { type: types[0] } : { oneOf: types.map((type) => ({ type })) }
}

/** Three types of Go hold any JSON; which one is told by the struct around it. */
function rawWord(owner: string): [string, JsonObject] {
  if (owner === `${meta}.ManagedFieldsEntry`) {
    return [`${meta}.FieldsV1`, { description: 'A set of fields: f:NAME, k:KEYS, v:VALUE and i:INDEX, nested.', type: 'object' }]
  }
  if (owner.startsWith('io.k8s.apiextensions-apiserver.')) {
    return [owner.replace(/[^.]+$/, 'JSON'), { description: 'Any JSON value.' }]
  }
  return ['io.k8s.apimachinery.pkg.runtime.RawExtension', { description: 'An object of any kind.', type: 'object' }]
}
