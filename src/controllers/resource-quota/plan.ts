/** What a quota's status is to say, from the objects of its namespace (upstream `resource_quota_controller.go`). */
import { maskAmounts } from '#api/core/v1/quota-amounts.ts'
import { isIgnoredByQuota, type QuotaEvaluator, quotaEvaluator, usedAmounts } from '#api/core/v1/quota-usage.ts'
import type { ResourceQuota, ResourceQuotaStatus } from '#api/core/v1/resource-quota.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'

/** The objects of one resource, or only how many there are, where nothing else is asked about them. */
export interface Counted {
  readonly evaluator: QuotaEvaluator
  readonly objects: readonly KubeObject[]
  readonly number?: number
}

/** `now` in milliseconds. What is not counted any more keeps the number it had; what has no bound is not shown. */
export function planQuota({ spec, status }: ResourceQuota, counted: readonly Counted[], now: number): ResourceQuotaStatus {
  const { hard = {} } = spec
  let used: Record<string, string> = { ...status.used }
  for (const { evaluator, objects, number } of counted) {
    const amounts = usedAmounts({ spec, hard }, { evaluator, objects, now })
    const numbers = number === undefined ? {} : Object.fromEntries(Object.keys(amounts).map((name) => [name, String(number)]))
    used = { ...used, ...amounts, ...numbers }
  }
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
