/** cluster-role: ClusterRole. */
import { LabelSelector } from '#api/meta/v1/label-selector.ts'
import { PolicyRule } from '#api/rbac/v1/role.ts'
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, list, object, optional, pointer, type Schema, type TypeOf } from '#schema/words.ts'

const aggregationRule = object('io.k8s.api.rbac.v1.AggregationRule', {
  clusterRoleSelectors: optional(1, list(LabelSelector, { listType: 'atomic' })),
})
export interface AggregationRule extends TypeOf<typeof aggregationRule> {}
export const AggregationRule: Schema<AggregationRule> = aggregationRule

const kind = defineKind({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'ClusterRole',
  plural: 'clusterroles',
  scope: 'Cluster',
  schemaName: 'io.k8s.api.rbac.v1.ClusterRole',
  nameFormat: 'pathSegment',
  fields: {
    rules: always(2, list(PolicyRule, { listType: 'atomic' })),
    aggregationRule: pointer(3, AggregationRule),
  },
})

export interface ClusterRole extends ObjectOf<typeof kind> {}
export const ClusterRole: Kind<'ClusterRole', ClusterRole> = kind
