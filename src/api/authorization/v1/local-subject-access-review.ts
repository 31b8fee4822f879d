/** local-subject-access-review: LocalSubjectAccessReview. */
import { SubjectAccessReviewSpec, SubjectAccessReviewStatus } from '#api/authorization/v1/subject-access-review.ts'
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always } from '#schema/words.ts'

const kind = defineKind({
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'LocalSubjectAccessReview',
  plural: 'localsubjectaccessreviews',
  scope: 'Namespaced',
  schemaName: 'io.k8s.api.authorization.v1.LocalSubjectAccessReview',
  virtual: true,
  verbs: ['create'],
  fields: {
    spec: always(2, SubjectAccessReviewSpec),
    status: always(3, SubjectAccessReviewStatus),
  },
})

export interface LocalSubjectAccessReview extends ObjectOf<typeof kind> {}
export const LocalSubjectAccessReview: Kind<'LocalSubjectAccessReview', LocalSubjectAccessReview> = kind
