/** cluster-role-binding: ClusterRoleBinding. */
import { RoleRef, Subject } from '#api/rbac/v1/role-binding.ts'
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, list, optional } from '#schema/words.ts'

const kind = defineKind({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  kind: 'ClusterRoleBinding',
  plural: 'clusterrolebindings',
  scope: 'Cluster',
  schemaName: 'io.k8s.api.rbac.v1.ClusterRoleBinding',
  nameFormat: 'pathSegment',
  fields: {
    subjects: optional(2, list(Subject, { listType: 'atomic' })),
    roleRef: always(3, RoleRef),
  },
})

export interface ClusterRoleBinding extends ObjectOf<typeof kind> {}
export const ClusterRoleBinding: Kind<'ClusterRoleBinding', ClusterRoleBinding> = kind
