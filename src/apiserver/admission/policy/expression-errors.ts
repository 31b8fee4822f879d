/** Expressions are compiled when they are written: what the rules of kinds say of them. */
import { type ExpressionUse, setExpressionCompiler } from '#api/admissionregistration/v1/expressions.ts'
import { compilePolicyExpression } from '#api/admissionregistration/v1/policy-environment.ts'
import { CelCompileError, type CelEnvironment, compileCel } from '#schema/cel/compile.ts'
import { type CelType, Dyn, mapOf, Str } from '#schema/cel/type.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { applyConfigurationType, jsonPatchType } from './compile.ts'

export function installExpressionCompiler(): void {
  setExpressionCompiler(expressionErrors)
}

type Result = Pick<CelEnvironment, 'expects' | 'mutation'>

const results: Readonly<Record<ExpressionUse['as'], Result>> = {
  matchCondition: { expects: 'bool' },
  validation: { expects: 'bool' },
  message: { expects: 'string' },
  auditAnnotation: { expects: ['string', 'null'] },
  variable: {},
  applyConfiguration: { expects: applyConfigurationType, mutation: true },
  jsonPatch: { expects: jsonPatchType, mutation: true },
  deviceSelector: { expects: 'bool' },
}

function expressionErrors(expression: string, use: ExpressionUse, at: Path): FieldError[] {
  try {
    if (use.as === 'deviceSelector') compileCel(expression, { variables: { device: deviceType }, ...results.deviceSelector })
    else compilePolicyExpression(expression, environmentOf(use), results[use.as])
    return []
  } catch (error) {
    if (!(error instanceof CelCompileError)) throw error
    const text = error.issues.length > 0 ? `compilation failed: ${error.message}` : error.message
    return [at.invalid(expression, text)]
  }
}

/** Of the variables only the names are known here: their values may be anything. */
function environmentOf({ as, hasParams, variables }: ExpressionUse) {
  const types = new Map(variables.map((name): [string, CelType] => [name, Dyn]))
  return { hasParams, hasAuthorizer: as !== 'message', variables: types }
}

const named = (type: CelType, jsonName: string) => [jsonName, { type, jsonName, required: true }] as const

/** Upstream `dynamic-resource-allocation/cel`. */
export const deviceType: CelType = {
  kind: 'object',
  name: 'kubernetes.DRADevice',
  params: [],
  fields: new Map([
    named(Str, 'driver'),
    named(mapOf(Str, mapOf(Str, Dyn)), 'attributes'),
    named(mapOf(Str, mapOf(Str, Dyn)), 'capacity'),
    named({ kind: 'bool', name: 'bool', params: [] }, 'allowMultipleAllocations'),
  ]),
}
