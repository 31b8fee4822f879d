/** The scopes of a quota: which objects it is about (upstream `quota/v1/generic/evaluator.go`). */
import type { ResourceQuotaSpec, ScopedResourceSelectorRequirement } from '#api/core/v1/resource-quota.ts'

/** Plain scopes count as requirements that they exist. */
export function scopesOf({ scopes = [], scopeSelector }: ResourceQuotaSpec): ScopedResourceSelectorRequirement[] {
  const plain = scopes.map((scopeName) => ({ scopeName, operator: 'Exists' as const }))
  return [...plain, ...(scopeSelector?.matchExpressions ?? [])]
}

/** Whether any of an object's values fits; an object may have none. */
export function valueMatches(
  { operator, values: wanted = [] }: ScopedResourceSelectorRequirement,
  values: readonly string[],
): boolean {
  switch (operator) {
    case 'Exists':
      return values.length > 0
    case 'DoesNotExist':
      return values.length === 0
    case 'In':
      return values.some((value) => wanted.includes(value))
    case 'NotIn':
      return values.length === 0 || values.some((value) => !wanted.includes(value))
    default:
      return false
  }
}
