/** Rules for admission policies (upstream `admissionregistration/validation`). */
import { type ExpressionUse, expressionErrors } from '#api/admissionregistration/v1/expressions.ts'
import type { MutatingAdmissionPolicySpec, Mutation } from '#api/admissionregistration/v1/mutating-admission-policy.ts'
import type { MatchCondition, MatchResources, ParamKind, Variable } from '#api/admissionregistration/v1/rule.ts'
import {
  failurePolicies,
  validateMatchConditions,
  validateMatchResources,
  validateParamKind,
  validateVariables,
} from '#api/admissionregistration/v1/rule-validation.ts'
import type {
  AuditAnnotation,
  ValidatingAdmissionPolicySpec,
  ValidatingAdmissionPolicyStatus,
  Validation,
} from '#api/admissionregistration/v1/validating-admission-policy.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isQualifiedName } from '#schema/formats.ts'
import { validateConditions } from '#schema/validate.ts'

interface PolicySpec {
  readonly failurePolicy?: string | undefined
  readonly paramKind?: ParamKind | undefined
  readonly matchConstraints?: MatchResources | undefined
  readonly matchConditions?: MatchCondition[] | undefined
  readonly variables?: Variable[] | undefined
}

/** What both kinds of policies have. */
function policyErrors(
  { failurePolicy, paramKind, matchConstraints, matchConditions, variables }: PolicySpec,
  at: Path,
): FieldError[] {
  const failureAt = at.child('failurePolicy')
  const matchAt = at.child('matchConstraints')
  const errors: FieldError[] = []
  if (failurePolicy === undefined) errors.push(failureAt.required())
  else if (!failurePolicies.includes(failurePolicy)) errors.push(failureAt.notSupported(failurePolicy, failurePolicies))
  if (paramKind) errors.push(...validateParamKind(paramKind, at.child('paramKind')))
  if (!matchConstraints) errors.push(matchAt.required())
  else {
    errors.push(...validateMatchResources(matchConstraints, matchAt))
    if (!matchConstraints.resourceRules?.length) errors.push(matchAt.child('resourceRules').required())
  }
  return [
    ...errors,
    ...validateMatchConditions(matchConditions, at.child('matchConditions'), paramKind !== undefined),
    ...validateVariables(variables, at.child('variables'), paramKind !== undefined),
  ]
}

type Context = Pick<ExpressionUse, 'hasParams' | 'variables'>

function contextOf({ paramKind, variables = [] }: PolicySpec): Context {
  return { hasParams: paramKind !== undefined, variables: variables.map(({ name }) => name) }
}

const maxAnnotations = 20

export function validatePolicySpec(name: string, spec: ValidatingAdmissionPolicySpec, at: Path): FieldError[] {
  const { validations = [], auditAnnotations = [] } = spec
  const errors = policyErrors(spec, at)
  const here = at.child('auditAnnotations')
  if (validations.length + auditAnnotations.length === 0) {
    const message = 'validations or auditAnnotations must contain at least one item'
    return [...errors, at.child('validations').required(message), here.required(message)]
  }
  const context = contextOf(spec)
  return [
    ...errors,
    ...validations.flatMap((validation, index) => validationErrors(validation, context, at.child('validations').index(index))),
    ...(auditAnnotations.length > maxAnnotations
      ? [here.invalid(auditAnnotations, `must not have more than ${maxAnnotations} auditAnnotations`)]
      : []),
    ...auditAnnotations.flatMap((annotation, index) => [
      ...annotationErrors(annotation, { ...context, name }, here.index(index)),
      ...(auditAnnotations.findIndex(({ key }) => key === annotation.key) < index
        ? [here.index(index).child('key').duplicate(annotation.key)]
        : []),
    ]),
  ]
}

const reasons = ['Forbidden', 'Invalid', 'RequestEntityTooLarge']

function validationErrors(validation: Validation, context: Context, at: Path): FieldError[] {
  const { expression, message = '', messageExpression = '', reason } = validation
  const here = at.child('expression')
  return [
    ...(expression.trim() === ''
      ? [here.required('expression is not specified')]
      : expressionErrors(expression, { as: 'validation', ...context }, here)),
    ...messageExpressionErrors(messageExpression, context, at.child('messageExpression')),
    ...messageErrors(message, at.child('message')),
    ...(reason !== undefined && !reasons.includes(reason) ? [at.child('reason').notSupported(reason, reasons)] : []),
  ]
}

function messageExpressionErrors(expression: string, context: Context, at: Path): FieldError[] {
  if (expression === '') return []
  if (expression.trim() === '') return [at.invalid(expression, 'must be non-empty if specified')]
  return expressionErrors(expression, { as: 'message', ...context }, at)
}

function messageErrors(message: string, at: Path): FieldError[] {
  const trimmed = message.trim()
  if (message !== '' && trimmed === '') return [at.invalid(message, 'message must be non-empty if specified')]
  if (/[\n\r]/.test(trimmed)) return [at.invalid(message, 'message must not contain line breaks')]
  return []
}

const maxValueExpression = 5 * 1024

function annotationErrors(
  { key, valueExpression }: AuditAnnotation,
  context: Context & { name: string },
  at: Path,
): FieldError[] {
  const { name, ...use } = context
  const keyAt = at.child('key')
  const here = at.child('valueExpression')
  const whole = `${name}/${key}`
  const trimmed = valueExpression.trim()
  return [
    ...(name
      ? isQualifiedName(whole).map((problem) => keyAt.invalid(whole, problem))
      : [keyAt.invalid(key, 'requires metadata.name be non-empty')]),
    ...(trimmed === ''
      ? [here.required('valueExpression is not specified')]
      : Buffer.byteLength(trimmed) > maxValueExpression
        ? [here.required(`must not exceed ${maxValueExpression} bytes in length`)]
        : expressionErrors(trimmed, { as: 'auditAnnotation', ...use }, here)),
  ]
}

export function validatePolicyStatus({ typeChecking, conditions }: ValidatingAdmissionPolicyStatus, at: Path): FieldError[] {
  const warnings = typeChecking?.expressionWarnings ?? []
  return [
    ...warnings.flatMap(({ warning, fieldRef }, index) => {
      const here = at.child('typeChecking', 'expressionWarnings').index(index)
      return [
        ...(warning === '' ? [here.child('warning').required()] : []),
        ...(fieldRef.trim() === '' ? [here.child('fieldRef').required()] : []),
      ]
    }),
    ...validateConditions(conditions, at.child('conditions')),
  ]
}

export function validateMutatingPolicySpec(spec: MutatingAdmissionPolicySpec, at: Path): FieldError[] {
  const { mutations = [], reinvocationPolicy } = spec
  const here = at.child('reinvocationPolicy')
  const policies = ['IfNeeded', 'Never']
  return [
    ...policyErrors(spec, at),
    ...(mutations.length === 0 ? [at.child('mutations').required('mutations must contain at least one item')] : []),
    ...mutations.flatMap((mutation, index) => mutationErrors(mutation, contextOf(spec), at.child('mutations').index(index))),
    ...(!reinvocationPolicy
      ? [here.required()]
      : policies.includes(reinvocationPolicy)
        ? []
        : [here.notSupported(reinvocationPolicy, policies)]),
  ]
}

const patchTypes = ['ApplyConfiguration', 'JSONPatch']

function mutationErrors({ patchType, applyConfiguration, jsonPatch }: Mutation, context: Context, at: Path): FieldError[] {
  if (!patchType) return [at.child('patchType').required()]
  if (!patchTypes.includes(patchType)) return [at.child('patchType').notSupported(patchType, patchTypes)]
  const isApply = patchType === 'ApplyConfiguration'
  const [name, other] = isApply ? (['applyConfiguration', 'jsonPatch'] as const) : (['jsonPatch', 'applyConfiguration'] as const)
  const [chosen, excess] = isApply ? [applyConfiguration, jsonPatch] : [jsonPatch, applyConfiguration]
  const here = at.child(name)
  const { expression = '' } = chosen ?? {}
  const errors = excess ? [at.child(other).invalid(excess, `must not be specified when patchType is ${patchType}`)] : []
  if (!chosen) return [...errors, here.required(`must be specified when patchType is ${patchType}`)]
  if (expression.trim() === '') return [...errors, here.child('expression').required('expression is not specified')]
  return [...errors, ...expressionErrors(expression, { as: name, ...context }, here.child('expression'))]
}
