/** Collects into a ClusterRole the rules of all those that its aggregation rule selects, as `view`, `edit` and `admin` want it. */
import { isDeepStrictEqual } from 'node:util'
import { ClusterRole } from '#api/rbac/v1/cluster-role.ts'
import type { PolicyRule } from '#api/rbac/v1/role.ts'
import { labelSelectorMatcher } from '#schema/selector.ts'
import { type Caches, defineController } from './runtime/controller.ts'

export const clusterRoleAggregationController = defineController({
  name: 'clusterrole-aggregation-controller',
  for: ClusterRole,
  writes: [ClusterRole],
  // It writes rules that it does not hold.
  grants: [{ groups: ['rbac.authorization.k8s.io'], resources: ['clusterroles'], verbs: ['escalate'] }],
  watches: [
    {
      kind: ClusterRole,
      visits: (_, caches: Caches<typeof ClusterRole>) =>
        caches
          .list(ClusterRole)
          .filter(({ aggregationRule }) => aggregationRule)
          .map(({ metadata }) => ({ name: metadata.name })),
    },
  ],

  async reconcile(role, cluster) {
    if (!role.aggregationRule) return
    const rules = planRules(role, cluster.list(ClusterRole))
    if (!isDeepStrictEqual(rules, role.rules)) await cluster.update(ClusterRole, { ...role, rules })
  },
})

/** In the order of the selectors, then of names; each rule once. */
export function planRules(role: ClusterRole, all: readonly ClusterRole[]): PolicyRule[] {
  const others = all
    .filter(({ metadata }) => metadata.name !== role.metadata.name)
    .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
  const rules: PolicyRule[] = []
  for (const selector of role.aggregationRule?.clusterRoleSelectors ?? []) {
    const matcher = labelSelectorMatcher(selector)
    const selected = others.filter(({ metadata }) => matcher.matches(metadata.labels ?? {}))
    for (const rule of selected.flatMap((other) => other.rules ?? [])) {
      if (!rules.some((known) => isDeepStrictEqual(known, rule))) rules.push(rule)
    }
  }
  return rules
}
