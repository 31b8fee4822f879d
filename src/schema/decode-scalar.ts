/** Decoders of the scalar words: each checks the JSON type and writes the value the way upstream prints it. */
import { copyJson } from './copy.ts'
import { DecodeError, type DecodeRun, goTypeOf } from './decode-run.ts'
import { canonicalMicroTime, canonicalTime, formatDuration, parseDuration } from './go-time.ts'
import { canonicalQuantity, parseQuantity } from './quantity.ts'
import type { ScalarNode, ScalarType } from './words.ts'

type ScalarDecoder = (value: unknown, run: DecodeRun) => unknown

/** The decoder of a scalar; null and undefined give its zero value. */
export function decodeScalar(node: ScalarNode): ScalarDecoder {
  const zero = zeroScalar(node.type)
  const decoder = scalarDecoders[node.type]
  return (value, run) => (value === null || value === undefined ? zero : decoder(value, run))
}

/** What stands on the wire for a scalar that nobody set. */
export function zeroScalar(type: ScalarType): unknown {
  return zeros[type]
}

/** Whether `omitempty` leaves the value out. */
export function isZeroScalar(type: ScalarType, value: unknown): boolean {
  if (value === undefined || value === zeros[type]) return true
  return type === 'quantity' && parseQuantity(value as string).unscaled === 0n
}

const zeros: Readonly<Record<ScalarType, unknown>> = {
  string: '',
  boolean: false,
  int32: 0,
  int64: 0,
  double: 0,
  bytes: '',
  quantity: '0',
  time: null,
  microTime: null,
  duration: '0s',
  intOrString: 0,
  raw: null,
}

const scalarDecoders: Readonly<Record<ScalarType, ScalarDecoder>> = {
  string: (value, run) => {
    if (typeof value !== 'string') throw run.mismatch(value, 'string')
    return value
  },
  boolean: (value, run) => {
    if (typeof value !== 'boolean') throw run.mismatch(value, 'bool')
    return value
  },
  int32: decodeInt32,
  int64: decodeInt64,
  double: decodeDouble,
  bytes: decodeBytes,
  quantity: (value) => inGoWords(() => canonicalQuantity(typeof value === 'object' ? '{' : String(value).trim())),
  time: (value, run) => {
    if (typeof value !== 'string') throw run.mismatch(value, 'string')
    return inGoWords(() => canonicalTime(value))
  },
  microTime: (value, run) => {
    if (typeof value !== 'string') throw run.mismatch(value, 'string')
    return inGoWords(() => canonicalMicroTime(value))
  },
  duration: decodeDuration,
  intOrString: (value, run) => (typeof value === 'string' ? value : decodeInt32(value, run)),
  raw: (value) => copyJson(value),
}

/** Go's own unmarshalers report what is wrong without saying where. */
function inGoWords<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new DecodeError((error as Error).message)
  }
}

function decodeInt32(value: unknown, run: DecodeRun): number {
  // Adding zero turns -0 into 0.
  if (typeof value === 'number' && (value | 0) === value) return value + 0
  if (typeof value !== 'number' && typeof value !== 'bigint') throw run.mismatch(value, 'int32')
  throw run.misfit(value, 'int32')
}

const int64Max = 2n ** 63n - 1n
const int64Min = -(2n ** 63n)

/** A number where that is exact, a bigint elsewhere. */
function decodeInt64(value: unknown, run: DecodeRun): number | bigint {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value + 0
  if (typeof value !== 'number' && typeof value !== 'bigint') throw run.mismatch(value, 'int64')
  if (typeof value === 'number' && !Number.isInteger(value)) throw run.misfit(value, 'int64')
  const exact = BigInt(value)
  if (exact > int64Max || exact < int64Min) throw run.misfit(value, 'int64')
  const near = Number(exact)
  return Number.isSafeInteger(near) ? near : exact
}

function decodeDouble(value: unknown, run: DecodeRun): number {
  if (typeof value !== 'number' && typeof value !== 'bigint') throw run.mismatch(value, 'float64')
  const near = Number(value)
  if (!Number.isFinite(near)) throw run.misfit(value, 'float64')
  return near
}

function decodeDuration(value: unknown, run: DecodeRun): string {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return formatDuration(BigInt(value))
  if (typeof value === 'bigint') return formatDuration(value)
  if (typeof value !== 'string') throw run.mismatch(value, 'string')
  return inGoWords(() => formatDuration(parseDuration(value)))
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$/

/** Base64 in the standard alphabet with padding; Go skips line breaks and forgives loose last bits. */
function decodeBytes(value: unknown, run: DecodeRun): string {
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
  if (typeof value !== 'string') throw run.mismatch(value, goTypeOf({ type: 'bytes' }))
  if (base64.test(value)) return value
  const text = value.replace(/[\r\n]/g, '')
  const end = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?/.exec(text)?.[0].length ?? 0
  if (end === text.length) return Buffer.from(text, 'base64').toString('base64')
  throw new DecodeError(`illegal base64 data at input byte ${corruptByte(text, end)}`)
}

/** Go counts to the first byte that cannot stand where it is; at a premature end, to the start of the last group. */
function corruptByte(text: string, from: number): number {
  const rest = text.slice(from)
  const good = /^[A-Za-z0-9+/]*/.exec(rest)?.[0].length ?? 0
  if (good === rest.length) return from + good - (good % 4)
  if (text[from + good] !== '=' || good < 2) return from + good
  // Padding that is cut off, or followed by more.
  const needed = good === 2 ? 2 : 1
  const given = rest.slice(good, good + needed) === '='.repeat(needed)
  return given ? from + good + needed : text.length
}
