/** Which requests a rule is about (upstream `policy/matching/matching.go`, `webhook/predicates`); webhooks go by the same. */
import type { MatchResources, NamedRuleWithOperations } from '#api/admissionregistration/v1/rule.ts'
import { Namespace } from '#api/core/v1/namespace.ts'
import type { Kind } from '#schema/kind.ts'
import { type LabelMatcher, labelSelectorMatcher } from '#schema/selector.ts'
import type { AdmissionContext, AdmissionRequest } from '../plugin.ts'

/** Answers the kind that matched, which is another version of the request's kind where the rule names that; undefined: no match. */
export type Match = (request: AdmissionRequest, context: Pick<AdmissionContext, 'lister' | 'kinds'>) => Kind | undefined

/** Compiled once; resources are looked at first, since they rule out most requests. */
export function matcherOf(resources: MatchResources | undefined): Match {
  if (!resources) return ({ kind }) => kind
  const { resourceRules = [], excludeResourceRules = [], matchPolicy } = resources
  const selectsNamespace = selectorOf(resources.namespaceSelector)
  const selectsObject = selectorOf(resources.objectSelector)
  const rules: Rules = { rules: resourceRules, equivalent: matchPolicy !== 'Exact' }
  const excluded: Rules = { rules: excludeResourceRules, equivalent: matchPolicy !== 'Exact' }
  const named = new Places(resourceRules)
  return (request, context) => {
    const isNamed = resourceRules.length === 0 || named.have(request)
    const matched = isNamed ? request.kind : matchedKind(rules, request, context)
    if (!matched || (excludeResourceRules.length > 0 && matchedKind(excluded, request, context))) return undefined
    if (selectsObject && !objectMatches(selectsObject, request)) return undefined
    if (selectsNamespace && !namespaceMatches(selectsNamespace, request, context)) return undefined
    return matched
  }
}

/** Where the rules name the request's own kind; what does not depend on the object's name is found out once. */
class Places {
  readonly #rules: readonly NamedRuleWithOperations[]
  readonly #known = new WeakMap<Kind, Record<string, boolean>>()

  constructor(rules: readonly NamedRuleWithOperations[]) {
    this.#rules = rules.filter(({ resourceNames = [] }) => resourceNames.length === 0)
  }

  have(request: AdmissionRequest): boolean {
    const { kind, operation, subresource } = request
    let places = this.#known.get(kind)
    if (!places) this.#known.set(kind, (places = Object.create(null) as Record<string, boolean>))
    const place = subresource === '' ? operation : `${operation} ${subresource}`
    return (places[place] ??= this.#rules.some((rule) => ruleMatches(rule, request, kind)))
  }
}

/** Undefined where everything is selected. */
function selectorOf(selector: MatchResources['objectSelector']): LabelMatcher | undefined {
  const matcher = selector && labelSelectorMatcher(selector)
  return matcher?.isEmpty ? undefined : matcher
}

interface Rules {
  readonly rules: readonly NamedRuleWithOperations[]
  readonly equivalent: boolean
}

function matchedKind(
  { rules, equivalent }: Rules,
  request: AdmissionRequest,
  { kinds }: Pick<AdmissionContext, 'kinds'>,
): Kind | undefined {
  const { kind } = request
  if (rules.some((rule) => ruleMatches(rule, request, kind))) return kind
  if (!equivalent || !kinds) return undefined
  return equivalents(kind, kinds.all()).find((other) => rules.some((rule) => ruleMatches(rule, request, other)))
}

/** Other versions of the same objects. */
function equivalents(kind: Kind, all: readonly Kind[]): Kind[] {
  return all.filter((other) => other !== kind && other.plural === kind.plural && storageOf(other) === storageOf(kind))
}

function storageOf(kind: Kind): string {
  const { group, plural } = kind.def.storedAs?.kind() ?? kind
  return `${group}/${plural}`
}

function ruleMatches(
  rule: NamedRuleWithOperations,
  request: AdmissionRequest,
  { group, version, plural, namespaced }: Kind,
): boolean {
  const { operations = [], apiGroups = [], apiVersions = [], resources = [], resourceNames = [], scope = '*' } = rule
  return (
    includes(apiGroups, group) &&
    includes(apiVersions, version) &&
    includes(operations, request.operation) &&
    resources.some((resource) => resourceMatches(resource, plural, request.subresource)) &&
    (scope === '*' || scopeOf(request, namespaced) === scope) &&
    (resourceNames.length === 0 || resourceNames.includes(request.name))
  )
}

/** Namespaces count as cluster-scoped, although their requests happen in themselves. */
function scopeOf({ kind }: AdmissionRequest, namespaced: boolean): string {
  return namespaced && kind.plural !== 'namespaces' ? 'Namespaced' : 'Cluster'
}

function includes(values: readonly string[], value: string): boolean {
  return values.includes('*') || values.includes(value)
}

function resourceMatches(pattern: string, plural: string, subresource: string): boolean {
  const [resource, sub = ''] = pattern.split('/', 2)
  return (resource === '*' || resource === plural) && (sub === '*' || sub === subresource)
}

function objectMatches(matcher: LabelMatcher, { object, old }: AdmissionRequest): boolean {
  return [object, old].some((one) => one?.metadata && matcher.matches(one.metadata.labels))
}

/** Objects outside of namespaces always match; a namespace goes by its own labels. */
function namespaceMatches(
  matcher: LabelMatcher,
  request: AdmissionRequest,
  { lister }: Pick<AdmissionContext, 'lister'>,
): boolean {
  const { kind, namespace, operation, object, old } = request
  if (kind.kind === Namespace.kind && kind.group === '') {
    const own = operation === 'CREATE' || operation === 'UPDATE' ? object : old
    return matcher.matches(own?.metadata?.labels ?? lister.get(Namespace, request.name)?.metadata.labels)
  }
  if (!namespace) return true
  return matcher.matches(lister.get(Namespace, namespace)?.metadata.labels)
}
