/** ClusterRole: rules for all namespaces and for what has none. */

import { isBroken } from '#api/apps/v1/workload.ts'
import { LabelSelector } from '#api/meta/v1/label-selector.ts'
import { PolicyRule } from '#api/rbac/v1/role.ts'
import { validateRules } from '#api/rbac/v1/validation.ts'
import { createdAt, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { validateLabelSelector } from '#schema/validate.ts'
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
  doc: 'A cluster role is a list of rules that can be given in one namespace or in all.',
  schemaName: 'io.k8s.api.rbac.v1.ClusterRole',
  nameFormat: 'pathSegment',
  fields: {
    rules: always(2, list(PolicyRule, { listType: 'atomic' }), {
      isRequired: false,
      nullWhenEmpty: true,
      doc: 'What may be done.',
    }),
    aggregationRule: pointer(3, AggregationRule, { doc: 'Other roles whose rules are collected here.' }),
  },
  createOnUpdate: true,
  validate({ rules, aggregationRule }, at) {
    const here = at.child('aggregationRule', 'clusterRoleSelectors')
    const selectors = aggregationRule?.clusterRoleSelectors ?? []
    const message = 'at least one clusterRoleSelector required if aggregationRule is non-nil'
    return [
      ...validateRules(rules, at.child('rules'), { isNamespaced: false }),
      aggregationRule && selectors.length === 0 && here.required(message),
      ...selectors.flatMap((selector, index) => [
        ...validateLabelSelector(selector, here.index(index)),
        ...(selector.matchExpressions?.some(isBroken) ? [here.index(index).invalid(undefined, 'invalid label selector.')] : []),
      ]),
    ]
  },
  columns: [createdAt],
})

export interface ClusterRole extends ObjectOf<typeof kind> {}
export const ClusterRole: Kind<'ClusterRole', ClusterRole> = kind
