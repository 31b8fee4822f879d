/** TokenReview: asks whose token this is. */
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, boolean, list, map, object, optional, type Schema, string, type TypeOf } from '#schema/words.ts'

const tokenReviewSpec = object('io.k8s.api.authentication.v1.TokenReviewSpec', {
  token: optional(1, string(), { isRequired: true }),
  audiences: optional(2, list(string(), { listType: 'atomic' })),
})
export interface TokenReviewSpec extends TypeOf<typeof tokenReviewSpec> {}
export const TokenReviewSpec: Schema<TokenReviewSpec> = tokenReviewSpec

const userInfo = object('io.k8s.api.authentication.v1.UserInfo', {
  username: optional(1, string()),
  uid: optional(2, string()),
  groups: optional(3, list(string(), { listType: 'atomic' })),
  extra: optional(4, map(list(string()))),
})
export interface UserInfo extends TypeOf<typeof userInfo> {}
export const UserInfo: Schema<UserInfo> = userInfo

const tokenReviewStatus = object('io.k8s.api.authentication.v1.TokenReviewStatus', {
  authenticated: optional(1, boolean()),
  user: always(2, UserInfo),
  audiences: optional(4, list(string(), { listType: 'atomic' })),
  error: optional(3, string()),
})
export interface TokenReviewStatus extends TypeOf<typeof tokenReviewStatus> {}
export const TokenReviewStatus: Schema<TokenReviewStatus> = tokenReviewStatus

const kind = defineKind({
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'TokenReview',
  plural: 'tokenreviews',
  scope: 'Cluster',
  doc: 'Asks whether a token is good, and whose it is.',
  schemaName: 'io.k8s.api.authentication.v1.TokenReview',
  virtual: true,
  verbs: ['create'],
  fields: {
    spec: always(2, TokenReviewSpec, { isRequired: true }),
    status: always(3, TokenReviewStatus),
  },
})

export interface TokenReview extends ObjectOf<typeof kind> {}
export const TokenReview: Kind<'TokenReview', TokenReview> = kind
