/** Python's two ways to put values into a text: `'%s' % value` and `'{}'.format(value)`. */
import { Fault } from './fault.ts'
import { type Arguments, Float, isTuple, numberOf, reprOf, textOf, typeName } from './values.ts'

/** `text % values`. */
export function formatPercent(text: string, values: unknown): string {
  const list = isTuple(values) ? (values as unknown[]) : [values]
  let used = 0
  const done = text.replace(
    /%(?:\((\w+)\))?([-+ 0#]*)(\d+)?(?:\.(\d+))?([a-zA-Z%])/g,
    (_all, key, flags, width, precision, type) => {
      if (type === '%') return '%'
      if (key === undefined && used >= list.length) throw new Fault('not enough arguments for format string')
      const value = key === undefined ? list[used++] : values instanceof Map ? values.get(key) : undefined
      const body = converted(value, { type, precision: precision === undefined ? undefined : Number(precision) })
      const signed = flags.includes('+') && !body.startsWith('-') && /[dif]/.test(type) ? `+${body}` : body
      return padded(signed, {
        width: Number(width ?? 0),
        align: flags.includes('-') ? '<' : '>',
        fill: flags.includes('0') && !flags.includes('-') ? '0' : ' ',
      })
    },
  )
  if (used < list.length && !(values instanceof Map) && !/%\(/.test(text)) {
    throw new Fault('not all arguments converted during string formatting')
  }
  return done
}

function converted(value: unknown, { type, precision }: { type: string; precision: number | undefined }): string {
  if (type === 's') return textOf(value).slice(0, precision)
  if (type === 'r') return reprOf(value)
  const number = numberOf(value)
  if (number === undefined) throw new Fault(`%${type} format: a number is required, not ${typeName(value)}`)
  return numberText(number, { type, precision })
}

function numberText(number: number, { type, precision }: { type: string; precision: number | undefined }): string {
  switch (type) {
    case 'd':
    case 'i':
      return String(Math.trunc(number))
    case 'x':
    case 'X':
      return type === 'x' ? Math.trunc(number).toString(16) : Math.trunc(number).toString(16).toUpperCase()
    case 'o':
      return Math.trunc(number).toString(8)
    case 'b':
      return Math.trunc(number).toString(2)
    case 'f':
    case 'F':
      return number.toFixed(precision ?? 6)
    case 'e':
      return number.toExponential(precision ?? 6).replace(/e([+-])(\d)$/, 'e$10$2')
    case '%':
      return `${(number * 100).toFixed(precision ?? 6)}%`
    case 'g':
      return String(Number(number.toPrecision(precision || 6)))
    default:
      throw new Fault(`unsupported format character '${type}'`)
  }
}

interface Padding {
  readonly width: number
  readonly align: string
  readonly fill: string
}

function padded(text: string, { width, align, fill }: Padding): string {
  const missing = width - [...text].length
  if (missing <= 0) return text
  if (align === '<') return text + fill.repeat(missing)
  if (align === '^') return fill.repeat(missing >> 1) + text + fill.repeat(missing - (missing >> 1))
  const sign = fill === '0' && /^[+-]/.test(text) ? text.slice(0, 1) : ''
  return sign + fill.repeat(missing) + text.slice(sign.length)
}

/** `text.format(...)`: positions, names, members, and format specifications. */
export function formatBraces(text: string, { list, named }: Arguments): string {
  let next = 0
  return text.replace(
    /\{\{|\}\}|\{([^{}:!]*)(?:!([rs]))?(?::([^{}]*))?\}/g,
    (all, field?: string, conversion?: string, spec?: string) => {
      if (all === '{{' || all === '}}') return all.slice(1)
      const [head = '', ...members] = (field ?? '').split(/\.|\[|\]\.?/).filter((part, i) => i === 0 || part !== '')
      const isIndex = head === '' || /^\d+$/.test(head)
      const position = head === '' ? next++ : Number(head)
      if (isIndex ? position >= list.length : !named.has(head)) {
        throw new Fault(isIndex ? 'Replacement index out of range for positional args tuple' : `no value for {${head}}`)
      }
      let value = isIndex ? list[position] : named.get(head)
      for (const member of members) value = value instanceof Map ? value.get(member) : (value as any)?.[member]
      return specified(conversion === 'r' ? reprOf(value) : value, spec ?? '')
    },
  )
}

function specified(value: unknown, spec: string): string {
  const [, fill, align, sign = '', zero, width, comma, precision, type] =
    /^(?:(.)?([<>^=]))?([-+ ])?#?(0)?(\d+)?(,)?(?:\.(\d+))?([a-zA-Z%])?$/su.exec(spec) ?? []
  const number = typeof value === 'string' ? undefined : numberOf(value)
  const digits = precision === undefined ? undefined : Number(precision)
  let body: string
  if (number === undefined || (type === undefined && digits === undefined)) body = textOf(value).slice(0, digits)
  else body = numberText(number, { type: type ?? (value instanceof Float ? 'g' : 'd'), precision: digits })
  if (comma) body = body.replace(/\B(?=(\d{3})+(?!\d))/g, ',')
  if (sign === '+' && number !== undefined && number >= 0) body = `+${body}`
  const isZero = zero !== undefined && align === undefined
  return padded(body, {
    width: Number(width ?? 0),
    align: align ?? (number === undefined ? '<' : '>'),
    fill: isZero ? '0' : (fill ?? ' '),
  })
}
