/** RoleBinding: gives a role to users within one namespace. */
import { validateBinding, validateRoleRefKept } from '#api/rbac/v1/validation.ts'
import { age, type Column, defineKind, type Kind, type KubeObject, type ObjectOf } from '#schema/kind.ts'
import { always, list, object, optional, type Schema, string, type TypeOf } from '#schema/words.ts'

const subject = object(
  'io.k8s.api.rbac.v1.Subject',
  {
    kind: always(1, string(), { doc: 'User, Group or ServiceAccount.' }),
    apiGroup: optional(2, string(), { doc: 'Group of the kind.' }),
    name: always(3, string(), { doc: 'Name of the subject.' }),
    namespace: optional(4, string(), { doc: 'Namespace of a service account.' }),
  },
  { atomic: true },
)
export interface Subject extends TypeOf<typeof subject> {}
export const Subject: Schema<Subject> = subject

const roleRef = object(
  'io.k8s.api.rbac.v1.RoleRef',
  {
    apiGroup: always(1, string(), { isRequired: false, doc: 'Group of the role.' }),
    kind: always(2, string(), { doc: 'Role or ClusterRole.' }),
    name: always(3, string(), { doc: 'Name of the role.' }),
  },
  { atomic: true },
)
export interface RoleRef extends TypeOf<typeof roleRef> {}
export const RoleRef: Schema<RoleRef> = roleRef

interface Binding extends KubeObject {
  subjects?: Subject[] | undefined
  roleRef: RoleRef
}

export const bindingColumns: readonly Column<Binding>[] = [
  { name: 'Role', doc: 'The role that is given.', value: ({ roleRef }) => `${roleRef.kind}/${roleRef.name}` },
  age,
  { name: 'Users', priority: 1, doc: 'Users who get it.', value: ({ subjects }) => names(subjects, 'User') },
  { name: 'Groups', priority: 1, doc: 'Groups that get it.', value: ({ subjects }) => names(subjects, 'Group') },
  {
    name: 'ServiceAccounts',
    priority: 1,
    doc: 'Service accounts that get it.',
    value: ({ subjects }) => names(subjects, 'ServiceAccount'),
  },
]

function names(subjects: readonly Subject[] = [], kind: string): string {
  const chosen = subjects.filter((subject) => subject.kind === kind)
  return chosen.map(({ namespace, name }) => (kind === 'ServiceAccount' ? `${namespace ?? ''}/${name}` : name)).join(', ')
}

const rbacGroup = 'rbac.authorization.k8s.io'

/** Users, groups and the role are of the RBAC group where none is named. */
export function defaultBinding({ subjects, roleRef }: { subjects?: Subject[] | undefined; roleRef: RoleRef }): void {
  roleRef.apiGroup ||= rbacGroup
  for (const subject of subjects ?? []) {
    if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup ||= rbacGroup
  }
}

const kind = defineKind({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'RoleBinding',
  plural: 'rolebindings',
  scope: 'Namespaced',
  doc: 'A role binding gives a role to users, groups and service accounts in its namespace.',
  schemaName: 'io.k8s.api.rbac.v1.RoleBinding',
  nameFormat: 'pathSegment',
  fields: {
    subjects: optional(2, list(Subject, { listType: 'atomic' }), { doc: 'Who gets the role.' }),
    roleRef: always(3, RoleRef, { isRequired: true, doc: 'The role; cannot be changed.' }),
  },
  createOnUpdate: true,
  defaults: defaultBinding,
  validate: (binding, at) => validateBinding(binding, at, { isNamespaced: true }),
  validateUpdate: validateRoleRefKept,
  columns: bindingColumns,
})

export interface RoleBinding extends ObjectOf<typeof kind> {}
export const RoleBinding: Kind<'RoleBinding', RoleBinding> = kind
