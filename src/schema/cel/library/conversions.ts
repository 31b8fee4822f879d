/** From one type to another, and what type a value has. */
import { type Functions, global } from '../declarations.ts'
import { CelFailure } from '../errors.ts'
import { Bool, Bytes, type CelType, Double, Duration, Int, param, Str, Timestamp, typeOf, Uint } from '../type.ts'
import { CelDuration, type CelTimestamp, CelTypeValue, parseCelDuration, parseTimestamp, typeName } from '../value.ts'
import { int, timestamp, uint } from './operators.ts'

const second = 1_000_000_000n
const A = param('A')

export const conversions: Functions = {
  type: [global('type', [A], typeOf(A), ([value]) => new CelTypeValue(typeName(value)))],
  bool: [same('bool', Bool), global('string_to_bool', [Str], Bool, ([text]) => toBool(text))],
  int: [
    same('int64', Int),
    global('double_to_int64', [Double], Int, ([value]) => int(whole(value))),
    global('duration_to_int64', [Duration], Int, ([value]) => value.nanoseconds),
    global('string_to_int64', [Str], Int, ([text]) => textToInt(text)),
    global('timestamp_to_int64', [Timestamp], Int, ([value]) => floorDivide(value.nanoseconds, second)),
    global('uint64_to_int64', [Uint], Int, ([value]) => int(value.value)),
  ],
  uint: [
    same('uint64', Uint),
    global('double_to_uint64', [Double], Uint, ([value]) => uint(whole(value, 'unsigned integer overflow'))),
    global('int64_to_uint64', [Int], Uint, ([value]) => uint(value)),
    global('string_to_uint64', [Str], Uint, ([text]) => textToUint(text)),
  ],
  double: [
    same('double', Double),
    global('int64_to_double', [Int], Double, ([value]) => Number(value)),
    global('string_to_double', [Str], Double, ([text]) => textToDouble(text)),
    global('uint64_to_double', [Uint], Double, ([value]) => Number(value.value)),
  ],
  string: [
    same('string', Str),
    global('bool_to_string', [Bool], Str, ([value]) => String(value)),
    global('bytes_to_string', [Bytes], Str, ([value]) => bytesToText(value)),
    global('double_to_string', [Double], Str, ([value]) => doubleText(value)),
    global('duration_to_string', [Duration], Str, ([value]) => durationText(value)),
    global('int64_to_string', [Int], Str, ([value]) => String(value)),
    global('timestamp_to_string', [Timestamp], Str, ([value]) => timestampText(value)),
    global('uint64_to_string', [Uint], Str, ([value]) => String(value.value)),
  ],
  bytes: [same('bytes', Bytes), global('string_to_bytes', [Str], Bytes, ([text]) => new TextEncoder().encode(text))],
  timestamp: [
    same('timestamp', Timestamp),
    global('int64_to_timestamp', [Int], Timestamp, ([value]) => timestamp(value * second)),
    global('string_to_timestamp', [Str], Timestamp, ([text]) => parseTimestamp(text)),
  ],
  duration: [
    same('duration', Duration),
    global('int64_to_duration', [Int], Duration, ([value]) => new CelDuration(value)),
    global('string_to_duration', [Str], Duration, ([text]) => new CelDuration(parseCelDuration(text))),
  ],
  'strings.quote': [global('strings_quote', [Str], Str, ([text]) => quoted(text))],
}

function same(name: string, type: CelType) {
  return global(`${name}_to_${name}`, [type], type, ([value]) => value)
}

function toBool(text: string): boolean {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text)) return true
  if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text)) return false
  throw new CelFailure(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`)
}

/** Fractions are cut off; what is near the edge of 64 bits or beyond overflows. */
function whole(value: number, message = 'integer overflow'): bigint {
  if (!Number.isFinite(value) || Math.abs(value) >= 2 ** 64) throw new CelFailure(message)
  if (message === 'integer overflow' && Math.abs(value) >= 2 ** 63) throw new CelFailure(message)
  return BigInt(Math.trunc(value))
}

function textToInt(text: string): bigint {
  const complaint = `strconv.ParseInt: parsing ${JSON.stringify(text)}`
  if (!/^[+-]?\d+$/.test(text)) throw new CelFailure(`${complaint}: invalid syntax`)
  const value = BigInt(text.replace(/^\+/, ''))
  if (BigInt.asIntN(64, value) !== value) throw new CelFailure(`${complaint}: value out of range`)
  return value
}

function textToUint(text: string) {
  const complaint = `strconv.ParseUint: parsing ${JSON.stringify(text)}`
  if (!/^\d+$/.test(text)) throw new CelFailure(`${complaint}: invalid syntax`)
  const value = BigInt(text)
  if (BigInt.asUintN(64, value) !== value) throw new CelFailure(`${complaint}: value out of range`)
  return uint(value)
}

const words: Readonly<Record<string, number>> = {
  inf: Number.POSITIVE_INFINITY,
  infinity: Number.POSITIVE_INFINITY,
  nan: Number.NaN,
}

function textToDouble(text: string): number {
  const word = /^([+-]?)(inf|infinity|nan)$/i.exec(text)
  if (word) return (word[1] === '-' ? -1 : 1) * (words[(word[2] as string).toLowerCase()] as number)
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) {
    throw new CelFailure(`strconv.ParseFloat: parsing ${JSON.stringify(text)}: invalid syntax`)
  }
  return Number(text)
}

function bytesToText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new CelFailure('invalid UTF-8 in bytes, cannot convert to string')
  }
}

/** Go's `strconv.FormatFloat(value, 'g', -1, 64)`: an exponent below -4 and from 21 on. */
export function doubleText(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  if (Object.is(value, -0)) return '-0'
  const exponent = value === 0 ? 0 : Number(value.toExponential().split('e')[1])
  if (exponent >= -4 && exponent < 21) return String(value)
  const [digits = '', power = ''] = value.toExponential().split('e')
  const sign = power.startsWith('-') ? '-' : '+'
  return `${digits}e${sign}${power.replace(/^[+-]/, '').padStart(2, '0')}`
}

function durationText({ nanoseconds }: CelDuration): string {
  const sign = nanoseconds < 0n ? '-' : ''
  const size = nanoseconds < 0n ? -nanoseconds : nanoseconds
  return `${sign}${size / second}${fractionText(size % second)}s`
}

export function timestampText({ nanoseconds }: CelTimestamp): string {
  const seconds = floorDivide(nanoseconds, second)
  const date = new Date(Number(seconds) * 1000).toISOString().replace(/^\+0*/, '').slice(0, 19)
  return `${date}${fractionText(nanoseconds - seconds * second)}Z`
}

function fractionText(nanoseconds: bigint): string {
  return nanoseconds === 0n ? '' : `.${String(nanoseconds).padStart(9, '0').replace(/0+$/, '')}`
}

export function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b
  return a % b < 0n ? quotient - 1n : quotient
}

const escapes: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
}

function quoted(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that are escaped.
  return `"${text.replace(/[\x07\b\f\n\r\t\v\\"]/g, (char) => escapes[char] as string)}"`
}
