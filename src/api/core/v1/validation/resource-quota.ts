/** Rules for ResourceQuotas (upstream `ValidateResourceQuota`, `...Update`, `...StatusUpdate`). */
import { isHugePages } from '#api/core/v1/pod-resources.ts'
import type {
  QuotaParts,
  ResourceQuotaSpec,
  ResourceQuotaStatus,
  ScopedResourceSelectorRequirement,
} from '#api/core/v1/resource-quota.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { validateFinalizers } from './metadata.ts'
import { resourceName, resourceQuantityErrors } from './resources.ts'

export function validateQuota({ metadata, spec }: QuotaParts, at: Path): FieldError[] {
  const here = at.child('spec')
  return [...validateFinalizers(metadata, at), ...amountErrors(spec.hard, here.child('hard')), ...scopeErrors(spec, here)]
}

export function validateQuotaUpdate({ spec }: QuotaParts, old: QuotaParts, at: Path): FieldError[] {
  const [now, before] = [new Set<string>(spec.scopes), new Set<string>(old.spec.scopes)]
  const isSame = now.size === before.size && [...now].every((scope) => before.has(scope))
  return isSame ? [] : [at.child('spec', 'scopes').invalid(spec.scopes ?? null, 'field is immutable')]
}

export function validateQuotaStatus({ hard, used }: ResourceQuotaStatus, at: Path): FieldError[] {
  return [...amountErrors(hard, at.child('hard')), ...amountErrors(used, at.child('used'))]
}

function amountErrors(amounts: Readonly<Record<string, string>> = {}, at: Path): FieldError[] {
  return Object.entries(amounts).flatMap(([name, value]) => [
    ...quotaName(name, at.key(name)),
    ...resourceQuantityErrors(name, value, at.key(name)),
  ])
}

const computed = ['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory']
const standard: ReadonlySet<string> = new Set([
  ...computed,
  ...['ephemeral-storage', 'requests.ephemeral-storage', 'limits.ephemeral-storage', 'requests.storage'],
  ...['pods', 'resourcequotas', 'services', 'replicationcontrollers', 'secrets', 'persistentvolumeclaims', 'configmaps'],
  ...['services.nodeports', 'services.loadbalancers'],
])

function isStandard(name: string): boolean {
  return standard.has(name) || isHugePages(name) || name.startsWith('requests.hugepages-')
}

function quotaName(name: string, at: Path): FieldError[] {
  const errors = resourceName(name, at)
  const isFine = name.includes('/') || isStandard(name)
  return isFine ? errors : [...errors, at.invalid(name, 'must be a standard resource for quota')]
}

const scopes = [
  'Terminating',
  'NotTerminating',
  'BestEffort',
  'NotBestEffort',
  'PriorityClass',
  'CrossNamespacePodAffinity',
  'VolumeAttributesClass',
]

/** Whether a scope says anything about objects that a resource is counted of. */
function fits(scope: string, name: string): boolean {
  if (scope === 'BestEffort') return name === 'pods'
  if (scope === 'VolumeAttributesClass') return name === 'persistentvolumeclaims' || name === 'requests.storage'
  return !scopes.includes(scope) || name === 'pods' || computed.includes(name)
}

const conflicts = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
] as const

function scopeErrors(spec: ResourceQuotaSpec, at: Path): FieldError[] {
  const here = at.child('scopes')
  const hard = Object.keys(spec.hard ?? {}).sort()
  const given: readonly string[] = spec.scopes ?? []
  const errors = given.flatMap((scope) => [
    ...(scopes.includes(scope) ? [] : [here.invalid(given, 'unsupported scope')]),
    ...unfitting(scope, hard).map(() => here.invalid(given, 'unsupported scope applied to resource')),
  ])
  errors.push(...conflictErrors(given, given, here))
  if (!spec.scopeSelector) return errors
  const rulesAt = at.child('scopeSelector', 'matchExpressions')
  const rules = spec.scopeSelector.matchExpressions ?? []
  return [
    ...errors,
    ...rules.flatMap((rule) => [
      ...(scopes.includes(rule.scopeName) ? [] : [rulesAt.child('scopeName').invalid(rule.scopeName, 'unsupported scope')]),
      ...unfitting(rule.scopeName, hard).map(() =>
        rulesAt.invalid(shownSelector(rules), 'unsupported scope applied to resource'),
      ),
      ...ruleErrors(rule, rulesAt),
    ]),
    ...conflictErrors(
      rules.map(({ scopeName }) => scopeName),
      spec.scopes ?? null,
      rulesAt,
    ),
  ]
}

function unfitting(scope: string, hard: readonly string[]): string[] {
  return hard.filter((name) => isStandard(name) && (!scopes.includes(scope) || !fits(scope, name)))
}

function conflictErrors(given: readonly string[], shown: unknown, at: Path): FieldError[] {
  return conflicts.flatMap(([a, b]) => (given.includes(a) && given.includes(b) ? [at.invalid(shown, 'conflicting scopes')] : []))
}

/** As Go prints the internal struct. */
function shownSelector(rules: readonly ScopedResourceSelectorRequirement[]): unknown {
  const shown = rules.map(({ scopeName, operator, values }) => ({
    ScopeName: scopeName,
    Operator: operator,
    Values: values ?? null,
  }))
  return { MatchExpressions: shown }
}

const withoutValues =
  "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"

function ruleErrors({ scopeName, operator, values = [] }: ScopedResourceSelectorRequirement, at: Path): FieldError[] {
  const errors: FieldError[] = []
  const takesValues = scopeName === 'PriorityClass' || scopeName === 'VolumeAttributesClass' || !scopes.includes(scopeName)
  if (!takesValues && operator !== 'Exists') errors.push(at.child('operator').invalid(operator, withoutValues))
  const valuesAt = at.child('values')
  if (operator === 'In' || operator === 'NotIn') {
    const message = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
    if (values.length === 0) errors.push(valuesAt.required(message))
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    const message = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
    if (values.length > 0) errors.push(valuesAt.invalid(values, message))
  } else {
    errors.push(at.child('operator').invalid(operator, 'not a valid selector operator'))
  }
  return errors
}
