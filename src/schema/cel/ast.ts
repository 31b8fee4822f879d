/** The tree of an expression, as the parser makes it; the checker writes types and overloads into it. */
import type { CelType } from './type.ts'

interface Checked {
  /** Offset in code points: where an error about this node points. */
  readonly pos: number
  /** Written by the checker. */
  type?: CelType
}

export interface Literal extends Checked {
  readonly kind: 'literal'
  /** A value of CEL: null, boolean, bigint, CelUint, number, string, Uint8Array. */
  readonly value: unknown
}

export interface Ident extends Checked {
  kind: 'ident'
  name: string
  /** The checker found that it names a type or another constant. */
  constant?: unknown
}

export interface Select extends Checked {
  readonly kind: 'select'
  readonly operand: Expr
  readonly field: string
  /** `has(operand.field)` */
  readonly test: boolean
}

export interface Call extends Checked {
  readonly kind: 'call'
  name: string
  target: Expr | undefined
  readonly args: readonly Expr[]
  /** Ids of the overloads that may be meant. */
  overloads?: readonly string[]
}

export interface ListLiteral extends Checked {
  readonly kind: 'list'
  readonly elements: readonly Expr[]
  /** Indices of elements written `?e`. */
  readonly optional: ReadonlySet<number>
}

export interface MapEntry {
  readonly key: Expr
  readonly value: Expr
  readonly optional: boolean
}

export interface MapLiteral extends Checked {
  readonly kind: 'map'
  readonly entries: readonly MapEntry[]
}

export interface StructField {
  readonly pos: number
  readonly name: string
  readonly value: Expr
  readonly optional: boolean
}

export interface StructLiteral extends Checked {
  readonly kind: 'struct'
  readonly name: string
  readonly fields: readonly StructField[]
}

/** What a macro over a list or a map becomes. */
export interface Comprehension extends Checked {
  readonly kind: 'comprehension'
  readonly range: Expr
  readonly variable: string
  readonly variable2?: string | undefined
  readonly accumulator: string
  readonly init: Expr
  readonly condition: Expr
  readonly step: Expr
  readonly result: Expr
}

export type Expr = Literal | Ident | Select | Call | ListLiteral | MapLiteral | StructLiteral | Comprehension

/** A name that no identifier of an expression can be. */
export const accumulatorName = '@result'

/** `a.b.c` as one name, where the expression is nothing but names. */
export function qualifiedName(expr: Expr): string | undefined {
  if (expr.kind === 'ident') return expr.name
  if (expr.kind !== 'select' || expr.test) return undefined
  const prefix = qualifiedName(expr.operand)
  return prefix === undefined ? undefined : `${prefix}.${expr.field}`
}
