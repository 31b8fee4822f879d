/** `resource.Quantity`: exact decimal amounts such as `250m`, `1.5Gi` or `1e3`, and the one text each is written as. */

export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent'

/** The amount `unscaled * 10 ** scale`, and the family of suffixes it is printed with. */
export interface Quantity {
  readonly unscaled: bigint
  readonly scale: number
  readonly format: QuantityFormat
  /** The text it was read from, where upstream keeps that instead of printing anew. */
  readonly text?: string
}

export class QuantityError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'QuantityError'
  }
}

/** Reads a quantity; throws QuantityError with upstream's text. */
export function parseQuantity(text: string): Quantity {
  const known = parsed.get(text)
  if (known) return known
  const quantity = readQuantity(text)
  remember(parsed, text, quantity)
  return quantity
}

/** The text that upstream would print for the same amount. */
export function canonicalQuantity(text: string): string {
  const known = canonical.get(text)
  if (known !== undefined) return known
  const result = formatQuantity(parseQuantity(text))
  remember(canonical, text, result)
  return result
}

/** Whole units, rounded away from zero. */
export function quantityValue(quantity: string | Quantity): number {
  return scaledValue(quantity, 0)
}

/** Thousandths, rounded away from zero. */
export function milliValue(quantity: string | Quantity): number {
  return scaledValue(quantity, -3)
}

export function addQuantity(a: string | Quantity, b: string | Quantity): Quantity {
  const left = toQuantity(a)
  const right = toQuantity(b)
  const scale = Math.min(left.scale, right.scale)
  const format = left.unscaled === 0n ? right.format : left.format
  return { unscaled: shift(left, scale) + shift(right, scale), scale, format }
}

export function subtractQuantity(a: string | Quantity, b: string | Quantity): Quantity {
  const right = toQuantity(b)
  return addQuantity(a, { unscaled: -right.unscaled, scale: right.scale, format: right.format })
}

/** Negative, zero or positive, as the first is smaller, equal or larger. */
export function compareQuantity(a: string | Quantity, b: string | Quantity): number {
  const left = toQuantity(a)
  const right = toQuantity(b)
  const scale = Math.min(left.scale, right.scale)
  const difference = shift(left, scale) - shift(right, scale)
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

/** Prints an amount (`Quantity.CanonicalizeBytes`). */
export function formatQuantity({ unscaled, scale, format, text }: Quantity): string {
  if (text !== undefined) return text
  if (unscaled === 0n) return '0'
  if (format === 'BinarySI') {
    const whole = wholeUnits(unscaled, scale)
    // Small and fractional amounts are clearer in decimal.
    if (whole !== undefined && (whole <= -1024n || whole >= 1024n)) return formatBinary(whole)
    return formatDecimal(unscaled, scale, 'DecimalSI')
  }
  return formatDecimal(unscaled, scale, format)
}

const parsed = new Map<string, Quantity>()
const canonical = new Map<string, string>()
const maxRemembered = 4096

/** The same few texts are read again and again; the cache is dropped whole when it is full. */
function remember<T>(cache: Map<string, T>, text: string, value: T): void {
  if (cache.size >= maxRemembered) cache.clear()
  cache.set(text, value)
}

const formatWrong = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
/** No two neighbours can take the same character, so that a text is read once. */
const grammar = /^([+-]?)(\d*)(?:\.(\d*))?((?:[eEinumkKMGTP]+[-+]?|[-+])\d*)?$/

/** Upstream has no limit; an amount of so many digits serves nobody, and exact arithmetic on it takes for ever. */
const longestText = 500

const decimalExponents: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 }
const binaryExponents: Readonly<Record<string, number>> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 }
const decimalSuffixes: ReadonlyMap<number, string> = new Map(Object.entries(decimalExponents).map(([s, e]) => [e, s]))
const binarySuffixes = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei']

const int64Max = 2n ** 63n - 1n
/** Nothing is finer than nano. */
const finest = -9

function readQuantity(text: string): Quantity {
  if (text === '') throw new QuantityError(formatWrong)
  if (text === '0') return { unscaled: 0n, scale: 0, format: 'DecimalSI', text }
  const match = text.length > longestText ? null : grammar.exec(text)
  if (!match) throw new QuantityError(formatWrong)
  const [, sign, digits = '', fraction = '', suffix = ''] = match
  const { binary, exponent, format } = readSuffix(suffix)
  const num = digits.replace(/^0+/, '') || '0'
  const negative = sign === '-'

  const quick = readQuick(text, { num, fraction, exponent, format, negative })
  if (quick) return quick

  let unscaled = BigInt(num + fraction)
  let scale = -fraction.length
  if (binary) unscaled <<= BigInt(exponent)
  else scale += exponent
  if (scale < finest) {
    unscaled = divideUp(unscaled, finest - scale)
    scale = finest
  }
  let kept: QuantityFormat = format
  if (format === 'BinarySI') {
    if (compareTo(unscaled, scale, int64Max) > 0) return { unscaled: negative ? -int64Max : int64Max, scale: 0, format }
    if (unscaled > 0n && compareTo(unscaled, scale, 1n) < 0) kept = 'DecimalSI'
  }
  return { unscaled: negative ? -unscaled : unscaled, scale, format: kept }
}

function readSuffix(suffix: string): { binary: boolean; exponent: number; format: QuantityFormat } {
  const decimal = Object.hasOwn(decimalExponents, suffix) ? decimalExponents[suffix] : undefined
  if (decimal !== undefined) return { binary: false, exponent: decimal, format: 'DecimalSI' }
  const binary = Object.hasOwn(binaryExponents, suffix) ? binaryExponents[suffix] : undefined
  if (binary !== undefined) return { binary: true, exponent: binary, format: 'BinarySI' }
  if (/^[eE][-+]?\d+$/.test(suffix)) {
    const exponent = Number(suffix.slice(1))
    // Upstream keeps 32 bits; an amount so large or small serves nobody and would only cost memory here.
    if (Math.abs(exponent) <= 10_000) return { binary: false, exponent, format: 'DecimalExponent' }
  }
  throw new QuantityError("unable to parse quantity's suffix")
}

interface Parts {
  readonly num: string
  readonly fraction: string
  readonly exponent: number
  readonly format: QuantityFormat
  readonly negative: boolean
}

/**
 * Upstream's int64 path, which differs in one visible thing: a text that it takes for canonical is kept as it is,
 * so that `1.500` and `+5` stay.
 */
function readQuick(text: string, { num, fraction, exponent, format, negative }: Parts): Quantity | undefined {
  const isBinary = format === 'BinarySI'
  const precision = isBinary
    ? fraction
      ? -1
      : 15 - num.length - Math.trunc((exponent * 3) / 10) - 1
    : 18 - num.length - fraction.length
  const scale = (isBinary ? 0 : exponent) - fraction.length
  if (precision < 0 || scale < finest) return undefined
  const shifted = num + fraction
  const mantissa = BigInt(shifted)
  const amount = isBinary ? mantissa << BigInt(exponent) : mantissa
  const isCanonical = isBinary ? (mantissa & 7n) !== 0n : scale % 3 === 0 && !shifted.endsWith('000') && !shifted.startsWith('0')
  return { unscaled: negative ? -amount : amount, scale, format, ...(isCanonical && { text }) }
}

function toQuantity(quantity: string | Quantity): Quantity {
  return typeof quantity === 'string' ? parseQuantity(quantity) : quantity
}

function scaledValue(quantity: string | Quantity, unit: number): number {
  const { unscaled, scale } = toQuantity(quantity)
  const digits = scale - unit
  if (digits >= 0) return Number(unscaled * 10n ** BigInt(digits))
  return Number(unscaled < 0n ? -divideUp(-unscaled, -digits) : divideUp(unscaled, -digits))
}

/** `amount / 10 ** digits` of an amount that is not negative, rounded up. */
function divideUp(amount: bigint, digits: number): bigint {
  const divisor = 10n ** BigInt(digits)
  return (amount + divisor - 1n) / divisor
}

function shift({ unscaled, scale }: Quantity, to: number): bigint {
  return unscaled * 10n ** BigInt(scale - to)
}

function compareTo(unscaled: bigint, scale: number, units: bigint): number {
  return compareQuantity({ unscaled, scale, format: 'DecimalSI' }, { unscaled: units, scale: 0, format: 'DecimalSI' })
}

function wholeUnits(unscaled: bigint, scale: number): bigint | undefined {
  if (scale >= 0) return unscaled * 10n ** BigInt(scale)
  const divisor = 10n ** BigInt(-scale)
  return unscaled % divisor === 0n ? unscaled / divisor : undefined
}

function formatBinary(amount: bigint): string {
  let rest = amount
  let times = 0
  while (rest % 1024n === 0n) {
    rest /= 1024n
    times++
  }
  return `${rest}${binarySuffixes[times] ?? ''}`
}

function formatDecimal(unscaled: bigint, scale: number, format: QuantityFormat): string {
  let amount = unscaled
  let exponent = scale
  while (amount % 10n === 0n) {
    amount /= 10n
    exponent++
  }
  while (exponent % 3 !== 0) {
    amount *= 10n
    exponent--
  }
  if (format === 'DecimalSI') return `${amount}${decimalSuffixes.get(exponent) ?? ''}`
  return exponent === 0 ? String(amount) : `${amount}e${exponent}`
}
