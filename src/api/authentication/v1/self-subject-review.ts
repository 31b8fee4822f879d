/** SelfSubjectReview: who does the server think I am? */
import { UserInfo } from '#api/authentication/v1/token-review.ts'
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, object, type Schema, type TypeOf } from '#schema/words.ts'

const selfSubjectReviewStatus = object('io.k8s.api.authentication.v1.SelfSubjectReviewStatus', {
  userInfo: always(1, UserInfo),
})
export interface SelfSubjectReviewStatus extends TypeOf<typeof selfSubjectReviewStatus> {}
export const SelfSubjectReviewStatus: Schema<SelfSubjectReviewStatus> = selfSubjectReviewStatus

const kind = defineKind({
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'SelfSubjectReview',
  plural: 'selfsubjectreviews',
  scope: 'Cluster',
  doc: 'Tells the caller who the server takes it for.',
  schemaName: 'io.k8s.api.authentication.v1.SelfSubjectReview',
  virtual: true,
  verbs: ['create'],
  fields: {
    status: always(2, SelfSubjectReviewStatus),
  },
})

export interface SelfSubjectReview extends ObjectOf<typeof kind> {}
export const SelfSubjectReview: Kind<'SelfSubjectReview', SelfSubjectReview> = kind
