/**
 * Values while an expression runs. Plain ones are null, boolean, bigint (int), number (double), string and Uint8Array;
 * the rest are the classes of this file. JSON is wrapped when it is reached, never copied.
 */
import { Buffer } from 'node:buffer'
import { parseDuration } from '../go-time.ts'
import { CelFailure } from './errors.ts'
import { type CelType, Dyn } from './type.ts'

/** Counts what an evaluation costs; throws CelBudgetExceeded when nothing is left. */
export interface Meter {
  charge(cost: number): void
}

/** Whatever is no plain value; a variable that is one already is taken as it is. */
export abstract class Boxed {
  declare readonly boxed: true
}

export class CelUint extends Boxed {
  readonly value: bigint
  constructor(value: bigint) {
    super()
    this.value = value
  }
}

export class CelDuration extends Boxed {
  readonly nanoseconds: bigint
  constructor(nanoseconds: bigint) {
    super()
    this.nanoseconds = nanoseconds
  }
}

export class CelTimestamp extends Boxed {
  /** Since the epoch. */
  readonly nanoseconds: bigint
  constructor(nanoseconds: bigint) {
    super()
    this.nanoseconds = nanoseconds
  }
}

export class CelOptional extends Boxed {
  /** Undefined in the empty one. */
  readonly value: unknown
  /** Others write `CelOptional.of` or `CelOptional.none`. */
  constructor(value: unknown) {
    super()
    this.value = value
  }

  static readonly none: CelOptional = new CelOptional(undefined)

  static of(value: unknown): CelOptional {
    return new CelOptional(value)
  }
}

/** A type as a value, such as `int` or what `type(x)` gives. */
export class CelTypeValue extends Boxed {
  readonly name: string
  constructor(name: string) {
    super()
    this.name = name
  }
}

/** A value of a library's own type, such as a quantity or an IP address. */
export abstract class CelOpaque extends Boxed {
  abstract readonly type: CelType
  abstract equals(other: CelOpaque): boolean
  /** What `size` would be, where it has one: cost follows it. */
  get size(): number {
    return 1
  }
}

export abstract class CelList extends Boxed {
  readonly type: CelType | undefined
  constructor(type?: CelType) {
    super()
    this.type = type
  }
  abstract readonly size: number
  /** The index is within the list. */
  abstract at(index: number): unknown
  *[Symbol.iterator](): IterableIterator<unknown> {
    for (let i = 0; i < this.size; i++) yield this.at(i)
  }
}

/** A list of values; `push` is for the comprehension that owns it. */
export class ArrayList extends CelList {
  readonly items: unknown[]
  constructor(items: unknown[], type?: CelType) {
    super(type)
    this.items = items
  }
  get size(): number {
    return this.items.length
  }
  at(index: number): unknown {
    return this.items[index]
  }
}

/** A list of JSON values. */
export class JsonList extends CelList {
  readonly json: readonly unknown[]
  readonly #items: CelType
  constructor(json: readonly unknown[], type?: CelType) {
    super(type)
    this.json = json
    this.#items = type?.params[0] ?? Dyn
  }
  get size(): number {
    return this.json.length
  }
  at(index: number): unknown {
    return fromJson(this.json[index], this.#items)
  }
}

/** Two lists seen as one: to append costs nothing. Chains of them are cut when they get long. */
export class ConcatList extends CelList {
  readonly first: CelList
  readonly second: CelList
  readonly size: number
  readonly depth: number
  constructor(first: CelList, second: CelList) {
    super()
    this.first = first
    this.second = second
    this.size = first.size + second.size
    this.depth = 1 + Math.max(depthOf(first), depthOf(second))
  }
  at(index: number): unknown {
    let list: CelList = this
    let i = index
    while (list instanceof ConcatList) {
      const { first, second }: ConcatList = list
      if (i < first.size) {
        list = first
      } else {
        i -= first.size
        list = second
      }
    }
    return list.at(i)
  }
}

function depthOf(list: CelList): number {
  return list instanceof ConcatList ? list.depth : 0
}

export abstract class CelMap extends Boxed {
  abstract readonly size: number
  /** Undefined where there is no such key. */
  abstract get(key: unknown): unknown
  abstract keys(): Iterable<unknown>
  has(key: unknown): boolean {
    return this.get(key) !== undefined
  }
  *entries(): IterableIterator<[unknown, unknown]> {
    for (const key of this.keys()) yield [key, this.get(key)]
  }
}

/** A JSON object whose values have one type, or one whose fields are declared (`object`). */
export class JsonMap extends CelMap {
  readonly json: Readonly<Record<string, unknown>>
  readonly type: CelType
  #size: number | undefined
  constructor(json: Readonly<Record<string, unknown>>, type: CelType = Dyn) {
    super()
    this.json = json
    this.type = type
  }

  get size(): number {
    return (this.#size ??= this.#count())
  }

  #count(): number {
    let size = 0
    if (this.type.fields) for (const _ of this.keys()) size++
    else for (const key in this.json) if (this.json[key] !== undefined) size++
    return size
  }

  /** Looks at nothing but whether it is there. */
  override has(key: unknown): boolean {
    if (typeof key !== 'string') return false
    const { fields } = this.type
    const name = fields ? fields.get(key)?.jsonName : key
    return name !== undefined && own(this.json, name) !== undefined
  }

  get(key: unknown): unknown {
    if (typeof key !== 'string') return undefined
    const { fields } = this.type
    if (fields) {
      const field = fields.get(key)
      return field && fromJson(own(this.json, field.jsonName), field.type)
    }
    return fromJson(own(this.json, key), this.type.params[1] ?? Dyn)
  }

  *keys(): IterableIterator<string> {
    const { fields } = this.type
    if (fields) {
      for (const [name, field] of fields) {
        if (own(this.json, field.jsonName) !== undefined) yield name
      }
      return
    }
    for (const key in this.json) if (this.json[key] !== undefined) yield key
  }
}

/** What all objects inherit is functions, and `__proto__`; JSON has neither, so that one look is enough for all else. */
function own(json: Readonly<Record<string, unknown>>, key: string): unknown {
  const value = json[key]
  if (typeof value !== 'function' && key !== '__proto__') return value
  return Object.hasOwn(json, key) ? value : undefined
}

/** A map made by an expression. Keys that are equal numbers are one key. */
export class ValueMap extends CelMap {
  readonly #entries = new Map<string, [unknown, unknown]>()
  get size(): number {
    return this.#entries.size
  }
  get(key: unknown): unknown {
    return this.#entries.get(keyText(key) ?? '')?.[1]
  }
  override has(key: unknown): boolean {
    return this.#entries.has(keyText(key) ?? '')
  }
  set(key: unknown, value: unknown): void {
    const text = keyText(key)
    if (text === undefined) throw new CelFailure(`unsupported key type: ${typeName(key)}`)
    this.#entries.set(text, [key, value])
  }
  *keys(): IterableIterator<unknown> {
    for (const [key] of this.#entries.values()) yield key
  }
}

function keyText(key: unknown): string | undefined {
  switch (typeof key) {
    case 'string':
      return `s${key}`
    case 'bigint':
      return `n${key}`
    case 'boolean':
      return `b${key}`
    case 'number':
      return Number.isInteger(key) ? `n${BigInt(key)}` : `d${key}`
    default:
      return key instanceof CelUint ? `n${key.value}` : undefined
  }
}

/** A value of the type, seen through a wrapper where it is a list or an object; undefined stays so. */
export function fromJson(json: unknown, type: CelType = Dyn): unknown {
  switch (typeof json) {
    case 'string':
      return type.kind === 'string' || type.kind === 'dyn' ? json : formatted(json, type)
    case 'number':
      return type.kind === 'double' || !Number.isInteger(json) ? json : BigInt(json)
    case 'bigint':
      return type.kind === 'double' ? Number(json) : json
    case 'object':
      if (json === null || json instanceof Boxed || json instanceof Uint8Array) return json
      if (Array.isArray(json)) return new JsonList(json, type.kind === 'list' ? type : undefined)
      return new JsonMap(json as Record<string, unknown>, type.kind === 'map' || type.kind === 'object' ? type : Dyn)
    default:
      return json
  }
}

function formatted(text: string, type: CelType): unknown {
  switch (type.kind) {
    case 'timestamp':
      return parseTimestamp(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text)
    case 'duration':
      return new CelDuration(parseCelDuration(text))
    case 'bytes':
      return new Uint8Array(Buffer.from(text, 'base64'))
    default:
      return text
  }
}

export function parseCelDuration(text: string): bigint {
  try {
    return parseDuration(text)
  } catch (error) {
    throw new CelFailure((error as Error).message)
  }
}

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/
export const minTimestamp = -62_135_596_800_000_000_000n
export const maxTimestamp = 253_402_300_799_999_999_999n

export function parseTimestamp(text: string): CelTimestamp {
  const match = rfc3339.exec(text)
  const wrong = () => new CelFailure(`parsing time ${JSON.stringify(text)} as "2006-01-02T15:04:05Z07:00": cannot parse`)
  if (!match) throw wrong()
  const [, year, month, day, hour, minute, second, fraction = '', zone] = match
  const date = new Date(0)
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day))
  date.setUTCHours(Number(hour), Number(minute), Number(second))
  if (date.getUTCDate() !== Number(day) || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) throw wrong()
  const offset = zone === 'Z' ? 0 : (zone?.[0] === '-' ? -1 : 1) * (Number(zone?.slice(1, 3)) * 60 + Number(zone?.slice(4)))
  const milliseconds = BigInt(date.getTime()) - BigInt(offset) * 60_000n
  const nanoseconds = milliseconds * 1_000_000n + BigInt(fraction.padEnd(9, '0').slice(0, 9))
  if (nanoseconds < minTimestamp || nanoseconds > maxTimestamp) throw new CelFailure('timestamp overflow')
  return new CelTimestamp(nanoseconds)
}

/** cel-go's name of a value's type. */
export function typeName(value: unknown): string {
  switch (typeof value) {
    case 'boolean':
      return 'bool'
    case 'bigint':
      return 'int'
    case 'number':
      return 'double'
    case 'string':
      return 'string'
    default:
      return boxedTypeName(value)
  }
}

function boxedTypeName(value: unknown): string {
  if (value === null || value === undefined) return 'null_type'
  if (value instanceof Uint8Array) return 'bytes'
  if (value instanceof CelUint) return 'uint'
  if (value instanceof CelList) return 'list'
  if (value instanceof JsonMap && value.type.kind === 'object') return value.type.name
  if (value instanceof CelMap) return 'map'
  if (value instanceof CelDuration) return 'google.protobuf.Duration'
  if (value instanceof CelTimestamp) return 'google.protobuf.Timestamp'
  if (value instanceof CelOptional) return 'optional_type'
  if (value instanceof CelTypeValue) return 'type'
  if (value instanceof CelOpaque) return value.type.name
  return 'dyn'
}

/** Length in code points. */
export function textSize(text: string): number {
  let pairs = 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit >= 0xd800 && unit < 0xdc00) pairs++
  }
  return text.length - pairs
}

/** cel-go's `actualSize`: what cost goes by. */
export function sizeOf(value: unknown): number {
  if (typeof value === 'string') return textSize(value)
  if (value instanceof CelList || value instanceof CelMap || value instanceof CelOpaque) return value.size
  if (value instanceof Uint8Array) return value.length
  if (value instanceof CelOptional && value.value !== undefined) return sizeOf(value.value)
  return 1
}
