/** Times and durations as Go reads and prints them: RFC 3339 in UTC, and texts such as `1h2m3s`. */

/** Most times in what is written are those of this second. */
let lastCanonical = ''

/** `metav1.Time`: whole seconds in UTC. Throws with Go's text. */
export function canonicalTime(text: string): string {
  if (text === lastCanonical) return text
  if (isCanonicalSecond.test(text) && readTime(text)) return (lastCanonical = text)
  const time = readTime(text)
  if (!time) throw new Error(timeComplaint(text, '2006-01-02T15:04:05Z07:00'))
  return `${new Date(time.milliseconds).toISOString().slice(0, 19)}Z`
}

/** The same up to the second: leases are renewed many times in each. */
let lastCanonicalMicro = ''

/** `metav1.MicroTime`: six digits of a second in UTC. */
export function canonicalMicroTime(text: string): string {
  if (isCanonicalMicro.test(text)) {
    if (text.startsWith(lastCanonicalMicro) && lastCanonicalMicro !== '') return text
    if (readTime(text)) {
      lastCanonicalMicro = text.slice(0, 20)
      return text
    }
  }
  const time = readTime(text)
  // Upstream reads only texts with exactly six digits; we read every RFC 3339 time, as its protobuf does.
  if (!time) throw new Error(timeComplaint(text, '2006-01-02T15:04:05.000000Z07:00'))
  return `${new Date(time.milliseconds).toISOString().slice(0, 19)}.${time.fraction.padEnd(6, '0').slice(0, 6)}Z`
}

const isCanonicalSecond = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/
const isCanonicalMicro = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/
const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:Z|([+-])(\d\d):(\d\d))$/
const monthDays = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

interface ReadTime {
  /** Of the whole second. */
  readonly milliseconds: number
  readonly fraction: string
}

function readTime(text: string): ReadTime | undefined {
  const match = rfc3339.exec(text)
  if (!match) return undefined
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  if (month < 1 || month > 12 || day < 1 || day > (monthDays[month - 1] ?? 0)) return undefined
  if (month === 2 && day === 29 && !isLeap(year)) return undefined
  if (hour > 23 || minute > 59 || second > 59) return undefined
  const offset = (match[8] === '-' ? -1 : 1) * (Number(match[9] ?? 0) * 60 + Number(match[10] ?? 0))
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  date.setUTCHours(hour, minute - offset, second)
  return { milliseconds: date.getTime(), fraction: match[7] ?? '' }
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
}

const timeParts: readonly (readonly [RegExp, string])[] = [
  [/^\d{4}/, '2006'],
  [/^-/, '-'],
  [/^\d\d/, '01'],
  [/^-/, '-'],
  [/^\d\d/, '02'],
  [/^T/, 'T'],
  [/^\d\d/, '15'],
  [/^:/, ':'],
  [/^\d\d/, '04'],
  [/^:/, ':'],
  [/^\d\d(?:[.,]\d+)?/, '05'],
  [/^(?:Z|[+-]\d\d:\d\d)/, 'Z07:00'],
]

/** The text of Go's `time.ParseError`. */
function timeComplaint(text: string, layout: string): string {
  const parsing = `parsing time ${JSON.stringify(text)}`
  let rest = text
  for (const [pattern, element] of timeParts) {
    const found = pattern.exec(rest)
    if (!found)
      return `${parsing} as ${JSON.stringify(layout)}: cannot parse ${JSON.stringify(rest)} as ${JSON.stringify(element)}`
    rest = rest.slice(found[0].length)
  }
  if (rest) return `${parsing}: extra text: ${JSON.stringify(rest)}`
  return `${parsing}: ${outOfRange(text)} out of range`
}

function outOfRange(text: string): string {
  const [month = 0, , hour = 0, minute = 0, second = 0] = [5, 8, 11, 14, 17].map((at) => Number(text.slice(at, at + 2)))
  if (month < 1 || month > 12) return 'month'
  if (hour > 23) return 'hour'
  if (minute > 59) return 'minute'
  return second > 59 ? 'second' : 'day'
}

const units: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
}
const durationMax = 2n ** 63n - 1n

/** `time.ParseDuration`: nanoseconds. Throws with Go's text. */
export function parseDuration(text: string): bigint {
  const quoted = JSON.stringify(text)
  const invalid = () => new Error(`time: invalid duration ${quoted}`)
  const [, sign, body = ''] = /^([+-]?)(.*)$/s.exec(text) ?? []
  if (body === '0') return 0n
  if (body === '') throw invalid()
  let total = 0n
  let rest = body
  while (rest) {
    const number = /^(\d*)(?:\.(\d*))?/.exec(rest)
    const [whole = '', fraction = ''] = [number?.[1], number?.[2]]
    if (!whole && !fraction) throw invalid()
    rest = rest.slice(number?.[0].length)
    const unit = /^[^.\d]*/.exec(rest)?.[0] ?? ''
    if (!unit) throw new Error(`time: missing unit in duration ${quoted}`)
    const size = Object.hasOwn(units, unit) ? units[unit] : undefined
    if (size === undefined) throw new Error(`time: unknown unit ${JSON.stringify(unit)} in duration ${quoted}`)
    total += BigInt(whole || '0') * size + (BigInt(fraction || '0') * size) / 10n ** BigInt(fraction.length)
    if (total > durationMax + (sign === '-' ? 1n : 0n)) throw invalid()
    rest = rest.slice(unit.length)
  }
  return sign === '-' ? -total : total
}

/** `time.Duration.String`: `1h0m0s`, `1.5s`, `300ms`. */
export function formatDuration(nanoseconds: bigint): string {
  if (nanoseconds === 0n) return '0s'
  if (nanoseconds < 0n) return `-${formatDuration(-nanoseconds)}`
  if (nanoseconds < 1000n) return `${nanoseconds}ns`
  if (nanoseconds < 1_000_000n) return `${decimal(nanoseconds, 3)}µs`
  if (nanoseconds < 1_000_000_000n) return `${decimal(nanoseconds, 6)}ms`
  const minutes = nanoseconds / 60_000_000_000n
  const seconds = `${decimal(nanoseconds % 60_000_000_000n, 9)}s`
  if (minutes === 0n) return seconds
  if (minutes < 60n) return `${minutes}m${seconds}`
  return `${minutes / 60n}h${minutes % 60n}m${seconds}`
}

function decimal(amount: bigint, places: number): string {
  const text = amount.toString().padStart(places + 1, '0')
  const fraction = text.slice(-places).replace(/0+$/, '')
  return text.slice(0, -places) + (fraction && `.${fraction}`)
}
