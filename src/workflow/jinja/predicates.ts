/** Jinja2's tests: what stands behind `is`. */
import { Fault } from './fault.ts'
import { Callable, checked, compare, contains, equal, Float, isTrue, numberOf, textOf, Undefined } from './values.ts'

export type Predicate = (value: unknown, args: readonly unknown[]) => boolean

const whole = (value: unknown): number => {
  const number = numberOf(checked(value))
  if (number === undefined) throw new Fault('not all arguments converted during string formatting')
  return number
}
const modulo = (value: number, by: number) => value - by * Math.floor(value / by)

/** `filters` are needed for `is filter`. */
export function predicatesFor(filters: Readonly<Record<string, unknown>>): Readonly<Record<string, Predicate>> {
  return {
    ...predicates,
    filter: (value) => Object.hasOwn(filters, textOf(value)),
    test: (value) => Object.hasOwn(predicates, textOf(value)),
  }
}

const compared: Readonly<Record<string, Predicate>> = {
  '==': (value, [other]) => equal(value, other),
  '!=': (value, [other]) => !equal(value, other),
  '>': (value, [other]) => compare(value, other) > 0,
  '>=': (value, [other]) => compare(value, other) >= 0,
  '<': (value, [other]) => compare(value, other) < 0,
  '<=': (value, [other]) => compare(value, other) <= 0,
}

const predicates: Readonly<Record<string, Predicate>> = {
  ...compared,
  eq: compared['=='] as Predicate,
  equalto: compared['=='] as Predicate,
  ne: compared['!='] as Predicate,
  gt: compared['>'] as Predicate,
  greaterthan: compared['>'] as Predicate,
  ge: compared['>='] as Predicate,
  lt: compared['<'] as Predicate,
  lessthan: compared['<'] as Predicate,
  le: compared['<='] as Predicate,
  defined: (value) => !(value instanceof Undefined),
  undefined: (value) => value instanceof Undefined,
  none: (value) => value === null,
  boolean: (value) => typeof value === 'boolean',
  true: (value) => value === true,
  false: (value) => value === false,
  integer: (value) => typeof value === 'number',
  float: (value) => value instanceof Float,
  number: (value) => numberOf(value) !== undefined,
  string: (value) => typeof value === 'string',
  mapping: (value) => value instanceof Map,
  sequence: (value) => typeof value === 'string' || Array.isArray(value) || value instanceof Map,
  iterable: (value) => typeof value === 'string' || Array.isArray(value) || value instanceof Map,
  callable: (value) => value instanceof Callable,
  sameas: (value, [other]) => value === other,
  odd: (value) => modulo(whole(value), 2) === 1,
  even: (value) => modulo(whole(value), 2) === 0,
  divisibleby: (value, [by]) => modulo(whole(value), whole(by)) === 0,
  in: (value, [holder]) => contains(holder, value),
  lower: (value) => /\p{L}/u.test(textOf(value)) && textOf(value) === textOf(value).toLowerCase(),
  upper: (value) => /\p{L}/u.test(textOf(value)) && textOf(value) === textOf(value).toUpperCase(),
  escaped: () => false,
  truthy: isTrue,
}
