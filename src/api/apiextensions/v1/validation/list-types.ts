/** Lists that are sets or maps: what their items must be. */
import type { FieldError, Path } from '#schema/field-error.ts'
import { root } from '#schema/field-error.ts'
import { itemsOf, type JsonSchema } from '#schema/json-schema.ts'

export interface ListLeniency {
  readonly allowsNonAtomicSets: boolean
  readonly allowsOddMapKeys: boolean
}

export function listTypeErrors(
  schema: JsonSchema,
  at: Path,
  { allowsNonAtomicSets, allowsOddMapKeys }: ListLeniency,
): FieldError[] {
  return [
    ...mapTypeErrors(schema, at),
    ...setErrors(schema, at, allowsNonAtomicSets),
    ...keyErrors(schema, at),
    ...(schema['x-kubernetes-list-type'] === 'map' ? mapErrors(schema, at) : []),
    ...(allowsOddMapKeys ? [] : mapKeyErrors(schema, at)),
  ]
}

function mapTypeErrors({ type = '', 'x-kubernetes-map-type': mapType }: JsonSchema, at: Path): FieldError[] {
  if (mapType === undefined) return []
  const text = 'must be object if x-kubernetes-map-type is specified'
  const errors: FieldError[] = []
  if (type !== 'object') errors.push(type === '' ? at.child('type').required(text) : at.child('type').invalid(type, text))
  if (mapType !== 'atomic' && mapType !== 'granular') {
    errors.push(at.child('x-kubernetes-map-type').notSupported(mapType, ['atomic', 'granular']))
  }
  return errors
}

function setErrors(schema: JsonSchema, at: Path, allowsNonAtomic: boolean): FieldError[] {
  const { type = '', 'x-kubernetes-list-type': listType } = schema
  if (listType === undefined) return []
  const text = 'must be array if x-kubernetes-list-type is specified'
  const errors: FieldError[] = []
  if (type !== 'array') errors.push(type === '' ? at.child('type').required(text) : at.child('type').invalid(type, text))
  else if (!allowsNonAtomic && hasNonAtomicSet(schema)) {
    const items = itemsOf(schema)
    const word = items?.type === 'array' ? 'x-kubernetes-list-type' : 'x-kubernetes-map-type'
    const found = items?.['x-kubernetes-list-type'] ?? null
    errors.push(at.child('items', word).invalid(found, 'must be atomic as item of a list with x-kubernetes-list-type=set'))
  }
  if (!['atomic', 'set', 'map'].includes(listType)) {
    errors.push(at.child('x-kubernetes-list-type').notSupported(listType, ['atomic', 'set', 'map']))
  }
  return errors
}

/** Whether the schema is a set whose items are merged field by field, and so cannot be compared. */
export function hasNonAtomicSet(schema: JsonSchema): boolean {
  const items = itemsOf(schema)
  if (schema['x-kubernetes-list-type'] !== 'set' || !items) return false
  if (items.type === 'array') return !['atomic', undefined].includes(items['x-kubernetes-list-type'])
  return items.type === 'object' && items['x-kubernetes-map-type'] !== 'atomic'
}

function keyErrors(schema: JsonSchema, at: Path): FieldError[] {
  const listType = schema['x-kubernetes-list-type']
  if ((schema['x-kubernetes-list-map-keys']?.length ?? 0) === 0 || listType === 'map') return []
  const text = 'must be map if x-kubernetes-list-map-keys is non-empty'
  const here = at.child('x-kubernetes-list-type')
  return [listType === undefined ? here.required(text) : here.invalid(listType, text)]
}

function mapErrors(schema: JsonSchema, at: Path): FieldError[] {
  const keys = schema['x-kubernetes-list-map-keys'] ?? []
  const items = itemsOf(schema)
  const errors: FieldError[] = []
  const here = at.child('x-kubernetes-list-map-keys')
  if (keys.length === 0) errors.push(here.required('must not be empty if x-kubernetes-list-type is map'))
  if (!schema.items) return [...errors, at.child('items').required('must have a schema if x-kubernetes-list-type is map')]
  if (!items)
    return [...errors, at.child('items').invalid(schema.items, 'must only have a single schema if x-kubernetes-list-type is map')]
  if (items.type !== 'object') {
    const text = "must be object if parent array's x-kubernetes-list-type is map"
    return [...errors, at.child('items', 'type').invalid(items.type ?? '', text)]
  }
  for (const [i, key] of keys.entries()) {
    const property = Object.hasOwn(items.properties ?? {}, key) ? items.properties?.[key] : undefined
    if (!property) errors.push(here.invalid(keys, 'entries must all be names of item properties'))
    else if (property.type === 'array' || property.type === 'object') {
      const text = "must be a scalar type if parent array's x-kubernetes-list-type is map"
      errors.push(at.child('items', 'properties').key(key).child('type').invalid(items.type, text))
    }
    if (keys.indexOf(key) < i) errors.push(here.invalid(keys, 'must not contain duplicate entries'))
  }
  return errors
}

export function hasOddMapKeys(schema: JsonSchema): boolean {
  return mapKeyErrors(schema, root).length > 0
}

/** Keys are always there: required, or filled in. */
function mapKeyErrors(schema: JsonSchema, at: Path): FieldError[] {
  const listType = schema['x-kubernetes-list-type']
  const items = itemsOf(schema)
  if (!items || (listType !== 'set' && listType !== 'map')) return []
  const errors: FieldError[] = []
  if (items.nullable) {
    errors.push(at.child('items', 'nullable').forbidden(`cannot be nullable when x-kubernetes-list-type is ${listType}`))
  }
  if (listType === 'set') return errors
  for (const key of schema['x-kubernetes-list-map-keys'] ?? []) {
    const property = Object.hasOwn(items.properties ?? {}, key) ? items.properties?.[key] : undefined
    if (!property) continue
    const here = at.child('items', 'properties').key(key)
    if (!items.required?.includes(key) && property.default === undefined) {
      const text = 'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property'
      errors.push(here.child('default').required(text))
    }
    if (property.nullable) {
      errors.push(here.child('nullable').forbidden('this property is in x-kubernetes-list-map-keys, so it cannot be nullable'))
    }
  }
  return errors
}
