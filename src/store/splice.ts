/**
 * How objects lie in the store, and how they are served.
 *
 * Stored is JSON in UTF-8 whose members begin `apiVersion`, `kind`, `metadata`, without `metadata.resourceVersion`: the revision
 * is not known before the commit. Serving puts it in as the first member of `metadata`; the place is found by looking at the
 * first bytes, and no object is parsed or serialised for it.
 */
import type { Row } from './store.ts'

interface Stored {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata?: Readonly<Record<string, unknown>>
}

/** Up to and with the brace that opens `metadata`. */
const head = /^\{(?:"apiVersion":"[^"\\]*",)?(?:"kind":"[^"\\]*",)?"metadata":\{/

/** apiVersion and kind are names of at most 317 and 63 characters. */
const longestHead = 512

/** The bytes to store; `object` is not changed. `metadata`, where it is known already, is the JSON of its metadata. */
export function encodeStored(object: object, metadata?: string): Uint8Array {
  if (metadata === undefined) return exactBytes(stringify(isInOrder(object) ? object : inOrder(object)))
  const { apiVersion, kind, metadata: _, ...rest } = object as Stored
  const first = JSON.stringify({ apiVersion, kind })
  const last = stringify(rest)
  return exactBytes(
    `${first.slice(0, -1)}${first === '{}' ? '' : ','}"metadata":${metadata}${last === '{}' ? '' : ','}${last.slice(1)}`,
  )
}

const firstMembers = ['apiVersion', 'kind', 'metadata']

/** Whether the object can be written as it stands. */
function isInOrder(object: Stored): boolean {
  if (object.metadata?.resourceVersion !== undefined) return false
  let at = 0
  for (const name in object) {
    if (name !== firstMembers[at]) return false
    if (++at === firstMembers.length) return object.metadata !== undefined
  }
  return false
}

/** The JSON to serve: the stored object with its revision as resource version. Not memoised: a cached row does that. */
export function serveBytes(row: Pick<Row, 'value' | 'revision'>): Uint8Array {
  return serveLine(row).subarray(0, -1)
}

/** The same with the newline that ends a body. */
export function serveLine({ value, revision }: Pick<Row, 'value' | 'revision'>): Uint8Array {
  const at = metadataOffset(value)
  if (at === undefined) {
    return exactBytes(`${stringify(inOrder(JSON.parse(asBuffer(value).toString()), `${revision}`))}\n`)
  }
  const empty = value[at] === 0x7d
  const member = `"resourceVersion":"${revision}"${empty ? '' : ','}`
  const served = new Uint8Array(value.byteLength + member.length + 1)
  served.set(value.subarray(0, at))
  asBuffer(served).latin1Write(member, at)
  served.set(value.subarray(at), at + member.length)
  served[served.length - 1] = 0x0a
  return served
}

/** The most that `serveInto` adds to what is stored. */
export const mostAdded = `"resourceVersion":"${Number.MAX_SAFE_INTEGER}",`.length

/** What the last row began with: rows of one kind begin alike. */
let lastHead = asBuffer(new Uint8Array())

/** Writes `serveBytes` into `target`, which has room, and answers where they end; undefined for bytes that do not keep to the convention. */
export function serveInto({ value, revision }: Pick<Row, 'value' | 'revision'>, target: Buffer, at: number): number | undefined {
  let begun = lastHead.byteLength
  if (begun === 0 || !beginsWith(value, lastHead)) {
    const found = metadataOffset(value)
    if (found === undefined) return undefined
    begun = found
    lastHead = asBuffer(value.slice(0, found))
  }
  const member = value[begun] === 0x7d ? `"resourceVersion":"${revision}"` : `"resourceVersion":"${revision}",`
  target.set(lastHead, at)
  ;(target as Buffer & NativeStrings).latin1Write(member, at + begun)
  target.set(value.subarray(begun), at + begun + member.length)
  return at + member.length + value.byteLength
}

function beginsWith(value: Uint8Array, start: Uint8Array): boolean {
  for (let i = start.byteLength - 1; i >= 0; i--) if (value[i] !== start[i]) return false
  return true
}

/** Where the first member of `metadata` begins, or undefined for bytes that do not keep to the convention. */
export function metadataOffset(value: Uint8Array): number | undefined {
  const start = asBuffer(value).latin1Slice(0, Math.min(longestHead, value.byteLength))
  return head.exec(start)?.[0].length
}

/** The object as it is laid out in bytes, with another resource version or none. */
function inOrder(object: object, resourceVersion?: string): object {
  const { apiVersion, kind, metadata, ...rest } = object as Stored
  const { resourceVersion: _, ...kept } = metadata ?? {}
  return { apiVersion, kind, metadata: { ...(resourceVersion && { resourceVersion }), ...kept }, ...rest }
}

function stringify(object: object): string {
  try {
    return JSON.stringify(object)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    // Integers beyond 2^53 are bigint in our objects; they are rare, hence the second try.
    return JSON.stringify(object, (_key, value) => (typeof value === 'bigint' ? rawJson(`${value}`) : value))
  }
}

/** `JSON.rawJSON` of the ECMAScript proposal "JSON.parse source text access", which TypeScript does not know yet. */
function rawJson(text: string): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(text)
}

/** Buffers of exact size: pooled ones keep up to 8 KB alive for each small object. */
function exactBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(Buffer.byteLength(text))
  asBuffer(bytes).utf8Write(text)
  return bytes
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer & NativeStrings {
  return Buffer.from(buffer, byteOffset, byteLength) as Buffer & NativeStrings
}

/** Node's undocumented but stable short roads between strings and bytes. */
interface NativeStrings {
  latin1Slice(start: number, end: number): string
  latin1Write(text: string, offset: number): number
  utf8Write(text: string): number
}
