/** What an expression can cost at worst, by the sizes that its variables may have (cel-go `checker/cost.go`). */
import { accumulatorName, type Call, type Comprehension, type Expr, type ListLiteral, type MapLiteral } from './ast.ts'
import { callEstimate, type Operand } from './estimate-calls.ts'
import { addRange, fixed, largest, type Range, times, union, unknownRange } from './range.ts'
import type { CelType } from './type.ts'
import { CelUint, textSize } from './value.ts'

/** Sizes of what a list or a map holds. */
export interface EntrySizes {
  readonly container: 'list' | 'map'
  readonly key: Range
  readonly value: Range
}

interface LocalVariable {
  readonly path: CelType | undefined
  readonly size: Range | undefined
  readonly entries: EntrySizes | undefined
}

/** `variables` are the declared types, which carry the sizes. */
export function estimateCost(expr: Expr, variables: ReadonlyMap<string, CelType>): Range {
  return new Estimator(variables).cost(expr)
}

export class Estimator {
  readonly #variables: ReadonlyMap<string, CelType>
  readonly #locals = new Map<string, LocalVariable[]>()
  readonly #paths = new Map<Expr, CelType | undefined>()
  readonly #sizes = new Map<Expr, Range>()
  readonly #entries = new Map<Expr, EntrySizes>()

  constructor(variables: ReadonlyMap<string, CelType>) {
    this.#variables = variables
  }

  cost(expr: Expr): Range {
    switch (expr.kind) {
      case 'literal':
        return fixed(0)
      case 'ident':
        return this.#ident(expr)
      case 'select':
        return this.#select(expr)
      case 'call':
        return this.#call(expr)
      case 'list':
        return this.#list(expr)
      case 'map':
        return this.#map(expr)
      case 'struct':
        return this.#sum([...expr.fields.map(({ value }) => this.cost(value)), fixed(40)])
      case 'comprehension':
        return isBind(expr) ? this.#bind(expr) : this.#comprehension(expr)
    }
  }

  #sum(costs: readonly Range[]): Range {
    return costs.reduce(addRange, fixed(0))
  }

  #local(name: string): LocalVariable | undefined {
    return this.#locals.get(name)?.at(-1)
  }

  #push(name: string, variable: LocalVariable): void {
    const stack = this.#locals.get(name)
    if (stack) stack.push(variable)
    else this.#locals.set(name, [variable])
  }

  #pop(name: string): void {
    this.#locals.get(name)?.pop()
  }

  #ident(expr: Expr & { kind: 'ident' }): Range {
    this.#paths.set(expr, this.#path(expr))
    return fixed(1)
  }

  #path(expr: Expr): CelType | undefined {
    if (expr.kind !== 'ident') return this.#paths.get(expr)
    const local = this.#local(expr.name)
    return local ? local.path : this.#variables.get(expr.name)
  }

  #select(expr: Expr & { kind: 'select' }): Range {
    const operand = this.cost(expr.operand)
    if (expr.test) return operand
    const kind = expr.operand.type?.kind
    const path = this.#path(expr.operand)
    // Of a map no declaration is followed by name: upstream sees fields there only.
    this.#paths.set(expr, path?.fields?.get(expr.field)?.type)
    return kind === 'map' || kind === 'object' || kind === 'param' ? addRange(operand, fixed(1)) : operand
  }

  #call(expr: Call): Range {
    if (expr.name === 'dyn' && expr.args[0]) {
      const [arg] = expr.args
      const cost = this.cost(arg)
      this.#copySizes(expr, arg)
      return addRange(fixed(1), cost)
    }
    const argCosts = expr.args.map((arg) => this.cost(arg))
    const args = expr.args.map((arg) => this.operand(arg))
    const targetCost = expr.target ? this.cost(expr.target) : fixed(0)
    const target = expr.target && this.operand(expr.target)
    const overloads = expr.overloads ?? []
    if (overloads.length === 0) return fixed(0)
    let total: Range = { min: largest, max: 0 }
    let size: Range | undefined
    for (const overload of overloads) {
      const estimate = callEstimate({ call: expr, overload, target, args, argCosts, estimator: this })
      total = union(total, estimate.cost)
      if (estimate.size) size = size ? union(size, estimate.size) : estimate.size
      size = this.#indexed(expr, overload) ?? size
      size ??= this.size(expr)
    }
    if (size) this.#sizes.set(expr, size)
    return addRange(targetCost, total)
  }

  /** Follows an index into its container; answers the size of what it finds there. */
  #indexed(expr: Call, overload: string): Range | undefined {
    if (overload !== 'index_list' && overload !== 'index_map') return undefined
    const [container] = expr.args as [Expr]
    this.#paths.set(expr, this.#path(container)?.params.at(overload === 'index_list' ? 0 : 1))
    return this.entries(container)?.value
  }

  #list(expr: ListLiteral): Range {
    const costs = expr.elements.map((element) => this.cost(element))
    const value = this.#joined(expr.elements)
    this.#entries.set(expr, { container: 'list', key: fixed(1), value })
    return this.#sum([...costs, fixed(10)])
  }

  #map(expr: MapLiteral): Range {
    const costs = expr.entries.flatMap(({ key, value }) => [this.cost(key), this.cost(value)])
    const key = this.#joined(expr.entries.map((entry) => entry.key))
    const value = this.#joined(expr.entries.map((entry) => entry.value))
    this.#entries.set(expr, { container: 'map', key, value })
    return this.#sum([...costs, fixed(30)])
  }

  #joined(exprs: readonly Expr[]): Range {
    const start: Range = { min: exprs.length === 0 ? 0 : largest, max: 0 }
    return exprs.map((one) => this.sizeOrUnknown(one)).reduce(union, start)
  }

  #comprehension(expr: Comprehension): Range {
    const { range, init, accumulator, variable, variable2 } = expr
    const before = addRange(this.cost(range), this.cost(init))
    this.#pushNamed(accumulator, init)
    if (variable2 === undefined) this.#pushIterated(variable, range, 'single')
    else {
      this.#pushIterated(variable, range, 'key')
      this.#pushIterated(variable2, range, 'value')
    }
    const each = addRange(this.cost(expr.condition), this.cost(expr.step))
    this.#pop(variable)
    if (variable2 !== undefined) this.#pop(variable2)
    const result = this.cost(expr.result)
    this.#pop(accumulator)
    const count = this.sizeOrUnknown(range)
    this.#rememberComprehension(expr, count)
    return this.#sum([before, result, times(count, each)])
  }

  #rememberComprehension(expr: Comprehension, count: Range): void {
    const { init, step } = expr
    if (init.kind === 'literal') {
      const size = this.size(init)
      if (size) this.#sizes.set(expr, size)
    } else if (init.kind === 'list' || init.kind === 'map') {
      this.#sizes.set(expr, count)
      const entries = this.entries(step)
      if (entries) this.#entries.set(expr, entries)
    }
  }

  #pushNamed(name: string, value: Expr): void {
    const path = this.#path(value)
    this.#push(name, { path, entries: this.entries(value), size: this.size(value) })
  }

  #pushIterated(name: string, range: Expr, which: 'single' | 'key' | 'value'): void {
    const entries = this.entries(range)
    const isList = (entries?.container ?? range.type?.kind) === 'list'
    const isValue = which === 'value' || (which === 'single' && isList)
    const path = this.#path(range)
    const inside = isList ? (isValue ? path?.params[0] : undefined) : path?.params[isValue ? 1 : 0]
    this.#push(name, { path: inside, size: isValue ? entries?.value : entries?.key, entries: undefined })
  }

  #bind(expr: Comprehension): Range {
    const before = addRange(this.cost(expr.range), this.cost(expr.init))
    this.#pushNamed(expr.accumulator, expr.init)
    const result = this.cost(expr.result)
    this.#pop(expr.accumulator)
    this.#copySizes(expr, expr.result)
    return addRange(before, result)
  }

  #copySizes(to: Expr, from: Expr): void {
    const size = this.size(from)
    const entries = this.entries(from)
    if (size) this.#sizes.set(to, size)
    if (entries) this.#entries.set(to, entries)
  }

  operand(expr: Expr): Operand {
    return { expr, type: expr.type, size: this.size(expr), path: this.#path(expr) }
  }

  entries(expr: Expr): EntrySizes | undefined {
    return this.#entries.get(expr) ?? (expr.kind === 'ident' ? this.#local(expr.name)?.entries : undefined)
  }

  setEntries(expr: Expr, entries: EntrySizes): void {
    this.#entries.set(expr, entries)
  }

  sizeOrUnknown(expr: Expr): Range {
    return this.size(expr) ?? unknownRange
  }

  size(expr: Expr): Range | undefined {
    const known = this.#sizes.get(expr) ?? literalSize(expr)
    if (known) return known
    const path = expr.kind === 'ident' && expr.name === accumulatorName ? undefined : this.#path(expr)
    if (path) return sizeOfType(path)
    if (isScalar(expr.type)) return fixed(1)
    return expr.kind === 'ident' ? this.#local(expr.name)?.size : undefined
  }
}

const sized = new Set(['string', 'bytes', 'list', 'map', 'dyn'])

/** By the declaration: nothing at least, and at most what it allows. What has no length counts as nothing, as upstream has it. */
export function sizeOfType({ kind, maxElements }: CelType): Range {
  return { min: 0, max: maxElements ?? (sized.has(kind) ? largest : 0) }
}

function isBind({ range, condition, accumulator }: Comprehension): boolean {
  const isEmpty = range.kind === 'list' && range.elements.length === 0
  return isEmpty && condition.kind === 'literal' && condition.value === false && accumulator !== accumulatorName
}

function literalSize(expr: Expr): Range | undefined {
  if (expr.kind === 'list') return fixed(expr.elements.length)
  if (expr.kind === 'map') return fixed(expr.entries.length)
  if (expr.kind !== 'literal') return undefined
  const { value } = expr
  if (typeof value === 'string') return fixed(textSize(value))
  return fixed(value instanceof Uint8Array && !(value instanceof CelUint) ? value.length : 1)
}

const scalars = new Set(['bool', 'double', 'duration', 'int', 'timestamp', 'uint'])

export function isScalar(type: CelType | undefined): boolean {
  if (!type) return false
  return scalars.has(type.kind) || (type.name === 'optional_type' && isScalar(type.params[0]))
}
