/** Rows to shared objects. What was just written need not be parsed again, as long as somebody holds its bytes. */
import { parseJson, stringifyJson } from '#schema/json.ts'
import type { KubeObject } from '#schema/kind.ts'
import { encodeStored } from '#store/splice.ts'
import type { Row } from '#store/store.ts'

const decoded = new WeakMap<Uint8Array, KubeObject>()

/** Objects whose write is under way: nobody shares them yet, and their resource version is still to come. */
const unpublished = new WeakSet<KubeObject>()

/** The bytes to store; the caller may no longer change `object`. */
export function encodeObject(object: KubeObject): Uint8Array {
  const bytes = encodeStored(object)
  decoded.set(bytes, object)
  unpublished.add(object)
  return bytes
}

/** Shared and read-only; the same row gives the same object while it is in memory. */
export function decodeRow(row: Row, freeze: boolean): KubeObject {
  const version = String(row.revision)
  let object = decoded.get(row.value)
  if (!object) {
    object = parseJson(row.value).value as KubeObject
    decoded.set(row.value, object)
    unpublished.add(object)
  }
  if (unpublished.delete(object)) {
    object.metadata.resourceVersion = version
    if (freeze) deepFreeze(object)
  }
  // A deletion shows the last state under the version of the deletion.
  return object.metadata.resourceVersion === version ? object : withVersion(object, version)
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
export function objectLine(object: unknown): Uint8Array {
  return encoder.encode(`${stringifyJson(object)}\n`)
}
