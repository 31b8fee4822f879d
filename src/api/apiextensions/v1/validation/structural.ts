/** Structural schemas: every field has a type outside of value validation, so that objects can be pruned and merged (KEP-20190425). */
import { type FieldError, formatFieldError, type Path } from '#schema/field-error.ts'
import { expressionOf } from '#schema/json-checks.ts'
import { itemsOf, type JsonSchema, valuesOf } from '#schema/json-schema.ts'

type Level = 'root' | 'item' | 'field'

/** What keeps a schema from being structural; sorted, as upstream sorts it. */
export function structuralErrors(schema: JsonSchema, at: Path): FieldError[] {
  const errors = [...invariantErrors(schema, 'root', at), ...completenessErrors(schema, at)]
  return errors.sort((a, b) => (formatFieldError(a) < formatFieldError(b) ? -1 : 1))
}

const emptyType: Readonly<Record<Level, string>> = {
  root: 'must not be empty at the root',
  item: 'must not be empty for specified array items',
  field: 'must not be empty for specified object fields',
}

function invariantErrors(schema: JsonSchema, level: Level, at: Path): FieldError[] {
  const items = itemsOf(schema)
  const values = valuesOf(schema)
  const isObject = schema['x-kubernetes-embedded-resource'] === true
  return [
    ...(schema.type === 'array' && !schema.items ? [at.child('items').required('must be specified')] : []),
    ...(items ? invariantErrors(items, 'item', at.child('items')) : []),
    ...Object.entries(schema.properties ?? {}).flatMap(([key, part]) =>
      invariantErrors(part, 'field', at.child('properties').key(key)),
    ),
    ...(level === 'root' && schema.additionalProperties !== undefined
      ? [at.child('additionalProperties').forbidden('must not be used at the root')]
      : []),
    ...(values ? invariantErrors(values, 'field', at.child('additionalProperties')) : []),
    ...extensionErrors(schema, at),
    ...junctorErrors(schema, at, { skipsAnyOf: isEither(schema.anyOf), skipsFirst: isEither(schema.allOf?.[0]?.anyOf) }),
    ...typeErrors(schema, level, at),
    ...(level === 'root' || isObject ? typeMetaErrors(schema, at) : []),
    ...metadataErrors(schema, { level, isChecked: level === 'root' || isObject, at: at.child('properties').key('metadata') }),
    ...emptyResourceErrors(schema, at),
  ]
}

function typeErrors(schema: JsonSchema, level: Level, at: Path): FieldError[] {
  const { type = '', additionalProperties } = schema
  const here = at.child('type')
  const errors: FieldError[] = []
  const isResource = schema['x-kubernetes-embedded-resource'] === true
  if (isResource && type !== 'object') {
    const text = 'must be object if x-kubernetes-embedded-resource is true'
    errors.push(type === '' ? here.required(text) : here.invalid(type, text))
  } else if (type === '' && !schema['x-kubernetes-int-or-string'] && !schema['x-kubernetes-preserve-unknown-fields']) {
    errors.push(here.required(emptyType[level]))
  }
  if (isResource && additionalProperties !== undefined) {
    errors.push(at.child('additionalProperties').forbidden('must not be used if x-kubernetes-embedded-resource is set'))
  }
  if (level === 'root' && type !== '' && type !== 'object') errors.push(here.invalid(type, 'must be object at the root'))
  return errors
}

function typeMetaErrors({ properties = {} }: JsonSchema, at: Path): FieldError[] {
  return ['kind', 'apiVersion'].flatMap((name) => {
    const type = Object.hasOwn(properties, name) ? (properties[name]?.type ?? '') : 'string'
    return type === 'string' ? [] : [at.child('properties').key(name).child('type').invalid(type, 'must be string')]
  })
}

interface MetadataPlace {
  readonly level: Level
  readonly isChecked: boolean
  readonly at: Path
}

/** Metadata is what it is; a schema may say more of names alone. */
function metadataErrors({ properties = {} }: JsonSchema, { level, isChecked, at }: MetadataPlace): FieldError[] {
  const metadata = Object.hasOwn(properties, 'metadata') ? properties.metadata : undefined
  if (!metadata) return []
  const errors: FieldError[] = []
  const { type = '', properties: fields = {}, default: _, ...rest } = metadata
  if (isChecked && type !== 'object') errors.push(at.child('type').invalid(type, 'must be object'))
  const others = Object.keys(fields).filter((name) => name !== 'name' && name !== 'generateName')
  const isMore = others.length > 0 || Object.values(rest).some((value) => value !== undefined)
  if (level !== 'root' || !isMore) return errors
  const text = 'must not specify anything other than name and generateName, but metadata is implicitly specified'
  return [...errors, at.forbidden(text)]
}

function emptyResourceErrors(schema: JsonSchema, at: Path): FieldError[] {
  const isOpen = schema['x-kubernetes-preserve-unknown-fields'] === true
  if (!schema['x-kubernetes-embedded-resource'] || isOpen || Object.keys(schema.properties ?? {}).length > 0) return []
  const without = 'if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields'
  return [at.child('properties').required(`must not be empty ${without}`)]
}

function extensionErrors(schema: JsonSchema, at: Path): FieldError[] {
  if (!schema['x-kubernetes-int-or-string']) return []
  const words = ['x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource'] as const
  return words
    .filter((word) => schema[word])
    .map((word) => at.child(word).invalid(true, 'must be false if x-kubernetes-int-or-string is true'))
}

/** The two ways in which a schema may say again that it takes integers and strings. */
function isEither(schemas: readonly JsonSchema[] | undefined): boolean {
  return JSON.stringify(schemas) === '[{"type":"integer"},{"type":"string"}]'
}

function junctorErrors(schema: JsonSchema, at: Path, { skipsAnyOf = false, skipsFirst = false } = {}): FieldError[] {
  const { anyOf = [], allOf = [], oneOf = [], not, pattern } = schema
  const wrong = pattern ? expressionOf(pattern) : undefined
  return [
    ...(skipsAnyOf ? [] : anyOf.flatMap((part, i) => nestedErrors(part, at.child('anyOf').index(i)))),
    ...allOf.flatMap((part, i) => nestedErrors(part, at.child('allOf').index(i), skipsFirst && i === 0)),
    ...oneOf.flatMap((part, i) => nestedErrors(part, at.child('oneOf').index(i))),
    ...(not ? nestedErrors(not, at.child('not')) : []),
    ...(pattern && typeof wrong === 'string'
      ? [at.child('pattern').invalid(pattern, `must be a valid regular expression, but isn't: ${wrong}`)]
      : []),
  ]
}

/** Words that a junctor may not use, and how they must be instead. */
const forbidden: readonly (readonly [keyof JsonSchema, string])[] = [
  ['default', 'must be undefined to be structural'],
  ['title', 'must be empty to be structural'],
  ['description', 'must be empty to be structural'],
  ['nullable', 'must be false to be structural'],
  ['x-kubernetes-preserve-unknown-fields', 'must be false to be structural'],
  ['x-kubernetes-embedded-resource', 'must be false to be structural'],
  ['x-kubernetes-int-or-string', 'must be false to be structural'],
  ['x-kubernetes-list-map-keys', 'must be empty to be structural'],
  ['x-kubernetes-list-type', 'must be undefined to be structural'],
  ['x-kubernetes-map-type', 'must be undefined to be structural'],
  ['x-kubernetes-validations', 'must be empty to be structural'],
]

function nestedErrors(schema: JsonSchema, at: Path, skipsAnyOf = false): FieldError[] {
  const items = itemsOf(schema)
  const { properties = {}, type = '', additionalProperties } = schema
  return [
    ...junctorErrors(schema, at, { skipsAnyOf }),
    ...(items ? nestedErrors(items, at.child('items')) : []),
    ...Object.entries(properties).flatMap(([key, part]) => nestedErrors(part, at.child('properties').key(key))),
    ...(type === '' ? [] : [at.child('type').forbidden('must be empty to be structural')]),
    ...(additionalProperties ? [at.child('additionalProperties').forbidden('must be undefined to be structural')] : []),
    ...forbidden.filter(([word]) => isSet(schema[word])).map(([word, text]) => at.child(word).forbidden(text)),
    ...(Object.hasOwn(properties, 'metadata')
      ? [at.child('properties').key('metadata').forbidden('must not be specified in a nested context')]
      : []),
  ]
}

function isSet(value: unknown): boolean {
  if (value === undefined || value === false || value === '') return false
  return !Array.isArray(value) || value.length > 0
}

/** Every field that a junctor of the root speaks of is also declared outside. */
function completenessErrors(schema: JsonSchema, at: Path): FieldError[] {
  return junctorsOf(schema, at).flatMap(([part, path]) => undeclared(part, { schema, at }, path))
}

function junctorsOf({ anyOf = [], allOf = [], oneOf = [], not }: JsonSchema, at: Path): [JsonSchema, Path][] {
  const list = (name: string, parts: readonly JsonSchema[]) =>
    parts.map((part, i): [JsonSchema, Path] => [part, at.child(name).index(i)])
  return [
    ...list('allOf', allOf),
    ...list('anyOf', anyOf),
    ...list('oneOf', oneOf),
    ...(not ? [[not, at.child('not')] as [JsonSchema, Path]] : []),
  ]
}

function undeclared(nested: JsonSchema, spine: { schema: JsonSchema; at: Path }, path: Path): FieldError[] {
  const { schema, at } = spine
  const inside = (part: JsonSchema, own: JsonSchema | undefined, [here, there]: readonly [Path, Path]) => {
    return own ? undeclared(part, { schema: own, at: here }, there) : [here.required(`because it is defined in ${there}`)]
  }
  const items = itemsOf(nested)
  return [
    ...junctorsOf(nested, path).flatMap(([part, here]) => undeclared(part, spine, here)),
    ...(items ? inside(items, itemsOf(schema), [at.child('items'), path.child('items')]) : []),
    ...Object.entries(nested.properties ?? {}).flatMap(([key, part]) => {
      const declared = Object.hasOwn(schema.properties ?? {}, key) ? schema.properties?.[key] : undefined
      return inside(part, declared, [at.child('properties').key(key), path.child('properties').key(key)])
    }),
  ]
}
