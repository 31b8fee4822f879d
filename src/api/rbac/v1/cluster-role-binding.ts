/** ClusterRoleBinding: gives a ClusterRole to users everywhere. */

import { bindingColumns, defaultBinding, RoleRef, Subject } from '#api/rbac/v1/role-binding.ts'
import { validateBinding, validateRoleRefKept } from '#api/rbac/v1/validation.ts'
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, list, optional } from '#schema/words.ts'

const kind = defineKind({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'ClusterRoleBinding',
  plural: 'clusterrolebindings',
  scope: 'Cluster',
  doc: 'A cluster role binding gives a cluster role everywhere.',
  schemaName: 'io.k8s.api.rbac.v1.ClusterRoleBinding',
  nameFormat: 'pathSegment',
  fields: {
    subjects: optional(2, list(Subject, { listType: 'atomic' }), { doc: 'Who gets the role.' }),
    roleRef: always(3, RoleRef, { isRequired: true, doc: 'The role; cannot be changed.' }),
  },
  createOnUpdate: true,
  defaults: defaultBinding,
  validate: (binding, at) => validateBinding(binding, at, { isNamespaced: false }),
  validateUpdate: validateRoleRefKept,
  columns: bindingColumns,
})

export interface ClusterRoleBinding extends ObjectOf<typeof kind> {}
export const ClusterRoleBinding: Kind<'ClusterRoleBinding', ClusterRoleBinding> = kind
