/** Policies compiled: once for each generation, since the same policy meets every request. */
import type { MutatingAdmissionPolicy } from '#api/admissionregistration/v1/mutating-admission-policy.ts'
import { compilePolicyExpression, type PolicyEnvironment } from '#api/admissionregistration/v1/policy-environment.ts'
import type { MatchCondition, Variable } from '#api/admissionregistration/v1/rule.ts'
import type { ValidatingAdmissionPolicy, Validation } from '#api/admissionregistration/v1/validating-admission-policy.ts'
import { CelCompileError, type CelEnvironment } from '#schema/cel/compile.ts'
import { JsonPatch, mutationType } from '#schema/cel/library/mutation.ts'
import { type CelType, Dyn, listOf } from '#schema/cel/type.ts'
import type { Expression, NamedExpression } from './activation.ts'

export interface CompiledValidation {
  readonly validation: Validation
  readonly expression: Expression
  readonly message: Expression | undefined
}

interface CompiledPolicy {
  readonly variables: readonly NamedExpression[]
  readonly conditions: readonly Expression[]
}

export interface CompiledValidatingPolicy extends CompiledPolicy {
  readonly validations: readonly CompiledValidation[]
  readonly annotations: readonly { readonly key: string; readonly expression: Expression }[]
}

export interface CompiledMutatingPolicy extends CompiledPolicy {
  readonly mutations: readonly { readonly type: string; readonly expression: Expression }[]
}

export function compileValidatingPolicy({ spec }: ValidatingAdmissionPolicy): CompiledValidatingPolicy {
  const base = { hasParams: spec.paramKind !== undefined, hasAuthorizer: true }
  const { variables, types } = compileVariables(spec.variables ?? [], base)
  const environment: PolicyEnvironment = { ...base, variables: types }
  return {
    variables,
    conditions: compileConditions(spec.matchConditions ?? [], environment),
    validations: (spec.validations ?? []).map((validation) => ({
      validation,
      expression: compiled(validation.expression, environment, { expects: 'bool' }),
      message: validation.messageExpression
        ? compiled(validation.messageExpression, { ...environment, hasAuthorizer: false }, { expects: 'string' })
        : undefined,
    })),
    annotations: (spec.auditAnnotations ?? []).map(({ key, valueExpression }) => {
      return { key, expression: compiled(valueExpression, environment, { expects: ['string', 'null'] }) }
    }),
  }
}

export const applyConfigurationType = mutationType('Object') as CelType
export const jsonPatchType = listOf(JsonPatch)

export function compileMutatingPolicy({ spec }: MutatingAdmissionPolicy): CompiledMutatingPolicy {
  const base = { hasParams: spec.paramKind !== undefined, hasAuthorizer: true }
  const { variables, types } = compileVariables(spec.variables ?? [], base)
  const environment: PolicyEnvironment = { ...base, variables: types }
  return {
    variables,
    conditions: compileConditions(spec.matchConditions ?? [], environment),
    mutations: (spec.mutations ?? []).map(({ patchType, applyConfiguration, jsonPatch }) => {
      const isPatch = patchType === 'JSONPatch'
      const source = (isPatch ? jsonPatch : applyConfiguration)?.expression ?? ''
      const expects = isPatch ? jsonPatchType : applyConfigurationType
      return { type: patchType, expression: compiled(source, environment, { expects, mutation: true }) }
    }),
  }
}

export function compileConditions(conditions: readonly MatchCondition[], environment: PolicyEnvironment): Expression[] {
  return conditions.map(({ expression }) => compiled(expression, environment, { expects: 'bool' }))
}

/** Each may read those before it. */
export function compileVariables(
  variables: readonly Variable[],
  base: PolicyEnvironment,
): { variables: NamedExpression[]; types: Map<string, CelType> } {
  const types = new Map<string, CelType>()
  const made = variables.map(({ name, expression }) => {
    const one = compiled(expression, { ...base, variables: new Map(types) }, {})
    types.set(name, one.program?.outputType ?? Dyn)
    return { name, ...one }
  })
  return { variables: made, types }
}

function compiled(
  source: string,
  environment: PolicyEnvironment,
  result: Pick<CelEnvironment, 'expects' | 'mutation'>,
): Expression {
  try {
    return { text: source, program: compilePolicyExpression(source, environment, result) }
  } catch (error) {
    if (!(error instanceof CelCompileError)) throw error
    const failure = error.issues.length > 0 ? `compilation failed: ${error.message}` : error.message
    return { text: source, failure }
  }
}
