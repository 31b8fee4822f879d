/** SubjectAccessReview: may somebody do something? */
import { validateAttributes, validateNoMetadata, validateSelectors, validateSubject } from '#api/authorization/v1/validation.ts'
import { FieldSelectorRequirement } from '#api/meta/v1/field-selector.ts'
import { LabelSelectorRequirement } from '#api/meta/v1/label-selector.ts'
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, boolean, list, map, object, optional, pointer, type Schema, string, type TypeOf } from '#schema/words.ts'

const fieldSelectorAttributes = object('io.k8s.api.authorization.v1.FieldSelectorAttributes', {
  rawSelector: optional(1, string()),
  requirements: optional(2, list(FieldSelectorRequirement, { listType: 'atomic' })),
})
export interface FieldSelectorAttributes extends TypeOf<typeof fieldSelectorAttributes> {}
export const FieldSelectorAttributes: Schema<FieldSelectorAttributes> = fieldSelectorAttributes

const labelSelectorAttributes = object('io.k8s.api.authorization.v1.LabelSelectorAttributes', {
  rawSelector: optional(1, string()),
  requirements: optional(2, list(LabelSelectorRequirement, { listType: 'atomic' })),
})
export interface LabelSelectorAttributes extends TypeOf<typeof labelSelectorAttributes> {}
export const LabelSelectorAttributes: Schema<LabelSelectorAttributes> = labelSelectorAttributes

const resourceAttributes = object('io.k8s.api.authorization.v1.ResourceAttributes', {
  namespace: optional(1, string()),
  verb: optional(2, string()),
  group: optional(3, string()),
  version: optional(4, string()),
  resource: optional(5, string()),
  subresource: optional(6, string()),
  name: optional(7, string()),
  fieldSelector: pointer(8, FieldSelectorAttributes),
  labelSelector: pointer(9, LabelSelectorAttributes),
})
export interface ResourceAttributes extends TypeOf<typeof resourceAttributes> {}
export const ResourceAttributes: Schema<ResourceAttributes> = resourceAttributes

const nonResourceAttributes = object('io.k8s.api.authorization.v1.NonResourceAttributes', {
  path: optional(1, string()),
  verb: optional(2, string()),
})
export interface NonResourceAttributes extends TypeOf<typeof nonResourceAttributes> {}
export const NonResourceAttributes: Schema<NonResourceAttributes> = nonResourceAttributes

const subjectAccessReviewSpec = object('io.k8s.api.authorization.v1.SubjectAccessReviewSpec', {
  resourceAttributes: pointer(1, ResourceAttributes),
  nonResourceAttributes: pointer(2, NonResourceAttributes),
  user: optional(3, string()),
  groups: optional(4, list(string(), { listType: 'atomic' })),
  extra: optional(5, map(list(string()))),
  uid: optional(6, string()),
})
export interface SubjectAccessReviewSpec extends TypeOf<typeof subjectAccessReviewSpec> {}
export const SubjectAccessReviewSpec: Schema<SubjectAccessReviewSpec> = subjectAccessReviewSpec

const subjectAccessReviewStatus = object('io.k8s.api.authorization.v1.SubjectAccessReviewStatus', {
  allowed: always(1, boolean()),
  denied: optional(4, boolean()),
  reason: optional(2, string()),
  evaluationError: optional(3, string()),
})
export interface SubjectAccessReviewStatus extends TypeOf<typeof subjectAccessReviewStatus> {}
export const SubjectAccessReviewStatus: Schema<SubjectAccessReviewStatus> = subjectAccessReviewStatus

const kind = defineKind({
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'SubjectAccessReview',
  plural: 'subjectaccessreviews',
  scope: 'Cluster',
  doc: 'Asks whether somebody may do something.',
  schemaName: 'io.k8s.api.authorization.v1.SubjectAccessReview',
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
    ...validateNoMetadata(metadata, at),
  ],
})

export interface SubjectAccessReview extends ObjectOf<typeof kind> {}
export const SubjectAccessReview: Kind<'SubjectAccessReview', SubjectAccessReview> = kind
