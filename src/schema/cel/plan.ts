/** From a checked tree to a function that evaluates it: one closure per node. Every node charges what it costs. */
import type { Call, Comprehension, Expr, ListLiteral, MapLiteral, Select, StructLiteral } from './ast.ts'
import { type Cost, callCost, identCost, listCost, mapCost, structCost } from './cost.ts'
import { type Functions, fits, type Overload } from './declarations.ts'
import { celEqual, compareValues } from './equal.ts'
import { CelFailure } from './errors.ts'
import type { Frame } from './frame.ts'
import { elementAt, keyText, optionalElement } from './library/operators.ts'
import { planComprehension } from './plan-comprehension.ts'
import type { CelType } from './type.ts'
import { ArrayList, CelList, CelMap, CelOptional, fromJson, typeName, ValueMap } from './value.ts'

export type Eval = (frame: Frame) => unknown

export class Planner {
  readonly #functions: Functions
  readonly #variables: ReadonlyMap<string, CelType>
  readonly #slots = new Map<string, number>()
  readonly #scopes: Map<string, number>[] = []
  readonly #makeStruct: ((name: string, fields: ReadonlyMap<string, unknown>) => unknown) | undefined
  #nextSlot = 0

  constructor(environment: {
    functions: Functions
    variables: ReadonlyMap<string, CelType>
    makeStruct?: ((name: string, fields: ReadonlyMap<string, unknown>) => unknown) | undefined
  }) {
    this.#functions = environment.functions
    this.#variables = environment.variables
    this.#makeStruct = environment.makeStruct
  }

  /** How many slots a frame needs. */
  get size(): number {
    return this.#nextSlot
  }

  /** The variables that are read. */
  get reads(): ReadonlySet<string> {
    return new Set(this.#slots.keys())
  }

  plan(expr: Expr): Eval {
    switch (expr.kind) {
      case 'literal': {
        const { value } = expr
        return () => value
      }
      case 'ident':
        return this.#ident(expr.name, expr.constant)
      case 'select':
        return this.#select(expr)
      case 'call':
        return this.#call(expr)
      case 'list':
        return this.#list(expr)
      case 'map':
        return this.#map(expr)
      case 'struct':
        return this.#struct(expr)
      case 'comprehension':
        return this.#comprehension(expr)
    }
  }

  #ident(name: string, constant: unknown): Eval {
    if (constant !== undefined) return () => constant
    for (let i = this.#scopes.length - 1; i >= 0; i--) {
      const slot = this.#scopes[i]?.get(name)
      if (slot !== undefined) return local(slot)
    }
    let slot = this.#slots.get(name)
    if (slot === undefined) this.#slots.set(name, (slot = this.#nextSlot++))
    return variable(name, slot, this.#variables.get(name) as CelType)
  }

  #select({ operand, field, test }: Select): Eval {
    const held = this.plan(operand)
    if (test) return (frame) => has(held(frame), field)
    return (frame) => {
      const value = held(frame)
      frame.charge(identCost)
      return select(value, field)
    }
  }

  #call(expr: Call): Eval {
    const args = expr.target ? [expr.target, ...expr.args] : expr.args
    const evals = args.map((arg) => this.plan(arg))
    const [first, second, third] = evals as [Eval, Eval, Eval]
    switch (expr.name) {
      case '_&&_':
        return logical(first, second, false)
      case '_||_':
        return logical(first, second, true)
      case '_?_:_':
        return conditional(first, second, third)
      case '!_':
        return negation(first)
      case '@not_strictly_false':
        return notStrictlyFalse(first)
      case '_==_':
      case '_!=_':
        return equality(first, second, expr.name)
      case '_<_':
      case '_<=_':
      case '_>_':
      case '_>=_':
        return comparison(first, second, expr.name)
      case '_?._':
        return optionalSelect(first, second)
      case '_[_]':
        return index(first, second)
      default:
        return this.#plainCall(expr, evals)
    }
  }

  #plainCall({ name, target, args }: Call, evals: readonly Eval[]): Eval {
    const count = args.length + (target ? 1 : 0)
    const declared = this.#functions[name] ?? []
    const candidates = declared.filter((one) => one.member === (target !== undefined) && one.args.length === count)
    const costs = candidates.map(({ id }) => callCost(name, id))
    if (count === 2 && candidates.length === 1) {
      return onlyBinary(name, evals, { overload: candidates[0] as Overload, cost: costs[0] as Cost })
    }
    return (frame) => {
      const values = new Array<unknown>(count)
      for (let i = 0; i < count; i++) values[i] = (evals[i] as Eval)(frame)
      for (let c = 0; c < candidates.length; c++) {
        const overload = candidates[c] as Overload
        if (!accepts(overload, values)) continue
        frame.charge((costs[c] as Cost)(values))
        return overload.run(values, frame)
      }
      throw new CelFailure(noSuchOverload(name, values))
    }
  }

  #list({ elements, optional }: ListLiteral): Eval {
    if (optional.size === 0 && elements.every((element) => element.kind === 'literal')) {
      // A constant list costs nothing: it is made once.
      const constant = new ArrayList(elements.map((element) => (element as { value: unknown }).value))
      return elements.length === 0 ? emptyList : () => constant
    }
    const evals = elements.map((element) => this.plan(element))
    return (frame) => {
      const items: unknown[] = []
      for (let i = 0; i < evals.length; i++) {
        const value = (evals[i] as Eval)(frame)
        if (!optional.has(i)) items.push(value)
        else if (unwrap(value) !== undefined) items.push(unwrap(value))
      }
      frame.charge(listCost)
      return new ArrayList(items)
    }
  }

  #map({ entries }: MapLiteral): Eval {
    const evals = entries.map(({ key, value, optional }) => ({ key: this.plan(key), value: this.plan(value), optional }))
    return (frame) => {
      const map = new ValueMap()
      for (const { key, value, optional } of evals) {
        const name = key(frame)
        const made = optional ? unwrap(value(frame)) : value(frame)
        if (made === undefined) continue
        if (map.has(name)) throw new CelFailure(`Failed with repeated key`)
        map.set(name, made)
      }
      frame.charge(mapCost)
      return map
    }
  }

  #struct({ name, fields }: StructLiteral): Eval {
    const evals = fields.map((field) => ({ name: field.name, value: this.plan(field.value), optional: field.optional }))
    const make = this.#makeStruct
    return (frame) => {
      const values = new Map<string, unknown>()
      for (const field of evals) {
        const value = field.optional ? unwrap(field.value(frame)) : field.value(frame)
        if (value !== undefined) values.set(field.name, value)
      }
      frame.charge(structCost)
      if (!make) throw new CelFailure(`unknown type: ${name}`)
      return make(name, values)
    }
  }

  #comprehension(expr: Comprehension): Eval {
    const slot = () => this.#nextSlot++
    const range = this.plan(expr.range)
    const init = this.plan(expr.init)
    const accumulator = slot()
    const first = slot()
    const second = expr.variable2 === undefined ? undefined : slot()
    const outer = new Map([[expr.accumulator, accumulator]])
    const inner = new Map([[expr.variable, first]])
    if (expr.variable2 !== undefined) inner.set(expr.variable2, second as number)
    this.#scopes.push(outer, inner)
    const inside = planComprehension(expr, (part) => this.plan(part))
    this.#scopes.pop()
    const result = this.plan(expr.result)
    this.#scopes.pop()
    return inside({ range, init, result, accumulator, first, second })
  }
}

function emptyList(frame: Frame): ArrayList {
  frame.charge(listCost)
  return new ArrayList([])
}

function local(slot: number): Eval {
  return (frame) => {
    frame.charge(identCost)
    const value = frame.slots[slot]
    if (value instanceof CelFailure) throw value
    return value
  }
}

function variable(name: string, slot: number, type: CelType): Eval {
  return (frame) => {
    frame.charge(identCost)
    const known = frame.slots[slot]
    if (known !== undefined) return known
    const given = frame.variables[name]
    const json = typeof given === 'function' ? given() : given
    if (json === undefined) throw new CelFailure(`no such attribute(s): ${name}`)
    return (frame.slots[slot] = fromJson(json, type))
  }
}

function has(value: unknown, field: string): boolean {
  const held = value instanceof CelOptional ? value.value : value
  if (held instanceof CelMap) return held.has(field)
  if (value instanceof CelOptional) return false
  throw new CelFailure(`no such key: ${field}`)
}

function select(value: unknown, field: string): unknown {
  if (value instanceof CelMap) {
    const found = value.get(field)
    if (found === undefined) throw new CelFailure(`no such key: ${field}`)
    return found
  }
  if (value instanceof CelOptional) return optionalElement(value, field)
  throw new CelFailure(`no such key: ${field}`)
}

function optionalSelect(held: Eval, name: Eval): Eval {
  return (frame) => {
    const value = held(frame)
    frame.charge(identCost)
    const inner = value instanceof CelOptional ? value.value : value
    return inner instanceof CelMap ? optionalElement(inner, name(frame)) : CelOptional.none
  }
}

function index(held: Eval, key: Eval): Eval {
  return (frame) => {
    const container = held(frame)
    const at = key(frame)
    frame.charge(identCost)
    return container instanceof CelOptional ? optionalElement(container, at) : elementAt(container, at)
  }
}

/** `&&` (until false) and `||` (until true): the other side may make up for one that fails. */
function logical(first: Eval, second: Eval, until: boolean): Eval {
  return (frame) => {
    let failure: CelFailure | undefined
    try {
      const value = first(frame)
      if (value === until) return until
      if (value !== !until) failure = new CelFailure('no such overload')
    } catch (error) {
      if (!(error instanceof CelFailure)) throw error
      failure = error
    }
    const value = second(frame)
    if (value === until) return until
    if (failure) throw failure
    if (value !== !until) throw new CelFailure('no such overload')
    return value
  }
}

function conditional(condition: Eval, yes: Eval, no: Eval): Eval {
  return (frame) => {
    const value = condition(frame)
    if (value === true) return yes(frame)
    if (value === false) return no(frame)
    throw new CelFailure('no such overload')
  }
}

function negation(inner: Eval): Eval {
  return (frame) => {
    const value = inner(frame)
    if (typeof value !== 'boolean') throw new CelFailure('no such overload')
    frame.charge(1)
    return !value
  }
}

/** A function of two arguments that takes them in one way alone. */
function onlyBinary(name: string, [first, second]: readonly Eval[], one: { overload: Overload; cost: Cost }): Eval {
  const { overload, cost } = one
  const [a, b] = overload.args as [CelType, CelType]
  return (frame) => {
    const values = [(first as Eval)(frame), (second as Eval)(frame)]
    if (!fits(a, values[0]) || !fits(b, values[1])) throw new CelFailure(noSuchOverload(name, values))
    frame.charge(cost(values))
    return overload.run(values, frame)
  }
}

function notStrictlyFalse(inner: Eval): Eval {
  return (frame) => {
    let value: unknown
    try {
      value = inner(frame)
    } catch (error) {
      if (!(error instanceof CelFailure)) throw error
    }
    frame.charge(1)
    return value !== false
  }
}

function equality(first: Eval, second: Eval, name: '_==_' | '_!=_'): Eval {
  const cost = callCost(name, name === '_==_' ? 'equals' : 'not_equals')
  const wanted = name === '_==_'
  return (frame) => {
    const values = [first(frame), second(frame)]
    frame.charge(cost(values))
    return celEqual(values[0], values[1], frame) === wanted
  }
}

const orders: Readonly<Record<string, (order: number) => boolean>> = {
  '_<_': (order) => order < 0,
  '_<=_': (order) => order <= 0,
  '_>_': (order) => order > 0,
  '_>=_': (order) => order >= 0,
}

function comparison(first: Eval, second: Eval, name: string): Eval {
  const holds = orders[name] as (order: number) => boolean
  const textCost = callCost(name, 'less_string')
  return (frame) => {
    const a = first(frame)
    const b = second(frame)
    frame.charge(typeof a === 'string' || a instanceof Uint8Array ? textCost([a, b]) : 1)
    const order = compareValues(a, b)
    return order !== undefined && holds(order)
  }
}

function accepts({ args }: Overload, values: readonly unknown[]): boolean {
  for (let i = 0; i < args.length; i++) if (!fits(args[i] as CelType, values[i])) return false
  return true
}

const operator = /^[_@!-]/

function noSuchOverload(name: string, values: readonly unknown[]): string {
  return operator.test(name) ? 'no such overload' : `no such overload: ${name}(${values.map(typeName).join(', ')})`
}

function unwrap(value: unknown): unknown {
  if (value instanceof CelOptional) return value.value
  throw new CelFailure(`cannot initialize optional value from non-optional value ${describe(value)}`)
}

function describe(value: unknown): string {
  return value instanceof CelList || value instanceof CelMap ? typeName(value) : keyText(value)
}
