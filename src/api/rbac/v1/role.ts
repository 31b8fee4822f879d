/** role: Role. */
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, list, object, optional, type Schema, string, type TypeOf } from '#schema/words.ts'

const policyRule = object('io.k8s.api.rbac.v1.PolicyRule', {
  verbs: always(1, list(string(), { listType: 'atomic' })),
  apiGroups: optional(2, list(string(), { listType: 'atomic' })),
  resources: optional(3, list(string(), { listType: 'atomic' })),
  resourceNames: optional(4, list(string(), { listType: 'atomic' })),
  nonResourceURLs: optional(5, list(string(), { listType: 'atomic' })),
})
export interface PolicyRule extends TypeOf<typeof policyRule> {}
export const PolicyRule: Schema<PolicyRule> = policyRule

const kind = defineKind({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'Role',
  plural: 'roles',
  scope: 'Namespaced',
  schemaName: 'io.k8s.api.rbac.v1.Role',
  nameFormat: 'pathSegment',
  fields: {
    rules: always(2, list(PolicyRule, { listType: 'atomic' })),
  },
})

export interface Role extends ObjectOf<typeof kind> {}
export const Role: Kind<'Role', Role> = kind
