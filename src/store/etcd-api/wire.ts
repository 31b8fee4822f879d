/** Between the bytes of etcd's messages and the store's keys, which are text. */
import type { CompareMessage, KeyValue } from '../etcd/messages.ts'
import type { Compare, Row } from '../store.ts'
import { invalid } from './refusals.ts'

export interface Span {
  readonly key: string
  readonly end?: string
}

/** Above all keys. */
const last = '\u{10ffff}'

/** etcd: without an end one key, with the end NUL all from the key on. */
export function spanOf({ key, range_end: end }: { readonly key: Uint8Array; readonly range_end?: Uint8Array }): Span {
  if (key.byteLength === 0) throw invalid('key is not provided')
  const isWhole = end && end.byteLength === 1 && end[0] === 0
  if (isWhole) return { key: key.byteLength === 1 && key[0] === 0 ? '\u0001' : boundOf(key), end: last }
  if (!end || end.byteLength === 0) return { key: keyOf(key) }
  return { key: boundOf(key), end: boundOf(end) }
}

/** Throws for what is no UTF-8: the store knows no other keys. */
export function keyOf(bytes: Uint8Array): string {
  if (bytes.byteLength === 0) throw invalid('key is not provided')
  try {
    return strict.decode(bytes)
  } catch {
    throw invalid('key is not valid UTF-8')
  }
}

/** The first text at or after the bytes: the end of a prefix is often no text itself. */
export function boundOf(bytes: Uint8Array): string {
  for (let length = bytes.byteLength; length >= 0; length--) {
    const text = decoded(bytes.subarray(0, length))
    if (text === undefined) continue
    return length === bytes.byteLength ? text : text + firstFrom(bytes[length] as number)
  }
  return ''
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes)
  } catch {
    return undefined
  }
}

/** The lowest character whose UTF-8 begins with this byte or a higher one; whatever follows the byte is not looked at. */
function firstFrom(byte: number): string {
  if (byte < 0xc2) return '\u0080'
  if (byte < 0xe0) return String.fromCodePoint((byte & 0x1f) << 6)
  if (byte < 0xf0) return String.fromCodePoint(Math.max(0x800, (byte & 0x0f) << 12))
  return byte < 0xf5 ? String.fromCodePoint(Math.min(0x10ffff, Math.max(0x10000, (byte & 0x07) << 18))) : last
}

export function kvOf({ key, createRevision, revision, version, value, lease }: Row): KeyValue {
  return { key: Buffer.from(key), create_revision: createRevision, mod_revision: revision, version, value, lease }
}

const operators = ['=', '>', '<', '!='] as const

export function compareOf(message: CompareMessage): Compare {
  const { result, target } = message
  const op = operators[result]
  if (!op) throw invalid('unknown comparison')
  const base = { ...spanOf(message), op }
  if (target === 0) return { ...base, target: 'version', operand: message.version ?? 0 }
  if (target === 1) return { ...base, target: 'createRevision', operand: message.create_revision ?? 0 }
  if (target === 2) return { ...base, target: 'revision', operand: message.mod_revision ?? 0 }
  if (target === 3) return { ...base, target: 'value', operand: message.value ?? new Uint8Array() }
  return { ...base, target: 'lease', operand: message.lease ?? 0 }
}
