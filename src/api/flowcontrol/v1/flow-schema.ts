/** FlowSchema: which requests share a priority level. */

import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import { validateFlowConditions, validateFlowSchema } from '#api/flowcontrol/v1/validation.ts'
import { metadataOf } from '#api/meta/v1/reset-metadata.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, boolean, int32, list, object, optional, pointer, type Schema, string, type TypeOf, time } from '#schema/words.ts'

const flowDistinguisherMethod = object('io.k8s.api.flowcontrol.v1.FlowDistinguisherMethod', {
  type: always(1, string(), { doc: 'ByUser or ByNamespace.' }),
})
export interface FlowDistinguisherMethod extends TypeOf<typeof flowDistinguisherMethod> {}
export const FlowDistinguisherMethod: Schema<FlowDistinguisherMethod> = flowDistinguisherMethod

const priorityLevelConfigurationReference = object('io.k8s.api.flowcontrol.v1.PriorityLevelConfigurationReference', {
  name: always(1, string(), { doc: 'Name of the level.' }),
})
export interface PriorityLevelConfigurationReference extends TypeOf<typeof priorityLevelConfigurationReference> {}
export const PriorityLevelConfigurationReference: Schema<PriorityLevelConfigurationReference> =
  priorityLevelConfigurationReference

const userSubject = object('io.k8s.api.flowcontrol.v1.UserSubject', {
  name: always(1, string(), { doc: 'Name of the user; * is everybody.' }),
})
export interface UserSubject extends TypeOf<typeof userSubject> {}
export const UserSubject: Schema<UserSubject> = userSubject

const groupSubject = object('io.k8s.api.flowcontrol.v1.GroupSubject', {
  name: always(1, string(), { doc: 'Name of the group; * is every group.' }),
})
export interface GroupSubject extends TypeOf<typeof groupSubject> {}
export const GroupSubject: Schema<GroupSubject> = groupSubject

const serviceAccountSubject = object('io.k8s.api.flowcontrol.v1.ServiceAccountSubject', {
  namespace: always(1, string(), { doc: 'Namespace of the account.' }),
  name: always(2, string(), { doc: 'Name of the account; * is every one.' }),
})
export interface ServiceAccountSubject extends TypeOf<typeof serviceAccountSubject> {}
export const ServiceAccountSubject: Schema<ServiceAccountSubject> = serviceAccountSubject

const subject = object(
  'io.k8s.api.flowcontrol.v1.Subject',
  {
    kind: always(1, string(), { doc: 'User, Group or ServiceAccount.' }),
    user: pointer(2, UserSubject, { doc: 'The user.' }),
    group: pointer(3, GroupSubject, { doc: 'The group.' }),
    serviceAccount: pointer(4, ServiceAccountSubject, { doc: 'The service account.' }),
  },
  { union: { discriminator: 'kind', fields: { group: 'Group', serviceAccount: 'ServiceAccount', user: 'User' } } },
)
export interface Subject extends TypeOf<typeof subject> {}
export const Subject: Schema<Subject> = subject

const resourcePolicyRule = object('io.k8s.api.flowcontrol.v1.ResourcePolicyRule', {
  verbs: always(1, list(string(), { listType: 'set' }), { doc: 'Verbs; * is every one.' }),
  apiGroups: always(2, list(string(), { listType: 'set' }), { doc: 'Groups; * is every one.' }),
  resources: always(3, list(string(), { listType: 'set' }), { doc: 'Resources; * is every one.' }),
  clusterScope: optional(4, boolean(), { doc: 'Whether requests without a namespace are meant.' }),
  namespaces: always(5, list(string(), { listType: 'set' }), {
    isRequired: false,
    nullWhenEmpty: true,
    doc: 'Namespaces; * is every one.',
  }),
})
export interface ResourcePolicyRule extends TypeOf<typeof resourcePolicyRule> {}
export const ResourcePolicyRule: Schema<ResourcePolicyRule> = resourcePolicyRule

const nonResourcePolicyRule = object('io.k8s.api.flowcontrol.v1.NonResourcePolicyRule', {
  verbs: always(1, list(string(), { listType: 'set' }), { doc: 'Verbs; * is every one.' }),
  nonResourceURLs: always(6, list(string(), { listType: 'set' }), { doc: 'Paths; may end in /*.' }),
})
export interface NonResourcePolicyRule extends TypeOf<typeof nonResourcePolicyRule> {}
export const NonResourcePolicyRule: Schema<NonResourcePolicyRule> = nonResourcePolicyRule

const policyRulesWithSubjects = object('io.k8s.api.flowcontrol.v1.PolicyRulesWithSubjects', {
  subjects: always(1, list(Subject, { listType: 'atomic' }), { doc: 'Who asks.' }),
  resourceRules: optional(2, list(ResourcePolicyRule, { listType: 'atomic' }), { doc: 'Requests for resources.' }),
  nonResourceRules: optional(3, list(NonResourcePolicyRule, { listType: 'atomic' }), { doc: 'Requests for other paths.' }),
})
export interface PolicyRulesWithSubjects extends TypeOf<typeof policyRulesWithSubjects> {}
export const PolicyRulesWithSubjects: Schema<PolicyRulesWithSubjects> = policyRulesWithSubjects

const flowSchemaSpec = object('io.k8s.api.flowcontrol.v1.FlowSchemaSpec', {
  priorityLevelConfiguration: always(1, PriorityLevelConfigurationReference, {
    isRequired: true,
    doc: 'Level that the requests belong to.',
  }),
  matchingPrecedence: always(2, int32(), {
    isRequired: false,
    doc: 'The schema with the lowest number that fits a request wins.',
  }),
  distinguisherMethod: pointer(3, FlowDistinguisherMethod, { doc: 'What tells flows apart: ByUser or ByNamespace.' }),
  rules: optional(4, list(PolicyRulesWithSubjects, { listType: 'atomic' }), {
    doc: 'Requests that are meant; one rule must fit.',
  }),
})
export interface FlowSchemaSpec extends TypeOf<typeof flowSchemaSpec> {}
export const FlowSchemaSpec: Schema<FlowSchemaSpec> = flowSchemaSpec

const flowSchemaCondition = object('io.k8s.api.flowcontrol.v1.FlowSchemaCondition', {
  type: optional(1, string()),
  status: optional(2, string()),
  lastTransitionTime: always(3, time()),
  reason: optional(4, string()),
  message: optional(5, string()),
})
export interface FlowSchemaCondition extends TypeOf<typeof flowSchemaCondition> {}
export const FlowSchemaCondition: Schema<FlowSchemaCondition> = flowSchemaCondition

const flowSchemaStatus = object('io.k8s.api.flowcontrol.v1.FlowSchemaStatus', {
  conditions: optional(1, list(FlowSchemaCondition, { listType: 'map', mapKeys: ['type'], mergeKey: 'type' })),
})
export interface FlowSchemaStatus extends TypeOf<typeof flowSchemaStatus> {}
export const FlowSchemaStatus: Schema<FlowSchemaStatus> = flowSchemaStatus

const kind = defineKind({
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  kind: 'FlowSchema',
  plural: 'flowschemas',
  scope: 'Cluster',
  doc: 'A flow schema leads requests to a priority level.',
  schemaName: 'io.k8s.api.flowcontrol.v1.FlowSchema',
  fields: {
    spec: always(2, FlowSchemaSpec),
    status: always(3, FlowSchemaStatus),
  },
  status: true,
  generationFrom: ['spec'],
  prepareStatus(schema, old) {
    schema.metadata = metadataOf(schema.metadata, old.metadata)
  },
  defaults({ spec }) {
    spec.matchingPrecedence ||= 1000
  },
  validate: ({ metadata, spec }, at) => [
    ...validateFinalizers(metadata, at),
    ...validateFlowSchema(metadata.name, spec, at.child('spec')),
  ],
  validateStatusUpdate: ({ status }, _old, at) => validateFlowConditions(status.conditions, at.child('status', 'conditions')),
  columns: [
    {
      name: 'PriorityLevel',
      doc: 'Level that its requests belong to.',
      value: ({ spec }) => spec.priorityLevelConfiguration.name,
    },
    {
      name: 'MatchingPrecedence',
      doc: 'Which schema is asked first: the lowest.',
      value: ({ spec }) => spec.matchingPrecedence,
    },
    { name: 'DistinguisherMethod', doc: 'What tells its flows apart.', value: ({ spec }) => spec.distinguisherMethod?.type },
    age,
    { name: 'MissingPL', doc: 'Whether the level does not exist.', value: ({ status }) => danglingOf(status) },
  ],
})

function danglingOf({ conditions = [] }: FlowSchemaStatus): string {
  return conditions.find(({ type }) => type === 'Dangling')?.status || '?'
}

export interface FlowSchema extends ObjectOf<typeof kind> {}
export const FlowSchema: Kind<'FlowSchema', FlowSchema> = kind
