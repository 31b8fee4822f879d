/** LocalSubjectAccessReview: may somebody do something in this namespace? */

import { SubjectAccessReviewSpec, SubjectAccessReviewStatus } from '#api/authorization/v1/subject-access-review.ts'
import { validateAttributes, validateNoMetadata, validateSelectors, validateSubject } from '#api/authorization/v1/validation.ts'
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always } from '#schema/words.ts'

const kind = defineKind({
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'LocalSubjectAccessReview',
  plural: 'localsubjectaccessreviews',
  scope: 'Namespaced',
  doc: 'Asks whether somebody may do something in one namespace.',
  schemaName: 'io.k8s.api.authorization.v1.LocalSubjectAccessReview',
  virtual: true,
  verbs: ['create'],
  fields: {
    spec: always(2, SubjectAccessReviewSpec, { isRequired: true }),
    status: always(3, SubjectAccessReviewStatus),
  },
  validate: ({ metadata, spec }, at) => [
    ...validateAttributes(spec, at.child('spec')),
    ...validateSubject(spec, at.child('spec')),
    ...validateSelectors(spec.resourceAttributes, at.child('spec', 'resourceAttributes')),
    ...validateNoMetadata(metadata, at, { allowed: ['namespace'] }),
    spec.resourceAttributes &&
      (spec.resourceAttributes.namespace ?? '') !== metadata.namespace &&
      at
        .child('spec', 'resourceAttributes', 'namespace')
        .invalid(spec.resourceAttributes.namespace ?? '', 'must match metadata.namespace'),
    spec.nonResourceAttributes &&
      at
        .child('spec', 'nonResourceAttributes')
        .invalid(
          { Path: spec.nonResourceAttributes.path ?? '', Verb: spec.nonResourceAttributes.verb ?? '' },
          'disallowed on this kind of request',
        ),
  ],
})

export interface LocalSubjectAccessReview extends ObjectOf<typeof kind> {}
export const LocalSubjectAccessReview: Kind<'LocalSubjectAccessReview', LocalSubjectAccessReview> = kind
