/** SelfSubjectAccessReview: may I do this? */

import {
  NonResourceAttributes,
  ResourceAttributes,
  SubjectAccessReviewStatus,
} from '#api/authorization/v1/subject-access-review.ts'
import { validateAttributes, validateNoMetadata, validateSelectors } from '#api/authorization/v1/validation.ts'
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
  doc: 'Asks whether the caller may do something.',
  schemaName: 'io.k8s.api.authorization.v1.SelfSubjectAccessReview',
  virtual: true,
  verbs: ['create'],
  fields: {
    spec: always(2, SelfSubjectAccessReviewSpec, { isRequired: true }),
    status: always(3, SubjectAccessReviewStatus),
  },
  validate: ({ metadata, spec }, at) => [
    ...validateAttributes(spec, at.child('spec')),
    ...validateSelectors(spec.resourceAttributes, at.child('spec', 'resourceAttributes')),
    ...validateNoMetadata(metadata, at),
  ],
})

export interface SelfSubjectAccessReview extends ObjectOf<typeof kind> {}
export const SelfSubjectAccessReview: Kind<'SelfSubjectAccessReview', SelfSubjectAccessReview> = kind
