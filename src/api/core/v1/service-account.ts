/** service-account: ServiceAccount. */
import { LocalObjectReference, ObjectReference } from '#api/core/v1/object-reference.ts'
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { boolean, list, optional, pointer } from '#schema/words.ts'

const kind = defineKind({
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  scope: 'Namespaced',
  schemaName: 'io.k8s.api.core.v1.ServiceAccount',
  shortNames: ['sa'],
  fields: {
    secrets: optional(2, list(ObjectReference, { listType: 'map', mapKeys: ['name'], mergeKey: 'name' })),
    imagePullSecrets: optional(3, list(LocalObjectReference, { listType: 'atomic' })),
    automountServiceAccountToken: pointer(4, boolean()),
  },
})

export interface ServiceAccount extends ObjectOf<typeof kind> {}
export const ServiceAccount: Kind<'ServiceAccount', ServiceAccount> = kind
