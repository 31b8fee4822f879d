/**
 * Values of templates are Python's: what they print, when they are true, equal or in order. Lists are arrays, dicts are Maps, None is null;
 * floats that are whole numbers, which JavaScript cannot tell from integers, are `Float`.
 */
import { Fault, type Place } from './fault.ts'

export class Float {
  readonly value: number

  constructor(value: number) {
    this.value = value
  }
}

/** What a name stands for that nobody defines. Everything but `is defined` and `default` fails on it, unless it is lenient. */
export class Undefined {
  readonly message: string
  readonly place: Place | undefined
  readonly isLenient: boolean

  constructor(message: string, options: { place?: Place | undefined; isLenient?: boolean | undefined } = {}) {
    this.message = message
    this.place = options.place
    this.isLenient = options.isLenient ?? false
  }
}

/** Variables of `namespace()`, which inner scopes may set. */
export class Namespace {
  readonly held: Map<unknown, unknown>

  constructor(held: Map<unknown, unknown>) {
    this.held = held
  }
}

export interface Arguments {
  readonly list: readonly unknown[]
  readonly named: ReadonlyMap<string, unknown>
}

/** Macros, methods and global functions. */
export class Callable {
  readonly name: string
  readonly call: (args: Arguments) => unknown
  /** Macros have some. */
  readonly members: ReadonlyMap<string, unknown>

  constructor(name: string, call: (args: Arguments) => unknown, members: ReadonlyMap<string, unknown> = new Map()) {
    this.name = name
    this.call = call
    this.members = members
  }
}

const tuples = new WeakMap<object, readonly string[]>()

/** `names` are those of its items, for Python's named tuples. */
export function tuple(items: unknown[], names: readonly string[] = []): unknown[] {
  tuples.set(items, names)
  return items
}

/** Undefined where it has no such item. */
export function namedItem(items: unknown[], name: string): unknown {
  const at = tuples.get(items)?.indexOf(name) ?? -1
  return at < 0 ? undefined : items[at]
}

export const isTuple = (value: unknown): boolean => Array.isArray(value) && tuples.has(value)

/** What variables hold, from plain data. */
export function fromData(data: unknown): unknown {
  if (Array.isArray(data)) return data.map(fromData)
  if (typeof data === 'bigint') return Number(data)
  if (typeof data === 'number' && !Number.isInteger(data)) return new Float(data)
  if (data instanceof Map) return new Map([...data].map(([key, value]) => [key, fromData(value)]))
  if (typeof data === 'object' && data !== null && Object.getPrototypeOf(data) === Object.prototype) {
    return new Map(Object.entries(data).map(([key, value]) => [key, fromData(value)]))
  }
  return data ?? null
}

/** Throws for what is undefined. */
export function checked<T>(value: T): T {
  if (value instanceof Undefined && !value.isLenient) throw new Fault(value.message, value.place)
  return value
}

export function isTrue(value: unknown): boolean {
  checked(value)
  if (value instanceof Undefined || value === null || value === false || value === '' || value === 0) return false
  if (value instanceof Float) return value.value !== 0
  if (Array.isArray(value)) return value.length > 0
  return value instanceof Map ? value.size > 0 : true
}

/** As a number, where it is one: integers, floats and booleans are. */
export function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  if (value instanceof Float) return value.value
  return typeof value === 'boolean' ? Number(value) : undefined
}

/** `str(value)`. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  checked(value)
  return value instanceof Undefined ? '' : reprOf(value)
}

/** `repr(value)`. */
export function reprOf(value: unknown): string {
  if (value === null) return 'None'
  if (value instanceof Undefined) return 'Undefined'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (typeof value === 'string') return quoted(value)
  if (value instanceof Float) return floatText(value.value)
  if (Array.isArray(value)) {
    const inner = value.map(reprOf).join(', ')
    if (!isTuple(value)) return `[${inner}]`
    return value.length === 1 ? `(${inner},)` : `(${inner})`
  }
  if (value instanceof Map) return `{${[...value].map(([key, held]) => `${reprOf(key)}: ${reprOf(held)}`).join(', ')}}`
  if (value instanceof Namespace) return `<Namespace ${reprOf(value.held)}>`
  if (value instanceof Callable) return `<${value.name}>`
  return String(value)
}

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  const escapes: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: Python writes them as escapes.
  const inner = text.replace(/[\\\x00-\x1f\x7f]/g, (c) => escapes[c] ?? `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
  return quote + (quote === "'" ? inner.replaceAll("'", "\\'") : inner) + quote
}

/** As Python writes floats: `1.0`, `1e+16`, `1e-05`. */
export function floatText(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf'
  const size = Math.abs(value)
  if (size !== 0 && (size >= 1e16 || size < 1e-4)) {
    return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
  }
  return Number.isInteger(value) ? `${value}.0` : String(value)
}

/** What a loop goes through: items of lists, keys of dicts, characters of strings. */
export function itemsOf(value: unknown): unknown[] {
  checked(value)
  if (Array.isArray(value)) return value
  if (typeof value === 'string') return [...value]
  if (value instanceof Map) return [...value.keys()]
  if (value instanceof Undefined) return []
  throw new Fault(`'${typeName(value)}' object is not iterable`)
}

export function lengthOf(value: unknown): number {
  if (value instanceof Map) return value.size
  if (typeof value === 'string' || Array.isArray(value)) return typeof value === 'string' ? [...value].length : value.length
  checked(value)
  if (value instanceof Undefined) return 0
  throw new Fault(`object of type '${typeName(value)}' has no len()`)
}

export function equal(a: unknown, b: unknown): boolean {
  const [left, right] = [numberOf(checked(a)), numberOf(checked(b))]
  if (left !== undefined && right !== undefined) return left === right
  if (Array.isArray(a) && Array.isArray(b)) {
    return isTuple(a) === isTuple(b) && a.length === b.length && a.every((item, i) => equal(item, b[i]))
  }
  if (a instanceof Map && b instanceof Map) {
    return a.size === b.size && [...a].every(([key, value]) => b.has(key) && equal(value, b.get(key)))
  }
  return a === b
}

/** Negative, 0 or positive; throws where the two have no order. */
export function compare(a: unknown, b: unknown): number {
  const [left, right] = [numberOf(checked(a)), numberOf(checked(b))]
  if (left !== undefined && right !== undefined) return left - right
  if (typeof a === 'string' && typeof b === 'string') return a === b ? 0 : a < b ? -1 : 1
  if (Array.isArray(a) && Array.isArray(b)) {
    for (let i = 0; i < Math.min(a.length, b.length); i++) {
      if (!equal(a[i], b[i])) return compare(a[i], b[i])
    }
    return a.length - b.length
  }
  throw new Fault(`'<' not supported between instances of '${typeName(a)}' and '${typeName(b)}'`)
}

export function contains(holder: unknown, item: unknown): boolean {
  checked(item)
  if (typeof checked(holder) === 'string') {
    if (typeof item === 'string') return (holder as string).includes(item)
    throw new Fault(`'in <string>' requires string as left operand, not ${typeName(item)}`)
  }
  if (holder instanceof Map) return [...holder.keys()].some((key) => equal(key, item))
  return itemsOf(holder).some((one) => equal(one, item))
}

/** Python's name of the type. */
export function typeName(value: unknown): string {
  if (value === null) return 'NoneType'
  if (typeof value === 'string') return 'str'
  if (typeof value === 'number') return 'int'
  if (typeof value === 'boolean') return 'bool'
  if (value instanceof Float) return 'float'
  if (Array.isArray(value)) return isTuple(value) ? 'tuple' : 'list'
  if (value instanceof Map) return 'dict'
  return value instanceof Callable ? 'function' : value instanceof Namespace ? 'Namespace' : 'Undefined'
}
