/** Checks the types of an expression and finds the overloads that its calls may mean (cel-go `checker/checker.go`). */
import {
  type Call,
  type Comprehension,
  type Expr,
  type ListLiteral,
  type MapLiteral,
  qualifiedName,
  type StructLiteral,
} from './ast.ts'
import type { Functions, Overload } from './declarations.ts'
import type { Issue } from './source.ts'
import { assignable, freshen, mostGeneral, Substitutions, substitute, unwrapOptional } from './substitute.ts'
import { Bool, type CelType, Dyn, ErrorType, formatType, Int, listOf, mapOf, optionalOf, param } from './type.ts'
import { typeOfLiteral } from './type-names.ts'

export interface CheckEnvironment {
  readonly variables: ReadonlyMap<string, CelType>
  /** Names of types, as values. */
  readonly typeNames: ReadonlyMap<string, { readonly type: CelType; readonly value: unknown }>
  readonly functions: Functions
  /** The type that may be built under this name. */
  structType(name: string): CelType | undefined
}

/** Writes types and overloads into the tree and returns what is wrong with it. */
export function check(expr: Expr, environment: CheckEnvironment): Issue[] {
  return new Checker(environment).run(expr)
}

class Checker {
  readonly #environment: CheckEnvironment
  readonly #issues: Issue[] = []
  readonly #nodes: Expr[] = []
  readonly #scopes: Map<string, CelType>[] = []
  #substitutions = new Substitutions()
  #freeVariables = 0

  constructor(environment: CheckEnvironment) {
    this.#environment = environment
  }

  run(expr: Expr): Issue[] {
    this.#check(expr)
    for (const node of this.#nodes) node.type = substitute(this.#substitutions, node.type ?? Dyn, true)
    return this.#issues
  }

  #report(pos: number, message: string): void {
    this.#issues.push({ pos, message })
  }

  #check(expr: Expr): CelType {
    const type = this.#typeOf(expr)
    expr.type = type
    this.#nodes.push(expr)
    return type
  }

  #typeOf(expr: Expr): CelType {
    switch (expr.kind) {
      case 'literal':
        return typeOfLiteral(expr.value)
      case 'ident':
        return this.#ident(expr, expr.name) ?? this.#undeclared(expr.pos, expr.name)
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

  #undeclared(pos: number, name: string): CelType {
    this.#report(pos, `undeclared reference to '${name}' (in container '')`)
    return ErrorType
  }

  #ident(expr: Expr, name: string): CelType | undefined {
    for (let i = this.#scopes.length - 1; i >= 0; i--) {
      const type = this.#scopes[i]?.get(name)
      if (type) return type
    }
    const variable = this.#environment.variables.get(name)
    if (variable) return variable
    const named = this.#environment.typeNames.get(name)
    if (!named) return undefined
    // A selection such as `net.IP` is rewritten to the name that it is.
    Object.assign(expr, { kind: 'ident', name, constant: named.value })
    return named.type
  }

  #select(expr: Expr & { kind: 'select' }): CelType {
    const name = qualifiedName(expr)
    const declared = name !== undefined && !this.#isLocal(name) ? this.#environment.variables.get(name) : undefined
    if (declared) {
      Object.assign(expr, { kind: 'ident', name })
      return declared
    }
    const named = name !== undefined && !this.#isVariable(name) ? this.#ident(expr, name) : undefined
    if (named) return named
    const type = this.#field(expr.pos, { operand: expr.operand, field: expr.field, optional: false })
    return expr.test ? Bool : this.#resolved(type)
  }

  /** Whether the name begins with a variable: then it is a selection on that. */
  #isVariable(name: string): boolean {
    return this.#isLocal(name) || this.#environment.variables.has(name.split('.', 1)[0] as string)
  }

  #isLocal(name: string): boolean {
    const first = name.split('.', 1)[0] as string
    return this.#scopes.some((scope) => scope.has(first))
  }

  #field(pos: number, what: { operand: Expr; field: string; optional: boolean }): CelType {
    const { operand, field, optional } = what
    const { type: target, optional: wasOptional } = unwrapOptional(this.#resolved(this.#check(operand)))
    const type = this.#fieldOf(pos, target, field)
    return wasOptional || optional ? optionalOf(type) : type
  }

  #fieldOf(pos: number, target: CelType, field: string): CelType {
    switch (target.kind) {
      case 'map':
        return target.params[1] ?? Dyn
      case 'object': {
        if (!target.fields) return Dyn
        const found = target.fields.get(field)
        if (found) return found.type
        this.#report(pos, `undefined field '${field}'`)
        return ErrorType
      }
      case 'param':
        this.#assignable(Dyn, target)
        return Dyn
      case 'dyn':
      case 'error':
        return Dyn
      default:
        this.#report(pos, `type '${formatType(target)}' does not support field selection`)
        return Dyn
    }
  }

  #call(expr: Call): CelType {
    if (expr.name === '_?._') return this.#optionalSelect(expr)
    for (const arg of expr.args) this.#check(arg)
    if (!expr.target) return this.#overload(expr, expr.args)
    const prefix = qualifiedName(expr.target)
    const qualified = prefix === undefined ? '' : `${prefix}.${expr.name}`
    if (qualified && Object.hasOwn(this.#environment.functions, qualified)) {
      expr.name = qualified
      expr.target = undefined
      return this.#overload(expr, expr.args)
    }
    this.#check(expr.target)
    return this.#overload(expr, [expr.target, ...expr.args])
  }

  #optionalSelect(expr: Call): CelType {
    const [operand, name] = expr.args as [Expr, Expr & { kind: 'literal' }]
    expr.overloads = ['select_optional_field']
    return this.#resolved(this.#field(expr.pos, { operand, field: name.value as string, optional: true }))
  }

  #overload(expr: Call, args: readonly Expr[]): CelType {
    const { functions } = this.#environment
    const overloads = Object.hasOwn(functions, expr.name) ? functions[expr.name] : undefined
    if (!overloads) return this.#undeclared(expr.pos, expr.name)
    if (expr.name === '_&&_' || expr.name === '_||_') return this.#logical(expr)
    const types = args.map(({ type }) => type ?? Dyn)
    let result: CelType | undefined
    const found: string[] = []
    for (const overload of overloads) {
      if (overload.member !== (expr.target !== undefined) || overload.args.length !== types.length) continue
      const candidate = this.#instance(overload)
      const substitutions = this.#substitutions.copy()
      if (!candidate.args.every((wanted, i) => assignable(substitutions, types[i] as CelType, wanted))) continue
      this.#substitutions = substitutions
      found.push(overload.id)
      const type = this.#resolved(candidate.result)
      if (!result) result = type
      else if (result.kind !== 'dyn' && formatType(result) !== formatType(type)) result = Dyn
    }
    expr.overloads = found
    return result ?? this.#noOverload(expr, types)
  }

  #logical(expr: Call): CelType {
    expr.overloads = [expr.name === '_&&_' ? 'logical_and' : 'logical_or']
    const wrong = expr.args.filter((arg) => !this.#assignable(arg.type ?? Dyn, Bool))
    for (const { pos, type } of wrong) this.#mismatch(pos, Bool, type ?? Dyn)
    return wrong.length > 0 ? ErrorType : Bool
  }

  #noOverload(expr: Call, types: readonly CelType[]): CelType {
    const texts = types.map((type) => formatType(substitute(this.#substitutions, type, true)))
    const signature = expr.target ? `${texts[0]}.(${texts.slice(1).join(', ')})` : `(${texts.join(', ')})`
    this.#report(expr.pos, `found no matching overload for '${expr.name}' applied to '${signature}'`)
    return ErrorType
  }

  #instance({ args, result }: Overload): { args: readonly CelType[]; result: CelType } {
    return freshen([...args], result, () => this.#newVariable())
  }

  #newVariable(): CelType {
    return param(`_var${this.#freeVariables++}`)
  }

  #list({ elements, optional }: ListLiteral): CelType {
    let joined: CelType | undefined
    for (const [i, element] of elements.entries()) {
      const type = this.#check(element)
      joined = this.#join(element, joined, optional.has(i) ? this.#unwrapped(element, type) : type)
    }
    return listOf(joined ?? this.#newVariable())
  }

  #map({ entries }: MapLiteral): CelType {
    let keys: CelType | undefined
    let values: CelType | undefined
    for (const { key, value, optional } of entries) {
      keys = this.#join(key, keys, this.#check(key))
      const type = this.#check(value)
      values = this.#join(value, values, optional ? this.#unwrapped(value, type) : type)
    }
    return mapOf(keys ?? this.#newVariable(), values ?? this.#newVariable())
  }

  #unwrapped({ pos }: Expr, type: CelType): CelType {
    const inner = unwrapOptional(type)
    if (!inner.optional && type.kind !== 'dyn') this.#mismatch(pos, optionalOf(type), type)
    return inner.type
  }

  /** Literals may not mix types. */
  #join({ pos }: Expr, previous: CelType | undefined, current: CelType): CelType {
    if (!previous) return current
    if (this.#assignable(previous, current)) return mostGeneral(previous, current)
    this.#mismatch(pos, previous, current)
    return ErrorType
  }

  #struct({ name, fields, pos }: StructLiteral): CelType {
    const type = this.#environment.structType(name)
    if (!type) {
      for (const { value } of fields) this.#check(value)
      const named = this.#environment.typeNames.has(name)
      if (!named) return this.#undeclared(pos, name)
      this.#report(pos, `'${name}' is not a message type`)
      return ErrorType
    }
    for (const field of fields) {
      const given = this.#check(field.value)
      const found = field.optional ? this.#unwrapped(field.value, given) : given
      const declared = this.#fieldOf(field.pos, type, field.name)
      if (this.#assignable(declared, found)) continue
      const [wanted, got] = [formatType(declared), formatType(this.#resolved(found))]
      this.#report(field.pos, `expected type of field '${field.name}' is '${wanted}' but provided type is '${got}'`)
    }
    return type
  }

  #comprehension(expr: Comprehension): CelType {
    const range = this.#resolved(this.#check(expr.range))
    const accumulated = this.#check(expr.init)
    this.#scopes.push(new Map([[expr.accumulator, accumulated]]))
    const [first, second] = this.#iterated(expr, range)
    const scope = new Map([[expr.variable, first]])
    if (expr.variable2 !== undefined) scope.set(expr.variable2, second)
    this.#scopes.push(scope)
    this.#assert(expr.condition, Bool)
    this.#assert(expr.step, accumulated)
    this.#scopes.pop()
    const result = this.#check(expr.result)
    this.#scopes.pop()
    return this.#resolved(result)
  }

  /** Types of the one or two iteration variables. */
  #iterated({ range: { pos }, variable2 }: Comprehension, range: CelType): [CelType, CelType] {
    switch (range.kind) {
      case 'list':
        return variable2 === undefined ? [range.params[0] ?? Dyn, Dyn] : [Int, range.params[0] ?? Dyn]
      case 'map':
        return [range.params[0] ?? Dyn, range.params[1] ?? Dyn]
      case 'dyn':
      case 'error':
      case 'param':
        this.#assignable(Dyn, range)
        return [Dyn, Dyn]
      default: {
        const message = `expression of type '${formatType(range)}' cannot be range of a comprehension (must be list, map, or dynamic)`
        this.#report(pos, message)
        return [ErrorType, ErrorType]
      }
    }
  }

  #assert(expr: Expr, wanted: CelType): void {
    const type = this.#check(expr)
    if (!this.#assignable(wanted, type)) this.#mismatch(expr.pos, wanted, type)
  }

  #mismatch(pos: number, wanted: CelType, found: CelType): void {
    const [a, b] = [formatType(this.#resolved(wanted)), formatType(this.#resolved(found))]
    this.#report(pos, `expected type '${a}' but found '${b}'`)
  }

  #assignable(a: CelType, b: CelType): boolean {
    const substitutions = this.#substitutions.copy()
    if (!assignable(substitutions, a, b)) return false
    this.#substitutions = substitutions
    return true
  }

  #resolved(type: CelType): CelType {
    return substitute(this.#substitutions, type, false)
  }
}
