/** role-binding: RoleBinding. */
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, list, object, optional, type Schema, string, type TypeOf } from '#schema/words.ts'

const subject = object(
  'io.k8s.api.rbac.v1.Subject',
  {
    kind: always(1, string()),
    apiGroup: optional(2, string()),
    name: always(3, string()),
    namespace: optional(4, string()),
  },
  { atomic: true },
)
export interface Subject extends TypeOf<typeof subject> {}
export const Subject: Schema<Subject> = subject

const roleRef = object(
  'io.k8s.api.rbac.v1.RoleRef',
  {
    apiGroup: always(1, string()),
    kind: always(2, string()),
    name: always(3, string()),
  },
  { atomic: true },
)
export interface RoleRef extends TypeOf<typeof roleRef> {}
export const RoleRef: Schema<RoleRef> = roleRef

const kind = defineKind({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'RoleBinding',
  plural: 'rolebindings',
  scope: 'Namespaced',
  schemaName: 'io.k8s.api.rbac.v1.RoleBinding',
  nameFormat: 'pathSegment',
  fields: {
    subjects: optional(2, list(Subject, { listType: 'atomic' })),
    roleRef: always(3, RoleRef),
  },
})

export interface RoleBinding extends ObjectOf<typeof kind> {}
export const RoleBinding: Kind<'RoleBinding', RoleBinding> = kind
