/** Evaluates what macros become. Lists and maps that they build are appended to in place: nobody else can see them. */
import type { Comprehension, Expr } from './ast.ts'
import { identCost, listCost } from './cost.ts'
import { CelFailure } from './errors.ts'
import type { Frame } from './frame.ts'
import type { Eval } from './plan.ts'
import { ArrayList, CelList, CelMap, ValueMap } from './value.ts'

interface Parts {
  readonly range: Eval
  readonly init: Eval
  readonly result: Eval
  /** Slots. */
  readonly accumulator: number
  readonly first: number
  readonly second: number | undefined
}

/** Plans the inside, where the iteration variables are known; the rest is given afterwards. */
export function planComprehension(expr: Comprehension, plan: (expr: Expr) => Eval): (parts: Parts) => Eval {
  if (expr.condition.kind === 'literal' && expr.condition.value === false) return bind
  const condition = expr.condition.kind === 'literal' ? undefined : plan(expr.condition)
  const { filter, appended } = split(expr)
  if (appended) {
    const add = appended.map(plan)
    const kept = filter && plan(filter)
    return (parts) => build(parts, kept, add)
  }
  const step = plan(expr.step)
  return (parts) => fold(parts, condition, step)
}

/** The value of the name is worked out when it is first read. */
function bind({ init, result, accumulator }: Parts): Eval {
  return (frame) => {
    frame.charge(listCost)
    let value: unknown
    try {
      value = init(frame)
    } catch (error) {
      if (!(error instanceof CelFailure)) throw error
      value = error
    }
    frame.slots[accumulator] = value
    return result(frame)
  }
}

/** Recognizes `filter ? accumulator + [x] : accumulator` and the same with `cel.@mapInsert`. */
function split({ step, accumulator, init }: Comprehension): {
  filter?: Expr | undefined
  appended?: readonly Expr[] | undefined
} {
  if (init.kind !== 'list' && init.kind !== 'map') return {}
  if (step.kind !== 'call') return {}
  if (step.name === '_?_:_') {
    const [filter, yes] = step.args
    return { filter, appended: appendedBy(yes, accumulator) }
  }
  return { appended: appendedBy(step, accumulator) }
}

function appendedBy(step: Expr | undefined, accumulator: string): readonly Expr[] | undefined {
  if (step?.kind !== 'call') return undefined
  const [held, ...rest] = step.args
  if (held?.kind !== 'ident' || held.name !== accumulator) return undefined
  if (step.name === 'cel.@mapInsert') return rest
  const [added] = rest
  return step.name === '_+_' && added?.kind === 'list' && added.elements.length === 1 ? added.elements : undefined
}

function build(parts: Parts, kept: Eval | undefined, add: readonly Eval[]): Eval {
  const { range, init, result, accumulator } = parts
  return (frame) => {
    const container = range(frame)
    const start = init(frame)
    const accumulated: ArrayList | ValueMap = start instanceof CelList ? new ArrayList([]) : new ValueMap()
    frame.slots[accumulator] = accumulated
    iterate(frame, { container, parts }, () => {
      if (kept && !isTrue(kept(frame))) {
        frame.charge(identCost)
        return true
      }
      const values = add.map((one) => one(frame))
      frame.charge(identCost + 1)
      if (accumulated instanceof ValueMap) insert(accumulated, values)
      else {
        frame.charge(listCost)
        accumulated.items.push(values[0])
      }
      return true
    })
    return result(frame)
  }
}

function isTrue(value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw new CelFailure('no such overload')
}

function insert(map: ValueMap, values: readonly unknown[]): void {
  const [first, second] = values
  const entries = second !== undefined ? [[first, second] as const] : first instanceof CelMap ? first.entries() : undefined
  if (!entries) throw new CelFailure('no such overload')
  for (const [key, value] of entries) {
    if (map.has(key)) throw new CelFailure(`insert failed: key ${String(key)} already exists`)
    map.set(key, value)
  }
}

/** A step that fails is kept as the accumulated value: `all` and `exists` may find an element that decides all the same. */
function fold(parts: Parts, condition: Eval | undefined, step: Eval): Eval {
  const { range, init, result, accumulator } = parts
  return (frame) => {
    const container = range(frame)
    frame.slots[accumulator] = init(frame)
    iterate(frame, { container, parts }, () => {
      if (condition && condition(frame) !== true) return false
      try {
        frame.slots[accumulator] = step(frame)
      } catch (error) {
        if (!condition || !(error instanceof CelFailure)) throw error
        frame.slots[accumulator] = error
      }
      return true
    })
    return result(frame)
  }
}

interface Range {
  readonly container: unknown
  readonly parts: Parts
}

/** Calls `each` for every element until it answers false. */
function iterate({ slots }: Frame, { container, parts }: Range, each: () => boolean): void {
  const { first, second } = parts
  if (container instanceof CelList) {
    const { size } = container
    for (let i = 0; i < size; i++) {
      if (second === undefined) slots[first] = container.at(i)
      else {
        slots[first] = BigInt(i)
        slots[second] = container.at(i)
      }
      if (!each()) return
    }
    return
  }
  if (!(container instanceof CelMap)) throw new CelFailure('no such overload')
  for (const key of container.keys()) {
    slots[first] = key
    if (second !== undefined) slots[second] = container.get(key)
    if (!each()) return
  }
}
