/** SelfSubjectRulesReview: what may I do in this namespace? */
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, boolean, list, object, optional, type Schema, string, type TypeOf } from '#schema/words.ts'

const selfSubjectRulesReviewSpec = object('io.k8s.api.authorization.v1.SelfSubjectRulesReviewSpec', {
  namespace: optional(1, string()),
})
export interface SelfSubjectRulesReviewSpec extends TypeOf<typeof selfSubjectRulesReviewSpec> {}
export const SelfSubjectRulesReviewSpec: Schema<SelfSubjectRulesReviewSpec> = selfSubjectRulesReviewSpec

const resourceRule = object('io.k8s.api.authorization.v1.ResourceRule', {
  verbs: always(1, list(string(), { listType: 'atomic' })),
  apiGroups: optional(2, list(string(), { listType: 'atomic' })),
  resources: optional(3, list(string(), { listType: 'atomic' })),
  resourceNames: optional(4, list(string(), { listType: 'atomic' })),
})
export interface ResourceRule extends TypeOf<typeof resourceRule> {}
export const ResourceRule: Schema<ResourceRule> = resourceRule

const nonResourceRule = object('io.k8s.api.authorization.v1.NonResourceRule', {
  verbs: always(1, list(string(), { listType: 'atomic' })),
  nonResourceURLs: optional(2, list(string(), { listType: 'atomic' })),
})
export interface NonResourceRule extends TypeOf<typeof nonResourceRule> {}
export const NonResourceRule: Schema<NonResourceRule> = nonResourceRule

const subjectRulesReviewStatus = object('io.k8s.api.authorization.v1.SubjectRulesReviewStatus', {
  resourceRules: always(1, list(ResourceRule, { listType: 'atomic' })),
  nonResourceRules: always(2, list(NonResourceRule, { listType: 'atomic' })),
  incomplete: always(3, boolean()),
  evaluationError: optional(4, string()),
})
export interface SubjectRulesReviewStatus extends TypeOf<typeof subjectRulesReviewStatus> {}
export const SubjectRulesReviewStatus: Schema<SubjectRulesReviewStatus> = subjectRulesReviewStatus

const kind = defineKind({
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'SelfSubjectRulesReview',
  plural: 'selfsubjectrulesreviews',
  scope: 'Cluster',
  doc: 'Asks for what the caller may do in a namespace.',
  schemaName: 'io.k8s.api.authorization.v1.SelfSubjectRulesReview',
  virtual: true,
  verbs: ['create'],
  fields: {
    spec: always(2, SelfSubjectRulesReviewSpec, { isRequired: true }),
    status: always(3, SubjectRulesReviewStatus),
  },
})

export interface SelfSubjectRulesReview extends ObjectOf<typeof kind> {}
export const SelfSubjectRulesReview: Kind<'SelfSubjectRulesReview', SelfSubjectRulesReview> = kind
