/**
 * What a KMS v2 provider stores: the value's ciphertext, and how its key can be had again from the KMS (upstream
 * `envelope/kmsv2/v2/api.proto`, KEP-3299).
 */
import { createHash } from 'node:crypto'

/** What `encryptedDEKSource` is when it has been decrypted: the key itself, or the seed of one key for each value. */
export const sourceTypes = { key: 0, seed: 1 } as const

/** Annotations in the order in which the plugin told them. */
export type Annotations = ReadonlyMap<string, Uint8Array>

/** The key of a value, as only the KMS can open it. */
export interface EncryptedKey {
  readonly keyId: string
  readonly source: Uint8Array
  readonly sourceType: number
  readonly annotations: Annotations
}

export interface EncryptedObject extends EncryptedKey {
  readonly data: Uint8Array
}

const most = { keyId: 1024, source: 1024, annotations: 32 * 1024 }

export function encodeEncryptedObject({ data, keyId, source, sourceType, annotations }: EncryptedObject): Buffer {
  const entries = [...annotations].map(([name, value]) =>
    bytesField(4, [bytesField(1, [Buffer.from(name)]), bytesField(2, [value])]),
  )
  return Buffer.concat([
    bytesField(1, [data]),
    bytesField(2, [Buffer.from(keyId)]),
    bytesField(3, [source]),
    ...entries,
    ...(sourceType === 0 ? [] : [Buffer.of(5 << 3, sourceType)]),
  ])
}

function bytesField(number: number, parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, { byteLength }) => sum + byteLength, 0)
  return Buffer.concat([Buffer.of((number << 3) | 2), varint(length), ...parts])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) | 0x80)
  return Buffer.from([...bytes, value])
}

/** Its bytes are parts of `bytes`. Throws where they are no such object. */
export function decodeEncryptedObject(bytes: Uint8Array): EncryptedObject {
  const empty: Uint8Array = new Uint8Array()
  const annotations = new Map<string, Uint8Array>()
  const object = { data: empty, keyId: '', source: empty, sourceType: 0, annotations }
  for (const { number, value } of fieldsOf(bytes)) {
    if (number === 5 && typeof value === 'number') object.sourceType = value
    if (typeof value === 'number') continue
    if (number === 1) object.data = value
    else if (number === 2) object.keyId = textOf(value)
    else if (number === 3) object.source = value
    else if (number === 4) annotations.set(...entryOf(value))
  }
  checkEncryptedKey(object, object.data)
  return object
}

function entryOf(bytes: Uint8Array): [name: string, value: Uint8Array] {
  let name = ''
  let held: Uint8Array = new Uint8Array()
  for (const { number, value } of fieldsOf(bytes)) {
    if (typeof value === 'number') continue
    if (number === 1) name = textOf(value)
    else if (number === 2) held = value
  }
  return [name, held]
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
}

const malformed = 'proto: cannot parse invalid wire-format data'

function* fieldsOf(bytes: Uint8Array): Generator<{ readonly number: number; readonly value: number | Uint8Array }> {
  let at = 0
  const number = () => {
    let value = 0
    for (let shift = 1; ; shift *= 0x80) {
      const byte = bytes[at++]
      if (byte === undefined || shift > 2 ** 63) throw new Error(malformed)
      value += (byte & 0x7f) * shift
      if (byte < 0x80) return value
    }
  }
  const take = (length: number) => {
    if (at + length > bytes.byteLength) throw new Error(malformed)
    at += length
    return bytes.subarray(at - length, at)
  }
  while (at < bytes.byteLength) {
    const tag = number()
    const wireType = tag & 7
    if (wireType === 0) yield { number: tag >>> 3, value: number() }
    else if (wireType === 2) yield { number: tag >>> 3, value: take(number()) }
    else if (wireType === 1) take(8)
    else if (wireType === 5) take(4)
    else throw new Error(malformed)
  }
}

/** Upstream's `ValidateEncryptedObject`, in its words. */
export function checkEncryptedKey({ keyId, source, sourceType, annotations }: EncryptedKey, data: Uint8Array): void {
  if (sourceType !== sourceTypes.key && sourceType !== sourceTypes.seed)
    throw new Error(`unknown encryptedDEKSourceType: ${sourceType}`)
  if (data.byteLength === 0) throw new Error('encrypted data is empty')
  const sourceProblem = sizeProblem('encrypted DEK source', source.byteLength, most.source)
  if (sourceProblem) throw new Error(`failed to validate encrypted DEK source: ${sourceProblem}`)
  const keyProblem = keyIdProblem(keyId)
  if (keyProblem) throw new Error(`failed to validate key id: ${keyProblem.text}`)
  const problems = annotationProblems(annotations)
  if (problems.length > 0) throw new Error(`failed to validate annotations: ${joined(problems)}`)
}

function sizeProblem(what: string, size: number, limit: number): string | undefined {
  if (size === 0) return `${what} is empty`
  return size > limit ? `${what} is ${size} bytes, which exceeds the max size of ${limit}` : undefined
}

/** `code` is what metrics call it. */
export function keyIdProblem(keyId: string): { readonly code: 'empty' | 'too_long'; readonly text: string } | undefined {
  const text = sizeProblem('keyID', Buffer.byteLength(keyId), most.keyId)
  return text === undefined ? undefined : { code: keyId === '' ? 'empty' : 'too_long', text }
}

function annotationProblems(annotations: Annotations): string[] {
  let size = 0
  const problems: string[] = []
  for (const [name, value] of annotations) {
    const problem = domainProblem(name)
    if (problem) problems.push(problem)
    size += Buffer.byteLength(name) + value.byteLength
  }
  if (size > most.annotations) {
    problems.push(`total size of annotations is ${size}, which exceeds the max size of ${most.annotations}`)
  }
  return problems
}

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/
const subdomain =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"

/** Upstream's `IsFullyQualifiedDomainName`. */
function domainProblem(given: string): string | undefined {
  if (given === '') return 'annotations: Required value'
  const name = given.endsWith('.') ? given.slice(0, -1) : given
  const invalid = (value: string, why: string) => `annotations: Invalid value: ${JSON.stringify(value)}: ${why}`
  const labels = name.split('.')
  if (name.length > 253) return invalid(name, 'must be no more than 253 characters')
  if (!labels.every((one) => label.test(one))) return invalid(name, subdomain)
  if (labels.length < 2) return invalid(name, 'should be a domain with at least two segments separated by dots')
  const long = labels.find(({ length }) => length > 63)
  return long === undefined ? undefined : invalid(long, 'must be no more than 63 characters')
}

/** Several errors as Go prints them together. */
export function joined(texts: readonly string[]): string {
  return texts.length === 1 ? (texts[0] as string) : `[${[...new Set(texts)].join(', ')}]`
}

/** By which a decrypted key is found again: all that the KMS was told. */
export function cacheKeyOf({ keyId, source, sourceType, annotations }: EncryptedKey): string {
  const hash = createHash('sha256')
  const length = Buffer.alloc(4)
  const add = (bytes: Uint8Array | string) => {
    length.writeUInt32BE(Buffer.byteLength(bytes))
    hash.update(length).update(bytes)
  }
  length.writeUInt32BE(sourceType)
  hash.update(length)
  add(source)
  add(keyId)
  for (const [name, value] of [...annotations].sort(([a], [b]) => (a < b ? -1 : 1))) {
    add(name)
    add(value)
  }
  return hash.digest('base64')
}
