/**
 * Checks the types of validating policies against the kinds that they are about, and writes what it finds into their status: a
 * warning to their author, without effect on requests (upstream `controller/validatingadmissionpolicystatus`).
 */
import { compilePolicyExpression } from '#api/admissionregistration/v1/policy-environment.ts'
import type { Rule } from '#api/admissionregistration/v1/rule.ts'
import { type ExpressionWarning, ValidatingAdmissionPolicy } from '#api/admissionregistration/v1/validating-admission-policy.ts'
import { CustomResourceDefinition } from '#api/apiextensions/v1/custom-resource-definition.ts'
import { kinds as builtIn } from '#api/kinds.ts'
import { CelCompileError } from '#schema/cel/compile.ts'
import { celTypeOfSchema } from '#schema/cel/schema-type.ts'
import { type CelType, Dyn } from '#schema/cel/type.ts'
import type { Kind } from '#schema/kind.ts'
import { defineController } from './runtime/controller.ts'
import { kindsOf } from './runtime/custom-kinds.ts'

export const validatingAdmissionPolicyStatusController = defineController({
  name: 'validatingadmissionpolicy-status-controller',
  for: ValidatingAdmissionPolicy,
  reads: [CustomResourceDefinition],
  writes: [ValidatingAdmissionPolicy],

  async reconcile(policy, cluster) {
    const { generation } = policy.metadata
    if (policy.status.observedGeneration === generation) return
    const custom = cluster.list(CustomResourceDefinition).flatMap(kindsOf)
    const expressionWarnings = typeWarnings(policy, [...builtIn, ...custom])
    const typeChecking = expressionWarnings.length > 0 ? { expressionWarnings } : {}
    await cluster.status(ValidatingAdmissionPolicy, policy, { ...policy.status, observedGeneration: generation, typeChecking })
  },
})

const mostKinds = 10

/** What would fail with the kinds that the policy names outright; those behind a `*` are not looked at. */
export function typeWarnings({ spec }: ValidatingAdmissionPolicy, kinds: readonly Kind[]): ExpressionWarning[] {
  const matched = matchedKinds(spec.matchConstraints?.resourceRules ?? [], kinds)
  const params = kinds.find(({ apiVersion, kind }) => apiVersion === spec.paramKind?.apiVersion && kind === spec.paramKind.kind)
  const check = (fieldRef: string, expression: string): ExpressionWarning[] => {
    const found = matched.flatMap((kind) => issuesOf(expression, { kind, params, spec }))
    return found.length > 0 ? [{ fieldRef, warning: found.join('\n') }] : []
  }
  return (spec.validations ?? []).flatMap(({ expression, messageExpression }, i) => [
    ...check(`spec.validations[${i}].expression`, expression),
    ...(messageExpression ? check(`spec.validations[${i}].messageExpression`, messageExpression) : []),
  ])
}

function matchedKinds(rules: readonly Rule[], kinds: readonly Kind[]): Kind[] {
  const named = kinds.filter((kind) => rules.some((rule) => names(rule, kind)))
  const order = ({ group, version, kind }: Kind) => `${group}/${version}/${kind}`
  return named.toSorted((a, b) => (order(a) < order(b) ? -1 : 1)).slice(0, mostKinds)
}

function names({ apiGroups = [], apiVersions = [], resources = [] }: Rule, { group, version, plural }: Kind): boolean {
  const isOpen = [...apiGroups, ...apiVersions, ...resources].includes('*')
  return !isOpen && apiGroups.includes(group) && apiVersions.includes(version) && resources.includes(plural)
}

interface Checked {
  readonly kind: Kind
  readonly params: Kind | undefined
  readonly spec: ValidatingAdmissionPolicy['spec']
}

function issuesOf(expression: string, { kind, params, spec }: Checked): string[] {
  const variables = new Map<string, CelType>()
  const environment = {
    hasParams: spec.paramKind !== undefined,
    hasAuthorizer: true,
    object: celTypeOfSchema(kind.schema),
    params: params && celTypeOfSchema(params.schema),
  }
  try {
    for (const { name, expression: value } of spec.variables ?? []) {
      variables.set(name, outputOf(value, { ...environment, variables: new Map(variables) }))
    }
    compilePolicyExpression(expression, { ...environment, variables })
    return []
  } catch (error) {
    if (!(error instanceof CelCompileError)) throw error
    const { group, version } = kind
    return [`${group}/${version}, Kind=${kind.kind}: compilation failed: ${error.message}\n`]
  }
}

/** A variable that is ill-typed is told of where it is read. */
function outputOf(expression: string, environment: Parameters<typeof compilePolicyExpression>[1]): CelType {
  try {
    return compilePolicyExpression(expression, environment).outputType
  } catch (error) {
    if (!(error instanceof CelCompileError)) throw error
    return Dyn
  }
}
