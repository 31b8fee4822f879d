/** self-subject-access-review: SelfSubjectAccessReview. */
import {
  NonResourceAttributes,
  ResourceAttributes,
  SubjectAccessReviewStatus,
} from '#api/authorization/v1/subject-access-review.ts'
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, object, pointer, type Schema, type TypeOf } from '#schema/words.ts'

const selfSubjectAccessReviewSpec = object('io.k8s.api.authorization.v1.SelfSubjectAccessReviewSpec', {
  resourceAttributes: pointer(1, ResourceAttributes),
  nonResourceAttributes: pointer(2, NonResourceAttributes),
})
export interface SelfSubjectAccessReviewSpec extends TypeOf<typeof selfSubjectAccessReviewSpec> {}
export const SelfSubjectAccessReviewSpec: Schema<SelfSubjectAccessReviewSpec> = selfSubjectAccessReviewSpec

const kind = defineKind({
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'SelfSubjectAccessReview',
  plural: 'selfsubjectaccessreviews',
  scope: 'Cluster',
  schemaName: 'io.k8s.api.authorization.v1.SelfSubjectAccessReview',
  virtual: true,
  verbs: ['create'],
  fields: {
    spec: always(2, SelfSubjectAccessReviewSpec),
    status: always(3, SubjectAccessReviewStatus),
  },
})

export interface SelfSubjectAccessReview extends ObjectOf<typeof kind> {}
export const SelfSubjectAccessReview: Kind<'SelfSubjectAccessReview', SelfSubjectAccessReview> = kind
