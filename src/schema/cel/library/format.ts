/** `'%s: %d'.format([...])` (cel-go `ext/formatting.go`). */
import { type Functions, member } from '../declarations.ts'
import { CelFailure } from '../errors.ts'
import { Dyn, listOf, Str } from '../type.ts'
import { CelDuration, CelList, CelMap, CelTimestamp, CelTypeValue, CelUint, type Meter, typeName } from '../value.ts'
import { conversions } from './conversions.ts'

export const textFormat: Functions = {
  format: [member('string_format', [Str, listOf(Dyn)], Str, ([text, args], meter) => format(text, args, meter))],
}

const clause = /%(?:%|(?:\.(\d+))?([a-zA-Z]))|%/g
const mostDigits = 1000

function format(text: string, args: CelList, meter: Meter): string {
  let next = 0
  const made = text.replace(clause, (found, precision: string | undefined, verb: string | undefined) => {
    if (found === '%%') return '%'
    if (!verb) throw failure('unexpected end of string')
    if (next >= args.size) throw failure(`index ${next} out of range`)
    const value = args.at(next++)
    const digits = precision === undefined ? 6 : Number(precision)
    if (digits > mostDigits) throw failure(`precision of ${digits} is out of range`)
    return verbText(verb, { value, digits, meter })
  })
  if (next < args.size) throw failure(`too many arguments supplied to string.format (expected ${next}, got ${args.size})`)
  return made
}

function failure(message: string): CelFailure {
  return new CelFailure(message)
}

interface Slot {
  readonly value: unknown
  readonly digits: number
  readonly meter: Meter
}

function verbText(verb: string, { value, digits, meter }: Slot): string {
  switch (verb) {
    case 's':
      return plain(value, meter)
    case 'd':
      return decimal(value)
    case 'f':
      return real(value, 'fixed-point', (number) => fixedPoint(number, Math.min(digits, 100)))
    case 'e':
      return real(value, 'scientific', (number) => scientific(number, digits))
    case 'b':
      return inBase(value, 2, 'only integers and bools can be formatted as binary')
    case 'o':
      return inBase(value, 8, 'octal clause can only be used on integers')
    case 'x':
      return hex(value)
    case 'X':
      return hex(value).toUpperCase()
    default:
      throw failure(`could not parse formatting clause: unrecognized formatting clause "${verb}"`)
  }
}

function decimal(value: unknown): string {
  if (typeof value === 'bigint') return String(value)
  if (value instanceof CelUint) return String(value.value)
  throw failure(`error during formatting: decimal clause can only be used on integers, was given ${typeName(value)}`)
}

function real(value: unknown, name: string, print: (number: number) => string): string {
  const words: Readonly<Record<string, number>> = { NaN: Number.NaN, Infinity: Number.POSITIVE_INFINITY, '-Infinity': -Infinity }
  const number = typeof value === 'string' && Object.hasOwn(words, value) ? words[value] : value
  if (typeof number !== 'number') {
    throw failure(`error during formatting: ${name} clause can only be used on doubles, was given ${typeName(value)}`)
  }
  return Number.isFinite(number) ? print(number) : special(number)
}

/** Go rounds what lies exactly between two to the even one. */
function fixedPoint(value: number, digits: number): string {
  const rounded = value.toFixed(digits)
  const exact = value.toFixed(Math.min(100, digits + 60))
  const cut = exact.length - (Math.min(100, digits + 60) - digits)
  if (!/^5?0*$/.test(exact.slice(cut).replace('.', '')) || !exact.slice(cut).includes('5')) return rounded
  const truncated = exact.slice(0, cut).replace(/\.$/, '')
  return /[02468]$/.test(truncated) ? truncated : rounded
}

function special(value: number): string {
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '∞' : '-∞'
}

/** Go writes exponents with two digits at least. */
function scientific(value: number, digits: number): string {
  const [mantissa, exponent = ''] = value.toExponential(Math.min(digits, 100)).split('e')
  return `${mantissa}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`
}

function inBase(value: unknown, base: 2 | 8, complaint: string): string {
  if (typeof value === 'bigint') return value.toString(base)
  if (value instanceof CelUint) return value.value.toString(base)
  if (base === 2 && typeof value === 'boolean') return value ? '1' : '0'
  throw failure(`error during formatting: ${complaint}, was given ${typeName(value)}`)
}

function hex(value: unknown): string {
  if (typeof value === 'bigint') return value.toString(16)
  if (value instanceof CelUint) return value.value.toString(16)
  const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value
  if (bytes instanceof Uint8Array) return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  const complaint = 'only integers, byte buffers, and strings can be formatted as hex'
  throw failure(`error during formatting: ${complaint}, was given ${typeName(value)}`)
}

/** `%s`: anything that has a text. */
function plain(value: unknown, meter: Meter): string {
  if (value === null) return 'null'
  if (typeof value === 'string') return value
  if (value instanceof CelTypeValue) return value.name
  if (value instanceof CelList) return `[${[...value].map((one) => nested(one, meter)).join(', ')}]`
  if (value instanceof CelMap) return mapText(value, meter)
  return toText(value)
}

function toText(value: unknown): string {
  const overload = conversions.string?.find(({ id }) => id === `${conversionName(value)}_to_string`)
  if (overload) return overload.run([value], noCost) as string
  const complaint =
    'string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps'
  throw failure(`error during formatting: ${complaint}, was given ${typeName(value)}`)
}

const noCost: Meter = { charge() {} }

function conversionName(value: unknown): string {
  if (typeof value === 'bigint') return 'int64'
  if (value instanceof CelUint) return 'uint64'
  if (value instanceof CelTimestamp) return 'timestamp'
  if (value instanceof CelDuration) return 'duration'
  return typeName(value)
}

/** Inside lists and maps, values look as an expression would write them. */
function nested(value: unknown, meter: Meter): string {
  meter.charge(0.1)
  if (typeof value === 'string') return JSON.stringify(value)
  if (value instanceof Uint8Array) return `b${JSON.stringify(toText(value))}`
  if (typeof value === 'number') return Number.isFinite(value) ? value.toFixed(6) : JSON.stringify(toText(value))
  if (value instanceof CelTimestamp) return `timestamp(${JSON.stringify(toText(value))})`
  if (value instanceof CelDuration) return `duration(${JSON.stringify(toText(value))})`
  return plain(value, meter)
}

function mapText(map: CelMap, meter: Meter): string {
  const pairs = [...map.entries()].map(([key, value]) => {
    if (typeof key === 'number') throw failure('no formatting function for map key of type double')
    return [nested(key, meter), nested(value, meter)] as const
  })
  pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return `{${pairs.map(([key, value]) => `${key}:${value}`).join(', ')}}`
}
