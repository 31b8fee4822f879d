/** Whether one RBAC rule covers one request (upstream `pkg/apis/rbac/v1/evaluation_helpers.go`). */
import type { PolicyRule } from '#api/rbac/v1/role.ts'
import { withoutTrailing } from '#lib/trailing.ts'
import type { Attributes } from './authorizer.ts'

export function rulesAllow(rules: readonly PolicyRule[] | undefined, attributes: Attributes): boolean {
  return rules?.some((rule) => ruleAllows(rule, attributes)) ?? false
}

export function ruleAllows(rule: PolicyRule, attributes: Attributes): boolean {
  if (!holds(rule.verbs, attributes.verb)) return false
  if (!attributes.isResource) return rule.nonResourceURLs?.some((url) => urlMatches(url, attributes.path)) ?? false
  return holds(rule.apiGroups, attributes.group) && resourceMatches(rule, attributes) && nameMatches(rule, attributes.name)
}

function holds(list: readonly string[] | undefined, value: string): boolean {
  return list?.some((entry) => entry === '*' || entry === value) ?? false
}

/** A resource stands as `pods`, `pods/log`, `*\/scale` (any resource's subresource) or `*`; `pods` alone does not cover `pods/log`. */
function resourceMatches({ resources = [] }: PolicyRule, { resource, subresource }: Attributes): boolean {
  const whole = subresource ? `${resource}/${subresource}` : resource
  return resources.some((entry) => entry === '*' || entry === whole || (subresource !== '' && entry === `*/${subresource}`))
}

function nameMatches({ resourceNames = [] }: PolicyRule, name: string): boolean {
  return resourceNames.length === 0 || resourceNames.includes(name)
}

/** A trailing `*` stands for any ending. */
export function urlMatches(pattern: string, path: string): boolean {
  if (pattern === '*' || pattern === path) return true
  return pattern.endsWith('*') && path.startsWith(withoutTrailing(pattern, '*'))
}
