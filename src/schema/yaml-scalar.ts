/** What a plain YAML scalar means to Go's yaml.v2 (`resolve.go`): used for reading, and for knowing what to quote. */

/** The value of an unquoted scalar without a tag. */
export function resolvePlain(text: string): unknown {
  if (text === '') return null
  const first = text[0] as string
  if (!'+-0123456789.yYnNtTfFoO~'.includes(first)) return text
  if (words.has(text)) {
    const value = words.get(text)
    if (typeof value === 'number') throw new Error(`json: unsupported value: ${goInfinity(value)}`)
    return value
  }
  if (first === '.') return dotFloat.test(text) ? toFloat(text, text) : text
  if (!'+-0123456789'.includes(first) || isTimestamp(text)) return text
  const plain = text.replaceAll('_', '')
  return toInteger(plain) ?? (float.test(plain) ? toFloat(plain, text) : text)
}

/** Whether text, written without quotes, would be read as that text. */
export function isPlainText(text: string): boolean {
  if (text === '' || words.has(text) || sexagesimal.test(text) || isTimestamp(text)) return false
  return resolvePlain(text) === text
}

/** The value of a scalar with an explicit tag such as `!!str`; unknown tags leave text. */
export function resolveTagged(text: string, tag: string): unknown {
  const type = tag.startsWith(yamlTag) ? tag.slice(yamlTag.length) : tag
  if (type === 'binary') return Buffer.from(text, 'base64').toString('utf8')
  if (!['int', 'float', 'bool', 'null'].includes(type)) return text
  const value = resolvePlain(text)
  if (!isOfType(value, type)) throw new Error(`cannot decode !!str \`${text}\` as a !!${type}`)
  return value
}

/** The JSON key that upstream makes of a YAML key; undefined where it makes none. */
export function keyText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  return typeof value === 'number' ? goFloat(value) : undefined
}

/** A number as it stands in YAML after a trip through JSON: whole 64-bit numbers in full, others as Go's `%g`. */
export function goFloat(value: number): string {
  if (Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 64) return String(value)
  const [digits, exponent] = value.toExponential().split('e')
  const power = Number(exponent)
  if (power >= -4 && power < 6) return String(value)
  return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
}

const yamlTag = 'tag:yaml.org,2002:'

const words: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ...['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'].map((word) => [word, true] as const),
  ...['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'].map((word) => [word, false] as const),
  ...['~', 'null', 'Null', 'NULL'].map((word) => [word, null] as const),
  ...['.nan', '.NaN', '.NAN'].map((word) => [word, Number.NaN] as const),
  ...['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'].map((word) => [word, Number.POSITIVE_INFINITY] as const),
  ...['-.inf', '-.Inf', '-.INF'].map((word) => [word, Number.NEGATIVE_INFINITY] as const),
])

const dotFloat = /^\.\d+(?:[eE][-+]?\d+)?$/
const float = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/
const sexagesimal = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/
const timestamp =
  /^\d{4}-(\d\d?)-(\d\d?)(?:[Tt](\d\d?):(\d\d?):(\d\d?)(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)| (\d\d?):(\d\d?):(\d\d?)(?:\.\d+)?)?$/

function isTimestamp(text: string): boolean {
  const match = timestamp.exec(text)
  if (!match) return false
  const [month = 0, day = 0] = [match[1], match[2]].map(Number)
  const [hour, minute, second] = [match[3] ?? match[6], match[4] ?? match[7], match[5] ?? match[8]].map((part) =>
    Number(part ?? 0),
  )
  const days = new Date(Date.UTC(Number(text.slice(0, 4)), month, 0)).getUTCDate()
  const isDate = month >= 1 && month <= 12 && day >= 1 && day <= days
  return isDate && (hour ?? 0) < 24 && (minute ?? 0) < 60 && (second ?? 0) < 60
}

const uint64Max = 2n ** 64n - 1n
const int64Min = -(2n ** 63n)
const integer = /^([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9]\d*))$/

/** An integer of 64 bits in any of Go's notations, where a leading zero means octal. */
function toInteger(text: string): number | bigint | undefined {
  const match = integer.exec(text)
  if (!match) return undefined
  const [, sign, hex, binary, octal, decimal] = match
  const size = hex ? BigInt(`0x${hex}`) : binary ? BigInt(`0b${binary}`) : octal ? BigInt(`0o${octal}`) : BigInt(decimal ?? '0')
  const value = sign === '-' ? -size : size
  if (value > uint64Max || value < int64Min) return undefined
  const near = Number(value)
  // Beyond the signed range Go's JSON reader, which comes next, has floats.
  return Number.isSafeInteger(near) || value >= 2n ** 63n ? near : value
}

/** What no double can hold stays text. */
function toFloat(digits: string, text: string): number | string {
  const value = Number(digits)
  return Number.isFinite(value) ? value : text
}

function goInfinity(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  return value > 0 ? '+Inf' : '-Inf'
}

function isOfType(value: unknown, type: string): boolean {
  if (type === 'null') return value === null
  if (type === 'bool') return typeof value === 'boolean'
  if (type === 'float') return typeof value === 'number' || typeof value === 'bigint'
  return typeof value === 'bigint' || Number.isInteger(value)
}
