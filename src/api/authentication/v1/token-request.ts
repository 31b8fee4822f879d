/** TokenRequest: asks for a token of a service account; the body of `serviceaccounts/token`. */
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, int64, list, object, optional, pointer, type Schema, string, type TypeOf, time } from '#schema/words.ts'

const boundObjectReference = object('io.k8s.api.authentication.v1.BoundObjectReference', {
  kind: optional(1, string()),
  apiVersion: optional(2, string()),
  name: optional(3, string()),
  uid: optional(4, string()),
})
export interface BoundObjectReference extends TypeOf<typeof boundObjectReference> {}
export const BoundObjectReference: Schema<BoundObjectReference> = boundObjectReference

const tokenRequestSpec = object('io.k8s.api.authentication.v1.TokenRequestSpec', {
  audiences: always(1, list(string(), { listType: 'atomic' }), { isRequired: false }),
  expirationSeconds: pointer(4, int64(), { default: 3600 }),
  boundObjectRef: pointer(3, BoundObjectReference),
})
export interface TokenRequestSpec extends TypeOf<typeof tokenRequestSpec> {}
export const TokenRequestSpec: Schema<TokenRequestSpec> = tokenRequestSpec

const tokenRequestStatus = object('io.k8s.api.authentication.v1.TokenRequestStatus', {
  token: always(1, string(), { isRequired: false }),
  expirationTimestamp: always(2, time()),
})
export interface TokenRequestStatus extends TypeOf<typeof tokenRequestStatus> {}
export const TokenRequestStatus: Schema<TokenRequestStatus> = tokenRequestStatus

const kind = defineKind({
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'TokenRequest',
  plural: 'tokenrequests',
  scope: 'Namespaced',
  doc: 'Asks for a token of a service account.',
  schemaName: 'io.k8s.api.authentication.v1.TokenRequest',
  virtual: true,
  verbs: ['create'],
  fields: {
    spec: always(2, TokenRequestSpec),
    status: always(3, TokenRequestStatus),
  },
  validate({ spec: { expirationSeconds } }, at) {
    const here = at.child('spec', 'expirationSeconds')
    return [
      expirationSeconds < 600 && here.invalid(expirationSeconds, 'may not specify a duration less than 10 minutes'),
      expirationSeconds > 2 ** 32 && here.invalid(expirationSeconds, 'may not specify a duration larger than 2^32 seconds'),
    ]
  },
})

export interface TokenRequest extends ObjectOf<typeof kind> {}
export const TokenRequest: Kind<'TokenRequest', TokenRequest> = kind
