/** Where rules about CEL expressions meet the compiler: every expression of this group and of devices comes through here. */
import type { FieldError, Path } from '#schema/field-error.ts'

export interface ExpressionUse {
  /** What the expression is for, which decides the type that it must have. */
  readonly as:
    | 'matchCondition'
    | 'validation'
    | 'message'
    | 'auditAnnotation'
    | 'variable'
    | 'applyConfiguration'
    | 'jsonPatch'
    | 'deviceSelector'
  /** Whether `params` may be named. */
  readonly hasParams: boolean
  /** Names of the variables that stand before it. */
  readonly variables: readonly string[]
}

type Compile = (expression: string, use: ExpressionUse, at: Path) => FieldError[]

let compile: Compile = () => []

/** Installs the compiler; without one every expression passes. */
export function setExpressionCompiler(compiler: Compile): void {
  compile = compiler
}

/** What the compiler says of an expression. */
export function expressionErrors(expression: string, use: ExpressionUse, at: Path): FieldError[] {
  return compile(expression, use, at)
}
