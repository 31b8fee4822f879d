/** What validation finds: errors with the path of the field, worded as upstream's `field.Error`. */

export type FieldErrorType =
  | 'FieldValueRequired'
  | 'FieldValueInvalid'
  | 'FieldValueNotSupported'
  | 'FieldValueForbidden'
  | 'FieldValueDuplicate'
  | 'FieldValueNotFound'
  | 'FieldValueTooLong'
  | 'FieldValueTooMany'
  | 'FieldValueTooFew'
  | 'FieldValueTypeInvalid'
  | 'InternalError'

export interface FieldError {
  readonly type: FieldErrorType
  /** Such as `spec.containers[0].image`. */
  readonly field: string
  /** The text after the field's path, such as `Invalid value: "A": must be lower case`. */
  readonly body: string
}

/** `field: body`, the line a user sees. */
export function formatFieldError({ field, body }: FieldError): string {
  return `${field}: ${body}`
}

/**
 * The place of a value inside an object. Immutable; each step makes a longer path.
 *
 *     const at = root.child('spec').child('containers').index(0)
 *     at.child('name').required()        // spec.containers[0].name: Required value
 */
export class Path {
  readonly #parent: Path | undefined
  /** A field's name, a list's index, or a map's key in an array of one. */
  readonly #step: string | number | readonly [string]

  constructor(parent?: Path, step: string | number | readonly [string] = '') {
    this.#parent = parent
    this.#step = step
  }

  toString(): string {
    return this.#text || '<nil>'
  }

  /** Made only where something is wrong: nearly all paths are never read. */
  get #text(): string {
    if (!this.#parent) return ''
    const before = this.#parent.#text
    if (typeof this.#step === 'string') return before ? `${before}.${this.#step}` : this.#step
    return `${before}[${this.#step}]`
  }

  /** A field, or several: `at.child('spec', 'ports')`. */
  child(name: string, ...more: string[]): Path {
    let path = new Path(this, name)
    for (let i = 0; i < more.length; i++) path = new Path(path, more[i] as string)
    return path
  }

  index(position: number): Path {
    return new Path(this, position)
  }

  key(name: string): Path {
    return new Path(this, [name])
  }

  required(detail = ''): FieldError {
    return this.#error('FieldValueRequired', 'Required value', detail)
  }

  invalid(value: unknown, detail = ''): FieldError {
    return this.#error('FieldValueInvalid', `Invalid value: ${show(value)}`, detail)
  }

  /** `supported` stands in the message in upstream's order, which is sorted unless the caller knows better. */
  notSupported(value: unknown, supported: readonly string[]): FieldError {
    const detail = supported.length > 0 ? `supported values: ${supported.map((s) => JSON.stringify(s)).join(', ')}` : ''
    return this.#error('FieldValueNotSupported', `Unsupported value: ${show(value)}`, detail)
  }

  forbidden(detail: string): FieldError {
    return this.#error('FieldValueForbidden', 'Forbidden', detail)
  }

  duplicate(value: unknown): FieldError {
    return this.#error('FieldValueDuplicate', `Duplicate value: ${show(value)}`, '')
  }

  notFound(value: unknown): FieldError {
    return this.#error('FieldValueNotFound', `Not found: ${show(value)}`, '')
  }

  /** Upstream leaves the value out of this message since it may be huge. */
  tooLong(maxBytes: number): FieldError {
    return this.#error('FieldValueTooLong', 'Too long', maxBytes >= 0 ? `may not be more than ${maxBytes} bytes` : '')
  }

  tooMany(actual: number, max: number): FieldError {
    const detail = max >= 0 ? `must have at most ${max} item${max === 1 ? '' : 's'}` : ''
    return this.#error('FieldValueTooMany', `Too many: ${actual}`, detail)
  }

  tooFew(actual: number, min: number): FieldError {
    return this.#error('FieldValueTooFew', `Too few: ${actual}`, `must have at least ${min} item${min === 1 ? '' : 's'}`)
  }

  typeInvalid(value: unknown, detail: string): FieldError {
    return this.#error('FieldValueTypeInvalid', `Invalid value: ${show(value)}`, detail)
  }

  #error(type: FieldErrorType, text: string, detail: string): FieldError {
    return { type, field: this.toString(), body: detail ? `${text}: ${detail}` : text }
  }
}

export const root = new Path()

/** Go's rendering of a bad value: strings and structs as JSON, null for nothing. */
function show(value: unknown): string {
  if (value === undefined) return 'null'
  if (typeof value === 'bigint') return String(value)
  return JSON.stringify(value)
}
