/** Rules about which requests are meant (upstream `admissionregistration/validation`). */

import { type ExpressionUse, expressionErrors } from '#api/admissionregistration/v1/expressions.ts'
import type {
  MatchCondition,
  MatchResources,
  NamedRuleWithOperations,
  ParamKind,
  ParamRef,
  Rule,
  RuleWithOperations,
  Variable,
} from '#api/admissionregistration/v1/rule.ts'
import { dnsSubdomain, formatted } from '#api/core/v1/validation/checks.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isDns1035Label, isDns1123Subdomain, isPathSegmentName, isQualifiedName } from '#schema/formats.ts'
import { validateLabelSelector } from '#schema/validate.ts'

export const failurePolicies = ['Fail', 'Ignore']
export const matchPolicies = ['Equivalent', 'Exact']

export function validateRule(rule: RuleWithOperations, at: Path): FieldError[] {
  const { operations = [] } = rule
  const here = at.child('operations')
  return [
    ...(operations.length === 0 ? [here.required()] : []),
    ...alone(operations, here, 'operations'),
    ...operations.flatMap((operation, index) =>
      allOperations.includes(operation) ? [] : [here.index(index).notSupported(operation, allOperations)],
    ),
    ...resourceRuleErrors(rule, at),
  ]
}

const allOperations = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE']
const scopes = ['*', 'Cluster', 'Namespaced']

function alone(values: readonly string[], at: Path, what: string): FieldError[] {
  const isMixed = values.length > 1 && values.includes('*')
  return isMixed ? [at.invalid(values, `if '*' is present, must not specify other ${what}`)] : []
}

function resourceRuleErrors({ apiGroups = [], apiVersions = [], resources = [], scope }: Rule, at: Path): FieldError[] {
  const versions = at.child('apiVersions')
  return [
    ...(apiGroups.length === 0 ? [at.child('apiGroups').required()] : []),
    ...alone(apiGroups, at.child('apiGroups'), 'API groups'),
    ...(apiVersions.length === 0 ? [versions.required()] : []),
    ...alone(apiVersions, versions, 'API versions'),
    ...apiVersions.flatMap((version, index) => (version === '' ? [versions.index(index).required()] : [])),
    ...resourcesErrors(resources, at.child('resources')),
    ...(scope !== undefined && !scopes.includes(scope) ? [at.child('scope').notSupported(scope, scopes)] : []),
  ]
}

function resourcesErrors(resources: readonly string[], at: Path): FieldError[] {
  const errors: FieldError[] = resources.length === 0 ? [at.required()] : []
  const wholeResources = new Set<string>()
  const wholeSubresources = new Set<string>()
  let isPlain = false
  for (const [index, resource] of resources.entries()) {
    const here = at.index(index)
    if (resource === '') {
      errors.push(here.required())
      continue
    }
    const slash = resource.indexOf('/')
    if (slash === -1) {
      // Upstream looks at the last one alone.
      isPlain = resource !== '*'
      continue
    }
    const [name, sub] = [resource.slice(0, slash), resource.slice(slash + 1)]
    const clash = (whole: string) => here.invalid(resource, `if '${whole}' is present, must not specify ${resource}`)
    if (wholeResources.has(name)) errors.push(clash(`${name}/*`))
    if (wholeSubresources.has(sub)) errors.push(clash(`*/${sub}`))
    if (sub === '*') wholeResources.add(name)
    if (name === '*') wholeSubresources.add(sub)
  }
  if (resources.length > 1 && resources.includes('*/*')) {
    errors.push(at.invalid(resources, "if '*/*' is present, must not specify other resources"))
  }
  if (isPlain && resources.includes('*')) {
    errors.push(at.invalid(resources, "if '*' is present, must not specify other resources without subresources"))
  }
  return errors
}

export function validateMatchResources(match: MatchResources | undefined, at: Path): FieldError[] {
  if (!match) return []
  const { matchPolicy, namespaceSelector, objectSelector, resourceRules = [], excludeResourceRules = [] } = match
  const policyAt = at.child('matchPolicy')
  const selectorErrors = (selector: typeof objectSelector, here: Path) =>
    selector ? validateLabelSelector(selector, here) : [here.required()]
  return [
    ...(matchPolicy === undefined ? [policyAt.required()] : []),
    ...(matchPolicy !== undefined && !matchPolicies.includes(matchPolicy)
      ? [policyAt.notSupported(matchPolicy, matchPolicies)]
      : []),
    ...selectorErrors(namespaceSelector, at.child('namespaceSelector')),
    ...selectorErrors(objectSelector, at.child('objectSelector')),
    ...resourceRules.flatMap((rule, index) => namedErrors(rule, at.child('resourceRules').index(index))),
    ...excludeResourceRules.flatMap((rule, index) => namedErrors(rule, at.child('excludeResourceRules').index(index))),
  ]
}

function namedErrors(rule: NamedRuleWithOperations, at: Path): FieldError[] {
  const { resourceNames = [] } = rule
  const names = resourceNames.flatMap((name, index) => {
    const here = at.child('resourceNames').index(index)
    const isRepeated = resourceNames.indexOf(name) < index
    return [...formatted(isPathSegmentName, name, here), ...(isRepeated ? [here.duplicate(name)] : [])]
  })
  return [...names, ...validateRule(rule, at)]
}

const maxConditions = 64

export function validateMatchConditions(conditions: readonly MatchCondition[] = [], at: Path, hasParams: boolean): FieldError[] {
  const errors = conditions.length > maxConditions ? [at.tooMany(conditions.length, maxConditions)] : []
  const names = new Set<string>()
  for (const [index, { name, expression }] of conditions.entries()) {
    const here = at.index(index)
    errors.push(
      ...filledExpression(expression.trim(), { as: 'matchCondition', hasParams, variables: [] }, here.child('expression')),
    )
    if (name === '') errors.push(here.child('name').required())
    else errors.push(...isQualifiedName(name).map((problem) => here.child('name').invalid(name, problem)))
    if (name !== '' && names.has(name)) errors.push(here.child('name').duplicate(name))
    names.add(name)
  }
  return errors
}

function filledExpression(expression: string, use: ExpressionUse, at: Path): FieldError[] {
  return expression === '' ? [at.required()] : expressionErrors(expression, use, at)
}

const identifier = /^[_a-zA-Z][_a-zA-Z0-9]*$/
const reserved = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
)

export function validateVariables(variables: readonly Variable[] = [], at: Path, hasParams: boolean): FieldError[] {
  return variables.flatMap(({ name, expression }, index) => {
    const here = at.index(index)
    const use: ExpressionUse = { as: 'variable', hasParams, variables: variables.slice(0, index).map((before) => before.name) }
    return [
      ...variableNameErrors(name, here.child('name')),
      ...(expression.trim() === ''
        ? [here.child('expression').required('expression is not specified')]
        : expressionErrors(expression, use, here.child('expression'))),
    ]
  })
}

function variableNameErrors(name: string, at: Path): FieldError[] {
  if (name.trim() === '') return [at.required('name is not specified')]
  return identifier.test(name) && !reserved.has(name) ? [] : [at.invalid(name, 'name is not a valid CEL identifier')]
}

export function validateParamKind({ apiVersion = '', kind = '' }: ParamKind, at: Path): FieldError[] {
  const errors = apiVersion === '' ? [at.child('apiVersion').required()] : apiVersionErrors(apiVersion, at.child('apiVersion'))
  const here = at.child('kind')
  if (kind === '') return [...errors, here.required()]
  const problems = isDns1035Label(kind.toLowerCase())
  if (problems.length === 0) return errors
  return [...errors, here.invalid(kind, `may have mixed case, but should otherwise match: ${problems.join(',')}`)]
}

function apiVersionErrors(apiVersion: string, at: Path): FieldError[] {
  const parts = apiVersion === '/' ? ['', ''] : apiVersion.split('/')
  if (parts.length > 2) return [at.invalid(apiVersion, `unexpected GroupVersion string: ${apiVersion}`)]
  const [group, version] = parts.length === 1 ? ['', parts[0] as string] : (parts as [string, string])
  const groupProblems = group === '' ? [] : isDns1123Subdomain(group)
  const errors = groupProblems.length > 0 ? [at.invalid(group, groupProblems.join(','))] : []
  if (version === '') return [...errors, at.invalid(apiVersion, 'version must be specified')]
  const problems = isDns1035Label(version)
  return problems.length > 0 ? [...errors, at.invalid(version, problems.join(','))] : errors
}

interface BindingSpec {
  readonly policyName?: string | undefined
  readonly paramRef?: ParamRef | undefined
  readonly matchResources?: MatchResources | undefined
}

/** What bindings of both kinds of policies have. */
export function validateBindingSpec({ policyName = '', paramRef, matchResources }: BindingSpec, at: Path): FieldError[] {
  const here = at.child('policyName')
  return [
    ...(policyName === '' ? [here.required()] : dnsSubdomain(policyName, here)),
    ...(paramRef ? paramRefErrors(paramRef, at.child('paramRef')) : []),
    // Upstream's own spelling of the field.
    ...validateMatchResources(matchResources, at.child('matchResouces')),
  ]
}

const missingActions = ['Deny', 'Allow']

function paramRefErrors({ name = '', selector, parameterNotFoundAction: action = '' }: ParamRef, at: Path): FieldError[] {
  const exclusive = 'name and selector are mutually exclusive'
  const here = at.child('parameterNotFoundAction')
  return [
    ...(name ? formatted(isPathSegmentName, name, at.child('name')) : []),
    ...(name && selector ? [at.child('name').forbidden(exclusive)] : []),
    ...validateLabelSelector(selector, at.child('selector')),
    ...(name && selector ? [at.child('selector').forbidden(exclusive)] : []),
    ...(name || selector ? [] : [at.required('one of name or selector must be specified')]),
    ...(action === '' ? [here.required()] : missingActions.includes(action) ? [] : [here.notSupported(action, missingActions)]),
  ]
}

/** Fills in what a match leaves open. */
export function defaultMatch(match: MatchResources | undefined): void {
  if (!match) return
  match.matchPolicy ??= 'Equivalent'
  match.namespaceSelector ??= {}
  match.objectSelector ??= {}
  for (const rule of [...(match.resourceRules ?? []), ...(match.excludeResourceRules ?? [])]) rule.scope ??= '*'
}
