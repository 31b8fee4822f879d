/** Role: rules about what may be done in one namespace. */
import { validateRules } from '#api/rbac/v1/validation.ts'
import { createdAt, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, list, object, optional, type Schema, string, type TypeOf } from '#schema/words.ts'

const policyRule = object('io.k8s.api.rbac.v1.PolicyRule', {
  verbs: always(1, list(string(), { listType: 'atomic' }), {
    doc: 'What may be done: get, list, watch, create, ...; * is everything.',
  }),
  apiGroups: optional(2, list(string(), { listType: 'atomic' }), { doc: 'Groups of the resources; "" is the core group.' }),
  resources: optional(3, list(string(), { listType: 'atomic' }), { doc: 'Resources, with subresources as pods/log.' }),
  resourceNames: optional(4, list(string(), { listType: 'atomic' }), { doc: 'Names of objects; none means all.' }),
  nonResourceURLs: optional(5, list(string(), { listType: 'atomic' }), { doc: 'Paths that are no resources.' }),
})
export interface PolicyRule extends TypeOf<typeof policyRule> {}
export const PolicyRule: Schema<PolicyRule> = policyRule

const kind = defineKind({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'Role',
  plural: 'roles',
  scope: 'Namespaced',
  doc: 'A role is a list of rules about what may be done in its namespace.',
  schemaName: 'io.k8s.api.rbac.v1.Role',
  nameFormat: 'pathSegment',
  fields: {
    rules: always(2, list(PolicyRule, { listType: 'atomic' }), {
      isRequired: false,
      nullWhenEmpty: true,
      doc: 'What may be done.',
    }),
  },
  createOnUpdate: true,
  validate: ({ rules }, at) => validateRules(rules, at.child('rules'), { isNamespaced: true }),
  columns: [createdAt],
})

export interface Role extends ObjectOf<typeof kind> {}
export const Role: Kind<'Role', Role> = kind
