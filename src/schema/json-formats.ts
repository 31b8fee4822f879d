/** The formats of strings in custom resources (kube-openapi's `strfmt`); those not listed are ignored. */
import { isValidIp } from './ip-formats.ts'

/** By name without dashes. */
const checks: Readonly<Record<string, (value: string) => boolean>> = {
  bsonobjectid: (value) => /^[0-9a-fA-F]{24}$/.test(value),
  uri: isRequestUri,
  email: isEmail,
  hostname: isHostname,
  ipv4: (value) => value.includes('.') && isIp(value),
  ipv6: (value) => value.includes(':') && isIp(value),
  cidr: isCidr,
  mac: (value) =>
    /^(?:[0-9a-f]{2}([:-]))(?:[0-9a-f]{2}\1){4}(?:[0-9a-f]{2}\1){0,2}[0-9a-f]{2}$|^(?:[0-9a-f]{4}\.){2,3}[0-9a-f]{4}$/i.test(
      value,
    ),
  uuid: (value) => /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i.test(value),
  uuid3: (value) => /^[0-9a-f]{8}-?[0-9a-f]{4}-?3[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i.test(value),
  uuid4: (value) => /^[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$/i.test(value),
  uuid5: (value) => /^[0-9a-f]{8}-?[0-9a-f]{4}-?5[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$/i.test(value),
  isbn: (value) => isIsbn10(value) || isIsbn13(value),
  isbn10: isIsbn10,
  isbn13: isIsbn13,
  creditcard: isCreditCard,
  ssn: (value) => /^\d{3}[- ]?\d{2}[- ]?\d{4}$/.test(value),
  hexcolor: (value) => /^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/.test(value),
  rgbcolor: (value) => rgb.test(value),
  byte: (value) => /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/.test(value),
  password: () => true,
  date: isDate,
  duration: isDuration,
  datetime: isDateTime,
  k8sshortname: (value) => value.length <= 63 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(value),
  k8slongname: (value) => value.length <= 253 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(value),
}

/** The check of a known format of strings. */
export function stringFormat(format: string): ((value: string) => boolean) | undefined {
  const name = format.replaceAll('-', '')
  return Object.hasOwn(checks, name) ? checks[name] : undefined
}

/** Whether a schema of this type may have that format; elsewhere it is ignored, and a warning says so. */
export function isKnownFormat(type: string, format: string): boolean {
  if (type === '' || type === 'string') return stringFormat(format) !== undefined
  if (type === 'integer') return format === 'int32' || format === 'int64'
  return type === 'number' && (format === 'float' || format === 'double')
}

function isRequestUri(value: string): boolean {
  if (value.startsWith('/')) return !/[\s\p{Cc}]/u.test(value)
  return (
    /^[a-zA-Z][a-zA-Z0-9+.-]*:/.test(value) && !/[\s\p{Cc}]/u.test(value) && (URL.canParse(value) || /^[^:]+:[^/]/.test(value))
  )
}

/** The common part of what Go's `mail.ParseAddress` takes. */
function isEmail(value: string): boolean {
  const address = /^[^<>]*<([^<>]+)>$/.exec(value)?.[1] ?? value
  return (
    /^(?:[^\s@"(),:;<>[\\\]]+|"[^"\r\n]*")@(?:[^\s@"(),:;<>[\\\]]+|\[[^\s[\]]+\])$/.test(address) &&
    !/(?:^|@)\.|\.\.|\.@|\.$/.test(address)
  )
}

const label = '[a-zA-Z0-9\\p{S}\\p{L}](?:[a-zA-Z0-9\\-\\p{S}\\p{L}]{0,61}[a-zA-Z0-9\\p{S}\\p{L}])?'
const hostname = new RegExp(`^(?:${label}|(?:${label}\\.)+[a-zA-Z\\p{L}]{2,63})$`, 'u')

function isHostname(value: string): boolean {
  return (
    Buffer.byteLength(value) <= 255 && hostname.test(value) && value.split('.').every((part) => Buffer.byteLength(part) <= 63)
  )
}

/** Leading zeros are tolerated, as they always were here. */
function isIp(value: string): boolean {
  return isValidIp(withoutLeadingZeros(value)).length === 0
}

function withoutLeadingZeros(value: string): string {
  return value.includes('.') ? value.replace(/(^|[.:])0+(?=\d+(?:\.|$))/g, '$1') : value
}

function isCidr(value: string): boolean {
  const [address = '', bits = '', more] = value.split('/')
  const most = address.includes(':') ? 128 : 32
  return more === undefined && isIp(address) && /^\d{1,3}$/.test(bits) && Number(bits) <= most
}

function isIsbn10(value: string): boolean {
  const digits = value.replaceAll(/[\s-]/g, '')
  if (!/^[0-9]{9}[0-9X]$/.test(digits)) return false
  const sum = [...digits].reduce((total, digit, at) => total + (10 - at) * (digit === 'X' ? 10 : Number(digit)), 0)
  return sum % 11 === 0
}

function isIsbn13(value: string): boolean {
  const digits = value.replaceAll(/[\s-]/g, '')
  if (!/^[0-9]{13}$/.test(digits)) return false
  return [...digits].reduce((total, digit, at) => total + (at % 2 === 0 ? 1 : 3) * Number(digit), 0) % 10 === 0
}

const cards =
  /^(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35\d{3})\d{11})$/

function isCreditCard(value: string): boolean {
  const digits = value.replaceAll(/[^0-9]+/g, '')
  if (!cards.test(digits)) return false
  const sum = [...digits].reverse().reduce((total, digit, at) => {
    const doubled = at % 2 === 1 ? Number(digit) * 2 : Number(digit)
    return total + (doubled > 9 ? doubled - 9 : doubled)
  }, 0)
  return sum % 10 === 0
}

const part = '(0|[1-9]\\d?|1\\d\\d?|2[0-4]\\d|25[0-5])'
const rgb = new RegExp(`^rgb\\(\\s*${part}\\s*,\\s*${part}\\s*,\\s*${part}\\s*\\)$`)

function isDate(value: string): boolean {
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(value) ?? []
  if (!year) return false
  const date = new Date(Date.UTC(2000, Number(month) - 1, Number(day)))
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day))
  return date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day)
}

/** `24:00:00` and leap seconds are refused. */
function isDateTime(value: string): boolean {
  const [date = '', time, more] = value.toLowerCase().split('t')
  if (value.length < 4 || time === undefined || more !== undefined || !isDate(date)) return false
  const [, hours = '', minutes = '', seconds = ''] =
    /^([0-9]{2}):([0-9]{2}):([0-9]{2})(?:.[0-9]+)?(?:z|[+-][0-9]{2}:[0-9]{2})$/.exec(time) ?? []
  return hours !== '' && hours <= '23' && minutes <= '59' && seconds <= '59'
}

const goDuration = /^[+-]?(?:0|(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/
const scalaUnits = [
  'ns',
  'nano',
  'us',
  'µs',
  'micro',
  'ms',
  'milli',
  's',
  'sec',
  'm',
  'min',
  'h',
  'hr',
  'hour',
  'd',
  'day',
  'w',
  'wk',
  'week',
]
const prefixes = ['nano', 'micro', 'milli', 'sec', 'min', 'hour', 'day', 'week']

/** Go's durations, and Scala's anywhere in the text: `3 weeks`. */
function isDuration(value: string): boolean {
  if (goDuration.test(value)) return true
  return [...value.matchAll(/\d+\s*([A-Za-zµ]+)/g)].some(([, unit = '']) => {
    const lower = unit.toLowerCase()
    return scalaUnits.includes(lower) || prefixes.some((prefix) => lower.startsWith(prefix))
  })
}
