/** Arithmetic, subscripts and slices, as Python has them. */
import { Fault, type Place } from './fault.ts'
import { formatPercent } from './format.ts'
import { memberOf } from './methods.ts'
import { checked, Float, isTuple, itemsOf, lengthOf, Namespace, numberOf, textOf, tuple, typeName, Undefined } from './values.ts'

export type Operator = '+' | '-' | '*' | '/' | '//' | '%' | '**'

export function calculate(operator: Operator, a: unknown, b: unknown): unknown {
  checked(a)
  checked(b)
  if (operator === '%' && typeof a === 'string') return formatPercent(a, b)
  const [left, right] = [numberOf(a), numberOf(b)]
  if (left !== undefined && right !== undefined) {
    const result = numeric(operator, left, right)
    const isFloat = operator === '/' || a instanceof Float || b instanceof Float || !Number.isInteger(result)
    return isFloat ? new Float(result) : result
  }
  if (operator === '+') {
    if (typeof a === 'string' && typeof b === 'string') return a + b
    if (Array.isArray(a) && Array.isArray(b) && isTuple(a) === isTuple(b)) {
      return isTuple(a) ? tuple([...a, ...b]) : [...a, ...b]
    }
    if (typeof a === 'string') throw new Fault(`can only concatenate str (not "${typeName(b)}") to str`)
  }
  if (operator === '*') {
    const [whole, count] = left === undefined ? [a, right] : [b, left]
    if (typeof whole === 'string' && count !== undefined) return whole.repeat(Math.max(0, count))
    if (Array.isArray(whole) && count !== undefined) return Array(Math.max(0, count)).fill(whole).flat(1)
  }
  throw new Fault(`unsupported operand type(s) for ${operator}: '${typeName(a)}' and '${typeName(b)}'`)
}

function numeric(operator: Operator, a: number, b: number): number {
  if (b === 0 && (operator === '/' || operator === '//' || operator === '%')) throw new Fault('division by zero')
  switch (operator) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      return a * b
    case '/':
      return a / b
    case '//':
      return Math.floor(a / b)
    case '%':
      return a - b * Math.floor(a / b)
    default:
      return a ** b
  }
}

export function negate(value: unknown): unknown {
  const number = numberOf(checked(value))
  if (number === undefined) throw new Fault(`bad operand type for unary -: '${typeName(value)}'`)
  return value instanceof Float ? new Float(-number) : -number
}

/** `object.name`: members first, then items. */
export function attribute(object: unknown, name: string, place: Place): unknown {
  if (object instanceof Undefined) throw new Fault(object.message, object.place)
  const member = memberOf(object, name)
  if (member !== undefined) return member
  const item = itemOf(object, name)
  return item === undefined ? missing(object, name, place) : item
}

/** `object[key]`: items first, then members. */
export function subscript(object: unknown, key: unknown, place: Place): unknown {
  if (object instanceof Undefined) throw new Fault(object.message, object.place)
  checked(key)
  const item = itemOf(object, key)
  if (item !== undefined) return item
  const member = typeof key === 'string' ? memberOf(object, key) : undefined
  return member === undefined ? missing(object, key, place) : member
}

function missing(object: unknown, key: unknown, place: Place): Undefined {
  const of = object === null ? 'None' : `${typeName(object)} object`
  const message = typeof key === 'string' ? `'${of}' has no attribute '${key}'` : `${of} has no element ${textOf(key)}`
  return new Undefined(message, { place })
}

function itemOf(object: unknown, key: unknown): unknown {
  if (object instanceof Map) {
    if (object.has(key)) return object.get(key)
    const number = numberOf(key)
    return number === undefined ? undefined : object.get(number)
  }
  if (object instanceof Namespace) return object.held.get(key)
  const index = numberOf(key)
  if (index === undefined || !(typeof object === 'string' || Array.isArray(object))) return undefined
  const items = itemsOf(object)
  return items[index < 0 ? items.length + index : index]
}

export interface Slice {
  readonly start: unknown
  readonly stop: unknown
  readonly step: unknown
}

export function sliceOf(object: unknown, { start, stop, step }: Slice): unknown {
  const items = itemsOf(object)
  const length = lengthOf(object)
  const by = numberOf(step) ?? 1
  if (by === 0) throw new Fault('slice step cannot be zero')
  const bound = (given: unknown, otherwise: number) => {
    const at = numberOf(given)
    if (at === undefined) return otherwise
    const shifted = at < 0 ? at + length : at
    return by > 0 ? Math.min(Math.max(shifted, 0), length) : Math.min(Math.max(shifted, -1), length - 1)
  }
  const found: unknown[] = []
  const from = bound(start, by > 0 ? 0 : length - 1)
  const to = bound(stop, by > 0 ? length : -1)
  for (let i = from; by > 0 ? i < to : i > to; i += by) found.push(items[i])
  if (typeof object === 'string') return found.join('')
  return isTuple(object) ? tuple(found) : found
}
