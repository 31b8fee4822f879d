/** Rows to shared objects. What was just written is not parsed again. */
import { zeroOf } from '#schema/decode.ts'
import { parseJson, stringifyJson } from '#schema/json.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { readyText } from '#schema/managed-fields.ts'
import type { NullLists } from '#schema/null-lists.ts'
import type { Node, Schema } from '#schema/words.ts'
import { encodeStored } from '#store/splice.ts'
import type { Row } from '#store/store.ts'

/**
 * Objects whose write is under way: nobody shares them yet, and their resource version is still to come. Whoever decodes the row first takes
 * them out, so that the table stays small and a decoded object lives no longer than its holders want.
 */
const underWay = new WeakMap<Uint8Array, KubeObject>()

/** The bytes to store; the caller may no longer change `object`. `nulls` are of its kind. */
export function encodeObject(object: KubeObject, nulls?: NullLists): Uint8Array {
  // It gets another with the write; without it the object is written as it stands.
  object.metadata.resourceVersion = undefined as unknown as string
  const bytes = encodeStored(nulls ? nulls.toWire(object) : object, metadataText(object))
  underWay.set(bytes, object)
  return bytes
}

/** Where the fields of its managers are those of many objects, which have their text ready; managedFields come last. */
function metadataText({ metadata }: KubeObject): string | undefined {
  const { managedFields, ...others } = metadata
  const managers = managedFields && readyText(managedFields)
  if (managers === undefined) return undefined
  const text = stringifyJson(others)
  return `${text.slice(0, -1)}${text === '{}' ? '' : ','}"managedFields":${managers}}`
}

interface Decoding {
  readonly freeze: boolean
  readonly nulls: NullLists | undefined
  /** Structs that objects of the kind always have, by name: a row that others wrote may lack them, and to Go they are there. */
  readonly structs: readonly (readonly [name: string, schema: Node])[]
}

export function alwaysThere({ schema }: Kind): Decoding['structs'] {
  return Object.entries(schema.fields).flatMap(([name, field]) =>
    field.schema.type === 'object' && (field.presence === 'always' || field.presence === 'required')
      ? [[name, field.schema] as const]
      : [],
  )
}

/** Shared and read-only. `before`, where it is known, is the same object under another version: a deletion shows the last state under its own. */
export function decodeRow(row: Row, { freeze, nulls, structs }: Decoding, before?: KubeObject): KubeObject {
  const version = String(row.revision)
  if (before) return withVersion(before, version)
  let object = underWay.get(row.value)
  if (object) underWay.delete(row.value)
  else {
    object = parseJson(row.value).value as KubeObject
    fillStructs(object as unknown as Record<string, unknown>, structs)
    nulls?.fromWire(object)
  }
  object.metadata.resourceVersion = version
  if (freeze) deepFreeze(object)
  return object
}

function fillStructs(object: Record<string, unknown>, structs: Decoding['structs']): void {
  for (const [name, schema] of structs) object[name] ??= zeroOf(schema as Schema)
}

export function withVersion(object: KubeObject, resourceVersion: string): KubeObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion } }
}

/** For tests: whoever changes a shared object fails loudly. */
export function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return
  Object.freeze(value)
  for (const part of Object.values(value)) deepFreeze(part)
}

const encoder = new TextEncoder()

/** The JSON of an object that is served in another form than it is stored in, with the newline that ends a body. */
export function objectLine(object: unknown, nulls?: NullLists): Uint8Array {
  return encoder.encode(`${stringifyJson(nulls ? nulls.toWire(object) : object)}\n`)
}
