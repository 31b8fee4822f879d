/** The expressions of an authentication configuration: over the claims of a token, and over the user that they make. */
import { UserInfo } from '#api/authentication/v1/token-review.ts'
import type { Expr } from '#schema/cel/ast.ts'
import { type CelProgram, compileCel } from '#schema/cel/compile.ts'
import { parseCel } from '#schema/cel/parser.ts'

export function compileClaims(expression: string, expects: readonly ('string' | 'bool' | 'dyn')[] = ['dyn']): CelProgram {
  return compileCel(expression, { variables: { claims: 'map' }, expects })
}

export function compileUser(expression: string): CelProgram {
  return compileCel(expression, { variables: { user: UserInfo }, expects: 'bool' })
}

/** Whether the expression reads that claim by its name. */
export function readsClaim(expression: string, claim: string): boolean {
  return selects(parseCel(expression), claim)
}

function selects(expr: Expr | undefined, claim: string): boolean {
  switch (expr?.kind) {
    case 'select':
      return (isClaims(expr.operand) && expr.field === claim) || selects(expr.operand, claim)
    case 'call':
      return isOptionalSelect(expr, claim) || [expr.target, ...expr.args].some((one) => selects(one, claim))
    case 'list':
      return expr.elements.some((one) => selects(one, claim))
    case 'map':
      return expr.entries.some(({ key, value }) => selects(key, claim) || selects(value, claim))
    case 'struct':
      return expr.fields.some(({ value }) => selects(value, claim))
    case 'comprehension':
      return [expr.range, expr.init, expr.condition, expr.step, expr.result].some((one) => selects(one, claim))
    default:
      return false
  }
}

function isClaims(expr: Expr | undefined): boolean {
  return expr?.kind === 'ident' && expr.name === 'claims'
}

/** `claims.?email`. */
function isOptionalSelect(expr: Extract<Expr, { kind: 'call' }>, claim: string): boolean {
  const [operand, field] = expr.args
  return expr.target === undefined && isClaims(operand) && field?.kind === 'literal' && field.value === claim
}
