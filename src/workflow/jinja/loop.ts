/** `{% for %}`: filtered, recursive, with `else` and everything that `loop` tells. */

import { parseExpression, parseTuple } from './expressions.ts'
import { Fault } from './fault.ts'
import type { Evaluate, Execute, Scope } from './scope.ts'
import { type Assign, captured, closeTag, type Parsing, parseBody, parseTarget } from './statements.ts'
import { Callable, equal, isTrue, itemsOf, Undefined } from './values.ts'

interface Loop {
  readonly assign: Assign
  readonly condition: Evaluate | undefined
  readonly body: Execute
  readonly otherwise: Execute | undefined
  readonly isRecursive: boolean
}

export function parseFor(parsing: Parsing): Execute {
  const { tokens } = parsing
  const assign = parseTarget(tokens)
  tokens.expect('name', 'in')
  const iterable = parseTuple(tokens, { ends: ['if', 'recursive'], hasCondition: false })
  const condition = tokens.takes('name', 'if') ? parseExpression(tokens) : undefined
  const isRecursive = tokens.takes('name', 'recursive')
  tokens.expect('block-end')
  const body = parseBody(parsing, 'else', 'endfor')
  let otherwise: Execute | undefined
  if (tokens.is('name', 'else')) {
    closeTag(parsing)
    otherwise = parseBody(parsing, 'endfor')
  }
  closeTag(parsing)
  const loop = { assign, condition, body, otherwise, isRecursive }
  return (scope, out) => goThrough(loop, { scope, items: itemsOf(iterable(scope)), depth: 1 }, out)
}

function goThrough(loop: Loop, { scope, items, depth }: { scope: Scope; items: unknown[]; depth: number }, out: string[]): void {
  const { assign, condition, body, otherwise } = loop
  const kept = items.filter((item) => {
    if (!condition) return true
    const inner = scope.inner()
    assign(inner, item)
    return isTrue(condition(inner))
  })
  const changed: { last?: readonly unknown[] } = {}
  for (const [i, item] of kept.entries()) {
    const again = new Callable(
      'loop',
      ({ list }) => {
        if (!loop.isRecursive) throw new Fault("The loop must have the 'recursive' marker to be called recursively.")
        const recurse: Execute = (at, inner) => goThrough(loop, { scope: at, items: itemsOf(list[0]), depth: depth + 1 }, inner)
        return captured(recurse, scope)
      },
      membersOf({ items: kept, i, depth, changed }),
    )
    const inner = scope.inner([['loop', again]])
    assign(inner, item)
    body(inner, out)
  }
  if (kept.length === 0) otherwise?.(scope.inner(), out)
}

interface Round {
  readonly items: readonly unknown[]
  readonly i: number
  readonly depth: number
  readonly changed: { last?: readonly unknown[] }
}

function membersOf({ items, i, depth, changed }: Round): ReadonlyMap<string, unknown> {
  const { length } = items
  return new Map<string, unknown>([
    ['index', i + 1],
    ['index0', i],
    ['revindex', length - i],
    ['revindex0', length - i - 1],
    ['first', i === 0],
    ['last', i === length - 1],
    ['length', length],
    ['depth', depth],
    ['depth0', depth - 1],
    ['previtem', i > 0 ? items[i - 1] : new Undefined('there is no previous item')],
    ['nextitem', i < length - 1 ? items[i + 1] : new Undefined('there is no next item')],
    [
      'cycle',
      new Callable('cycle', ({ list }) => {
        if (list.length === 0) throw new Fault('no items for cycling given')
        return list[i % list.length]
      }),
    ],
    [
      'changed',
      new Callable('changed', ({ list }) => {
        const isSame = changed.last !== undefined && equal([...changed.last], [...list])
        changed.last = list
        return !isSame
      }),
    ],
  ])
}
