/** Literals that can only fail: found when an expression is written, not when it runs (cel-go `cel/validator.go`). */
import type { Call, Expr } from './ast.ts'
import { compileRegex } from './library/regex.ts'
import type { Issue } from './source.ts'
import { parseCelDuration, parseTimestamp } from './value.ts'

/** Which argument of which function, and how it is read. */
const checks: Readonly<Record<string, { readonly at: number; read(text: string): unknown }>> = {
  duration: { at: 0, read: parseCelDuration },
  timestamp: { at: 0, read: parseTimestamp },
  matches: { at: -1, read: compileRegex },
}

export function checkLiterals(root: Expr): Issue[] {
  const issues: Issue[] = []
  visit(root, (call) => {
    const check = Object.hasOwn(checks, call.name) ? checks[call.name] : undefined
    const argument = check && call.args.at(check.at)
    if (argument?.kind !== 'literal' || typeof argument.value !== 'string') return
    try {
      check?.read(argument.value)
    } catch {
      issues.push({ pos: argument.pos, message: `invalid ${call.name} argument` })
    }
  })
  return issues
}

function visit(expr: Expr, onCall: (call: Call) => void): void {
  if (expr.kind === 'call') onCall(expr)
  for (const child of children(expr)) visit(child, onCall)
}

/** The expressions right below this one. */
function children(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case 'select':
      return [expr.operand]
    case 'call':
      return expr.target ? [expr.target, ...expr.args] : expr.args
    case 'list':
      return expr.elements
    case 'map':
      return expr.entries.flatMap(({ key, value }) => [key, value])
    case 'struct':
      return expr.fields.map(({ value }) => value)
    case 'comprehension':
      return [expr.range, expr.init, expr.condition, expr.step, expr.result]
    default:
      return []
  }
}
