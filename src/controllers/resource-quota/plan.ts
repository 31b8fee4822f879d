/** What a quota's status is to say, from the objects of its namespace (upstream `resource_quota_controller.go`). */
import { maskAmounts } from '#api/core/v1/quota-amounts.ts'
import { isIgnoredByQuota, quotaEvaluator } from '#api/core/v1/quota-usage.ts'
import type { ResourceQuota, ResourceQuotaStatus } from '#api/core/v1/resource-quota.ts'
import type { Kind } from '#schema/kind.ts'

/** `counted`: for each resource what is used of its bounds. What is not counted any more keeps the number it had; what has no bound is not shown. */
export function planQuota(
  { spec, status }: ResourceQuota,
  counted: readonly Readonly<Record<string, string>>[],
): ResourceQuotaStatus {
  const { hard = {} } = spec
  let used: Record<string, string> = { ...status.used }
  for (const one of counted) used = { ...used, ...one }
  return { hard, used: maskAmounts(used, Object.keys(hard)) }
}

/** The kinds that some bound is about, one per resource. */
export function countedKinds(hard: Readonly<Record<string, string>>, kinds: readonly Kind[]): readonly Kind[] {
  const names = Object.keys(hard)
  const found = new Map<string, Kind>()
  for (const kind of kinds) {
    const { def, group, plural, namespaced } = kind
    const key = `${plural}.${group}`
    if (!namespaced || def.virtual || found.has(key) || isIgnoredByQuota(kind)) continue
    if (names.some((name) => quotaEvaluator(kind).counts(name))) found.set(key, kind)
  }
  return [...found.values()]
}
