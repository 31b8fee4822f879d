/** Filters of texts, numbers and single values. */
import { Fault } from './fault.ts'
import { argument, type Filter } from './filter.ts'
import { formatPercent } from './format.ts'
import { capitalized, centered, strip } from './methods.ts'
import { attributePath } from './sequence-filters.ts'
import { checked, Float, isTrue, itemsOf, numberOf, reprOf, textOf, tuple, typeName, Undefined } from './values.ts'

const ofText =
  (change: (text: string) => unknown): Filter =>
  (value) =>
    change(textOf(value))

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;', "'": '&#39;' }
const escaped = ofText((text) => text.replace(/[&<>"']/g, (char) => entities[char] as string))

const fallback: Filter = (value, args) => {
  const otherwise = argument(args, 0, 'default_value') ?? ''
  if (value instanceof Undefined) return otherwise
  return isTrue(argument(args, 1, 'boolean') ?? false) && !isTrue(value) ? otherwise : value
}

const number = (value: unknown): number => {
  const found = numberOf(checked(value))
  if (found === undefined) throw new Fault(`a number is needed, not '${typeName(value)}'`)
  return found
}

const titled = ofText((text) =>
  text
    .split(/([-\s({[<]+)/)
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1).toLowerCase())
    .join(''),
)

export const textFilters: Readonly<Record<string, Filter>> = {
  upper: ofText((text) => text.toUpperCase()),
  lower: ofText((text) => text.toLowerCase()),
  capitalize: ofText(capitalized),
  title: titled,
  string: ofText((text) => text),
  safe: ofText((text) => text),
  escape: escaped,
  e: escaped,
  forceescape: escaped,
  default: fallback,
  d: fallback,
  trim: (value, args) => strip(textOf(value), argument(args, 0, 'chars') as string | undefined, 'both'),
  center: (value, args) => centered(textOf(value), number(argument(args, 0, 'width') ?? 80)),
  format: (value, { list, named }) =>
    formatPercent(textOf(value), named.size > 0 ? new Map<unknown, unknown>(named) : tuple([...list])),
  replace(value, args) {
    const [old, young, count] = [argument(args, 0, 'old'), argument(args, 1, 'new'), argument(args, 2, 'count')]
    if (old === undefined || young === undefined) throw new Fault('replace needs what to replace, and by what')
    const parts = textOf(value).split(textOf(old))
    const limit = numberOf(count) ?? parts.length
    return (
      parts.slice(0, limit + 1).join(textOf(young)) +
      parts
        .slice(limit + 1)
        .map((part) => textOf(old) + part)
        .join('')
    )
  },
  indent(value, args) {
    const width = argument(args, 0, 'width') ?? 4
    const space = typeof width === 'string' ? width : ' '.repeat(number(width))
    const isFirst = isTrue(argument(args, 1, 'first') ?? false)
    const isBlank = isTrue(argument(args, 2, 'blank') ?? false)
    const indented = textOf(value)
      .split('\n')
      .map((line, i) => ((i > 0 || isFirst) && (line || isBlank) ? space + line : line))
    return indented.join('\n')
  },
  truncate(value, args) {
    const text = textOf(value)
    const [length, end] = [number(argument(args, 0, 'length') ?? 255), textOf(argument(args, 2, 'end') ?? '...')]
    if (text.length <= length + number(argument(args, 3, 'leeway') ?? 5)) return text
    const cut = text.slice(0, length - end.length)
    return (isTrue(argument(args, 1, 'killwords') ?? false) ? cut : cut.replace(/ [^ ]*$/, '')) + end
  },
  wordcount: ofText((text) => text.match(/[\p{L}\p{N}_]+/gu)?.length ?? 0),
  wordwrap: (value, args) => wrapped(textOf(value), number(argument(args, 0, 'width') ?? 79)),
  striptags: ofText((text) =>
    text
      .replace(/<!--.*?-->|<[^>]*>/gs, '')
      .trim()
      .replace(/\s+/g, ' '),
  ),
  urlencode(value) {
    if (typeof value === 'string') return encoded(value, true)
    const pairs = value instanceof Map ? [...value] : (itemsOf(value) as unknown[][])
    return pairs.map(([key, held]) => `${encoded(textOf(key), false)}=${encoded(textOf(held), false)}`).join('&')
  },
  xmlattr(value) {
    const held = [...(value as Map<unknown, unknown>)].filter(([, one]) => one !== null && !(one instanceof Undefined))
    return held
      .map(([key, one]) => ` ${textOf(key)}="${escaped(one, { list: [], named: new Map() }, undefined as never)}"`)
      .join('')
  },
  tojson: (value, args) => jsonOf(checked(value), numberOf(argument(args, 0, 'indent'))),
  pprint: (value) => reprOf(checked(value)),
  abs: (value) => (value instanceof Float ? new Float(Math.abs(value.value)) : Math.abs(number(value))),
  int(value, args) {
    const base = number(argument(args, 1, 'base') ?? 10)
    const digits = typeof value === 'string' ? value.trim().replaceAll('_', '') : value
    const found =
      typeof digits === 'string' ? (base === 10 ? readDecimal(digits) : Number.parseInt(digits, base)) : numberOf(checked(digits))
    return found === undefined || Number.isNaN(found) ? (argument(args, 0, 'default') ?? 0) : Math.trunc(found)
  },
  float(value, args) {
    const found = typeof value === 'string' ? (readDecimal(value.trim()) ?? Number.NaN) : (numberOf(checked(value)) ?? Number.NaN)
    return Number.isNaN(found) ? (argument(args, 0, 'default') ?? new Float(0)) : new Float(found)
  },
  round(value, args) {
    const method = argument(args, 1, 'method') ?? 'common'
    const scale = 10 ** number(argument(args, 0, 'precision') ?? 0)
    const scaled = number(value) * scale
    const done = method === 'ceil' ? Math.ceil(scaled) : method === 'floor' ? Math.floor(scaled) : roundHalfEven(scaled)
    return typeof value === 'number' && method === 'common' ? done / scale : new Float(done / scale)
  },
  filesizeformat(value, args) {
    const isBinary = isTrue(argument(args, 0, 'binary') ?? false)
    const base = isBinary ? 1024 : 1000
    const bytes = number(typeof value === 'string' ? Number(value) : value)
    if (bytes < base) return bytes === 1 ? '1 Byte' : `${Math.trunc(bytes)} Bytes`
    const power = Math.min(8, Math.floor(Math.log(bytes) / Math.log(base)))
    return `${(bytes / base ** power).toFixed(1)} ${'kMGTPEZY'[power - 1]?.[isBinary ? 'toUpperCase' : 'toString']()}${isBinary ? 'i' : ''}B`
  },
  attr: (value, args) => attributePath(value, argument(args, 0, 'name')),
  b64encode: ofText((text) => Buffer.from(text).toString('base64')),
  quote: ofText((text) => JSON.stringify(text)),
}

function readDecimal(text: string): number | undefined {
  return /^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/.test(text) ? Number(text) : undefined
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value)
  if (value - floor !== 0.5) return Math.round(value)
  return floor % 2 === 0 ? floor : floor + 1
}

function encoded(text: string, keepsSlash: boolean): string {
  const done = encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
  return keepsSlash ? done.replaceAll('%2F', '/') : done.replaceAll('%20', '+')
}

function wrapped(text: string, width: number): string {
  const lines = text.split('\n').flatMap((line) => {
    const found: string[] = []
    let current = ''
    for (const word of line.split(/\s+/).filter(Boolean)) {
      if (current && current.length + 1 + word.length > width) {
        found.push(current)
        current = ''
      }
      current = current ? `${current} ${word}` : word
      while (current.length > width) {
        found.push(current.slice(0, width))
        current = current.slice(width)
      }
    }
    return [...found, ...(current || found.length === 0 ? [current] : [])]
  })
  return lines.join('\n')
}

/** Sorted, with Python's spaces, and safe inside of HTML. */
function jsonOf(value: unknown, indent: number | undefined): string {
  const escaped = jsonText(value, { indent, margin: '\n' })
  const hidden = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
  return escaped.replace(/[<>&'\u007f-\uffff]/g, hidden)
}

interface JsonLayout {
  readonly indent: number | undefined
  readonly margin: string
}

function jsonText(value: unknown, { indent, margin }: JsonLayout): string {
  const inner = { indent, margin: margin + ' '.repeat(indent ?? 0) }
  const around = (open: string, parts: string[], close: string) => {
    if (indent === undefined || parts.length === 0) return open + parts.join(', ') + close
    return open + inner.margin + parts.join(`,${inner.margin}`) + margin + close
  }
  if (Array.isArray(value))
    return around(
      '[',
      value.map((item) => jsonText(item, inner)),
      ']',
    )
  if (value instanceof Map) {
    const sorted = [...value].map(([key, held]) => [textOf(key), held] as const).sort(([a], [b]) => (a < b ? -1 : 1))
    return around(
      '{',
      sorted.map(([key, held]) => `${JSON.stringify(key)}: ${jsonText(held, inner)}`),
      '}',
    )
  }
  if (value instanceof Float) return reprOf(value)
  if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return JSON.stringify(value)
  throw new Fault(`Object of type ${typeName(checked(value))} is not JSON serializable`)
}
