/** ServiceAccount: an identity for the processes in pods. */

import { LocalObjectReference, ObjectReference } from '#api/core/v1/object-reference.ts'
import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { boolean, list, optional, pointer } from '#schema/words.ts'

const kind = defineKind({
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  scope: 'Namespaced',
  doc: 'A service account is an identity that processes in pods act with.',
  schemaName: 'io.k8s.api.core.v1.ServiceAccount',
  shortNames: ['sa'],
  fields: {
    secrets: optional(2, list(ObjectReference, { listType: 'map', mapKeys: ['name'], mergeKey: 'name' }), {
      doc: 'Secrets that pods of the account may use.',
    }),
    imagePullSecrets: optional(3, list(LocalObjectReference, { listType: 'atomic' }), {
      doc: 'Secrets for pulling images of pods of the account.',
    }),
    automountServiceAccountToken: pointer(4, boolean(), { doc: 'Whether pods get a token.' }),
  },
  subresources: { token: { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest', verbs: ['create'] } },
  prepare(account) {
    if (account.secrets) account.secrets = account.secrets.map(({ name }) => (name ? { name } : {}))
  },
  validate: ({ metadata }, at) => validateFinalizers(metadata, at),
  warnings({ metadata }, old) {
    const annotation = 'kubernetes.io/enforce-mountable-secrets'
    if (old?.metadata.annotations?.[annotation] !== undefined || metadata.annotations?.[annotation] === undefined) return []
    const advice = 'deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets'
    return [`metadata.annotations[${annotation}]: ${advice}`]
  },
  columns: [age],
})

export interface ServiceAccount extends ObjectOf<typeof kind> {}
export const ServiceAccount: Kind<'ServiceAccount', ServiceAccount> = kind
