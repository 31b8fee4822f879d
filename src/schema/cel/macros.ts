/** The macros, and what they become (cel-go `parser/macro.go`, `ext/comprehensions.go`, `ext/lists.go`, `cel/library.go`). */
import { accumulatorName, type Expr } from './ast.ts'

/** The arguments of a macro are not what it needs. */
export class MacroError extends Error {
  readonly pos: number
  constructor(pos: number, message: string) {
    super(message)
    this.pos = pos
  }
}

export interface MacroCall {
  readonly name: string
  readonly target?: Expr | undefined
  readonly args: readonly Expr[]
  readonly pos: number
}

type Expand = (call: MacroCall, make: Maker) => Expr

/** Undefined where it is an ordinary call. */
export function expandMacro(call: MacroCall): Expr | undefined {
  const table = call.target ? receivers : globals
  const key = `${call.name}/${call.args.length}`
  const expand = Object.hasOwn(table, key) ? table[key] : undefined
  return expand?.(call, new Maker(call.pos))
}

/** Makes nodes at the place of the macro. */
class Maker {
  readonly pos: number
  constructor(pos: number) {
    this.pos = pos
  }

  literal(value: unknown): Expr {
    return { kind: 'literal', value, pos: this.pos }
  }

  ident(name: string): Expr {
    return { kind: 'ident', name, pos: this.pos }
  }

  get accumulator(): Expr {
    return this.ident(accumulatorName)
  }

  call(name: string, ...args: Expr[]): Expr {
    return { kind: 'call', name, target: undefined, args, pos: this.pos }
  }

  member(target: Expr, name: string, ...args: Expr[]): Expr {
    return { kind: 'call', name, target, args, pos: this.pos }
  }

  list(...elements: Expr[]): Expr {
    return { kind: 'list', elements, optional: new Set(), pos: this.pos }
  }

  /** `name` stands for `value` in `body`. */
  bind(name: string, value: Expr, body: Expr): Expr {
    return {
      kind: 'comprehension',
      range: this.list(),
      variable: '#unused',
      accumulator: name,
      init: value,
      condition: this.literal(false),
      step: this.ident(name),
      result: body,
      pos: this.pos,
    }
  }

  fold(range: Expr, variables: readonly string[], parts: Fold): Expr {
    const { init, condition = this.literal(true), step, result = this.accumulator } = parts
    const [variable = '', variable2] = variables
    const accumulator = accumulatorName
    return { kind: 'comprehension', range, variable, variable2, accumulator, init, condition, step, result, pos: this.pos }
  }
}

interface Fold {
  readonly init: Expr
  readonly condition?: Expr
  readonly step: Expr
  readonly result?: Expr
}

const has: Expand = ({ args: [argument] }, { pos }) => {
  if (argument?.kind === 'select') return { ...argument, test: true, pos }
  throw new MacroError(argument?.pos ?? pos, 'invalid argument to has() macro')
}

function quantifier(two: boolean, shape: (make: Maker, predicate: Expr) => Fold): Expand {
  return (call, make) => {
    const { names, rest } = variables(call, two ? 2 : 1)
    return make.fold(call.target as Expr, names, shape(make, rest[0] as Expr))
  }
}

const all = (make: Maker, predicate: Expr): Fold => ({
  init: make.literal(true),
  condition: make.call('@not_strictly_false', make.accumulator),
  step: make.call('_&&_', make.accumulator, predicate),
})

const exists = (make: Maker, predicate: Expr): Fold => ({
  init: make.literal(false),
  condition: make.call('@not_strictly_false', make.call('!_', make.accumulator)),
  step: make.call('_||_', make.accumulator, predicate),
})

const existsOne = (make: Maker, predicate: Expr): Fold => ({
  init: make.literal(0n),
  step: make.call('_?_:_', predicate, make.call('_+_', make.accumulator, make.literal(1n)), make.accumulator),
  result: make.call('_==_', make.accumulator, make.literal(1n)),
})

/** The transformation is the last argument; a filter may stand before it. */
function transform(count: number, shape: (make: Maker, transform: Expr, key: string) => Omit<Fold, 'result'>): Expand {
  return (call, make) => {
    const { names, rest } = variables(call, count)
    const [filter, mapped] = rest.length > 1 ? rest : [undefined, rest[0]]
    const { init, step } = shape(make, mapped as Expr, names[0] as string)
    const filtered = filter ? make.call('_?_:_', filter, step, make.accumulator) : step
    return make.fold(call.target as Expr, names, { init, step: filtered })
  }
}

const toList = (make: Maker, element: Expr) => ({
  init: make.list(),
  step: make.call('_+_', make.accumulator, make.list(element)),
})

const emptyMap = ({ pos }: Maker): Expr => ({ kind: 'map', entries: [], pos })

const toMap = (make: Maker, value: Expr, key: string) => ({
  init: emptyMap(make),
  step: make.call('cel.@mapInsert', make.accumulator, make.ident(key), value),
})

const toMapEntry = (make: Maker, entry: Expr) => ({
  init: emptyMap(make),
  step: make.call('cel.@mapInsert', make.accumulator, entry),
})

const filter: Expand = (call, make) => {
  const { names, rest } = variables(call, 1)
  const element = make.list(make.ident(names[0] as string))
  const step = make.call('_?_:_', rest[0] as Expr, make.call('_+_', make.accumulator, element), make.accumulator)
  return make.fold(call.target as Expr, names, { init: make.list(), step })
}

/** `optMap` and `optFlatMap`; the target gets a name of its own, so that nested ones do not multiply it. */
function optional(wrap: boolean): Expand {
  return (call, make) => {
    const { names, rest } = variables(call, 1, 'variable identifier')
    const held = make.ident('@optional')
    const body = make.bind(names[0] as string, make.member(held, 'value'), rest[0] as Expr)
    const some = wrap ? make.call('optional.of', body) : body
    const chosen = make.call('_?_:_', make.member(held, 'hasValue'), some, make.call('optional.none'))
    return make.bind('@optional', call.target as Expr, chosen)
  }
}

const sortable = new Set<Expr['kind']>(['list', 'select', 'ident', 'comprehension', 'call'])

const sortBy: Expand = (call, make) => {
  const target = call.target as Expr
  if (!sortable.has(target.kind)) {
    const what = 'sortBy can only be applied to a list, identifier, comprehension, call or select expression'
    throw new MacroError(target.pos, what)
  }
  const name = '@__sortBy_input__'
  const keys = (receivers['map/2'] as Expand)({ ...call, name: 'map', target: make.ident(name) }, make)
  return make.bind(name, target, make.member(make.ident(name), '@sortByAssociatedKeys', keys))
}

function variables({ args }: MacroCall, count: number, what?: string): { names: string[]; rest: readonly Expr[] } {
  const names = args.slice(0, count).map((arg) => {
    if (arg.kind === 'ident') return arg.name
    throw new MacroError(arg.pos, what ? `optMap() ${what} must be a simple identifier` : 'argument must be a simple name')
  })
  if (count === 2 && names[0] === names[1]) {
    throw new MacroError(args[1]?.pos ?? 0, `duplicate variable name: ${names[0]}`)
  }
  return { names, rest: args.slice(count) }
}

const globals: Readonly<Record<string, Expand>> = { 'has/1': has }

const receivers: Readonly<Record<string, Expand>> = {
  'all/2': quantifier(false, all),
  'all/3': quantifier(true, all),
  'exists/2': quantifier(false, exists),
  'exists/3': quantifier(true, exists),
  'exists_one/2': quantifier(false, existsOne),
  'existsOne/2': quantifier(false, existsOne),
  'exists_one/3': quantifier(true, existsOne),
  'existsOne/3': quantifier(true, existsOne),
  'map/2': transform(1, toList),
  'map/3': transform(1, toList),
  'filter/2': filter,
  'transformList/3': transform(2, toList),
  'transformList/4': transform(2, toList),
  'transformMap/3': transform(2, toMap),
  'transformMap/4': transform(2, toMap),
  'transformMapEntry/3': transform(2, toMapEntry),
  'transformMapEntry/4': transform(2, toMapEntry),
  'optMap/2': optional(true),
  'optFlatMap/2': optional(false),
  'sortBy/2': sortBy,
}
