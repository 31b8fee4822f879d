/** The checks of JSON schemas that look at one value alone: type, enum, numbers, texts. */
import { RE2JS } from 're2js'
import type { FieldError, Path } from './field-error.ts'
import { isKnownFormat, stringFormat } from './json-formats.ts'
import { isRecord, type JsonSchema } from './json-schema.ts'
import { canonical } from './validate-json.ts'

export interface Finding {
  /** Path of the value, with a leading dot at times; undefined where upstream's error knows no field. */
  readonly name?: string
  readonly text: string
  error(at: Path): FieldError
}

type Check<T = unknown> = (value: T, path: string) => Finding | undefined

export function invalid(name: string, value: unknown, text: string): Finding {
  return { name, text, error: (at) => at.invalid(value, text) }
}

/** The types that a schema allows; none means all. */
function typesOf(schema: JsonSchema): readonly string[] {
  if (schema['x-kubernetes-int-or-string']) return ['integer', 'string']
  return schema.type ? [schema.type] : []
}

export function typeFinding(schema: JsonSchema): Check {
  const types = typesOf(schema)
  const expected = types.join(',')
  const format = types.length === 1 && isKnownFormat(types[0] as string, schema.format ?? '') ? (schema.format as string) : ''
  const isNumeric = types.includes('integer') || types.includes('number')
  return (value, path) => {
    if (types.length === 0) return undefined
    const found = jsonType(value)
    if (found === 'null') return schema.nullable ? undefined : mistyped(path, expected, found)
    if (types.includes(found)) return undefined
    if (found === 'number' && types.includes('integer') && Number.isInteger(value)) return undefined
    if (found === 'integer' && types.includes('number')) return undefined
    if (!format) return mistyped(path, expected, found)
    if (found !== 'array' && found !== 'string') return mistyped(path, format, numberFormat(found))
    return isNumeric ? mistyped(path, expected, found) : undefined
  }
}

function mistyped(path: string, expected: string, found: string): Finding {
  const text = `${path} in body must be of type ${expected}: ${JSON.stringify(found)}`
  return { name: path, text, error: (at) => at.typeInvalid(found, text) }
}

/** Where some format is wanted, upstream speaks of the format that it found. */
function numberFormat(type: string): string {
  if (type === 'integer') return 'int64'
  return type === 'number' ? 'float64' : ''
}

function jsonType(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  if (typeof value === 'bigint') return 'integer'
  return Array.isArray(value) ? 'array' : typeof value
}

export function enumFinding({ enum: values }: JsonSchema): Check {
  if (!values || values.length === 0) return () => undefined
  const allowed = new Set(values.map(canonical))
  const shown = values.map((value) => (typeof value === 'string' ? value : canonical(value)))
  return (value, path) => {
    if (value !== null && value !== undefined && allowed.has(canonical(value))) return undefined
    const text = `${path} in body should be one of [${values.map(goText).join(' ')}]`
    return { name: path, text, error: (at) => at.notSupported(value ?? null, shown) }
  }
}

/** As `%v` prints it. */
function goText(value: unknown): string {
  if (value === null) return '<nil>'
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`
  if (!isRecord(value)) return String(value)
  return `map[${Object.keys(value)
    .sort()
    .map((key) => `${key}:${goText(value[key])}`)
    .join(' ')}]`
}

export function stringFindings({ maxLength, minLength, pattern }: JsonSchema): Check<string> {
  const expression = pattern ? expressionOf(pattern) : undefined
  return (value, path) => {
    if (maxLength !== undefined || minLength !== undefined) {
      const length = [...value].length
      if (maxLength !== undefined && length > maxLength) {
        const text = `${path} in body should be at most ${maxLength} chars long`
        return { name: path, text, error: (at) => at.tooLong(maxLength) }
      }
      if (minLength !== undefined && length < minLength) {
        return invalid(path, value, `${path} in body should be at least ${minLength} chars long`)
      }
    }
    if (!expression || (typeof expression === 'object' && expression.matcher(value).find())) return undefined
    const shown = typeof expression === 'string' ? `${pattern}, but pattern is invalid: ${expression}` : pattern
    return invalid(path, value, `${path} in body should match '${shown}'`)
  }
}

/** RE2 as in Go, whose time is bounded by the length of the text; a string says what is wrong with the pattern. */
export function expressionOf(pattern: string): RE2JS | string {
  try {
    return RE2JS.compile(pattern)
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

export function formatFinding({ type = '', format = '' }: JsonSchema): Check<string> {
  const check = type === '' || type === 'string' ? stringFormat(format) : undefined
  return (value, path) => {
    if (!check || check(value)) return undefined
    const text = `${path} in body must be of type ${format}: ${JSON.stringify(value)}`
    return { name: path, text, error: (at) => at.typeInvalid(value, text) }
  }
}

export function numberFindings(schema: JsonSchema): (value: number | bigint, path: string) => readonly (Finding | undefined)[] {
  const { maximum, exclusiveMaximum = false, minimum, exclusiveMinimum = false, multipleOf } = schema
  const range = rangeFinding(schema)
  return (value, path) => [
    range(value, path),
    multipleOf !== undefined && !isMultiple(Number(value), multipleOf)
      ? invalid(path, value, `${path} in body should be a multiple of ${goFloat(multipleOf)}`)
      : undefined,
    minimum !== undefined && (exclusiveMinimum ? value <= minimum : value < minimum)
      ? invalid(
          path,
          value,
          `${path} in body should be greater than ${exclusiveMinimum ? '' : 'or equal to '}${goFloat(minimum)}`,
        )
      : undefined,
    maximum !== undefined && (exclusiveMaximum ? value >= maximum : value > maximum)
      ? invalid(path, value, `${path} in body should be less than ${exclusiveMaximum ? '' : 'or equal to '}${goFloat(maximum)}`)
      : undefined,
  ]
}

/** `%v` of a float64: exponents from 1e21, and two digits in them. */
function goFloat(value: number): string {
  return String(value).replace(/e([+-])(\d)$/, 'e$10$2')
}

/** Division of floats, as upstream; integers divide exactly. */
function isMultiple(value: number, factor: number): boolean {
  if (Number.isInteger(value) && Number.isInteger(factor)) return value % factor === 0
  const times = factor < 1 ? (1 / factor) * value : value / factor
  return Math.abs(times - Math.round(times)) < 1e-9 * Math.max(1, Math.abs(times))
}

/** The error stands at no field. */
function rangeFinding({ type, format }: JsonSchema): Check<number | bigint> {
  const fits = (value: number | bigint): boolean => {
    if (type === 'integer') {
      if (typeof value === 'number' && !Number.isInteger(value)) return false
      if (format === 'int32') return value >= -(2 ** 31) && value < 2 ** 31
      return value >= -(2n ** 63n) && value < 2n ** 63n
    }
    return type !== 'number' || format !== 'float' || Math.abs(Number(value)) <= 3.4028235677973366e38
  }
  const known = type === 'integer' ? format === 'int32' || format === 'int64' : format === 'float' || format === 'double'
  const shown = known ? `with format ${format}` : '(default format)'
  return (value, path) => {
    if (fits(value)) return undefined
    const text = `Checked value must be of type ${type} ${shown} in ${path}`
    return { text, error: (at) => at.invalid('', text) }
  }
}
