/** Rules that say which requests webhooks and policies are about. */
import { LabelSelector } from '#api/meta/v1/label-selector.ts'
import { always, embedded, known, list, object, optional, pointer, type Schema, string, type TypeOf } from '#schema/words.ts'

const rule = object('io.k8s.api.admissionregistration.v1.Rule', {
  apiGroups: optional(1, list(string(), { listType: 'atomic' }), { doc: 'Groups; * is every one.' }),
  apiVersions: optional(2, list(string(), { listType: 'atomic' }), { doc: 'Versions; * is every one.' }),
  resources: optional(3, list(string(), { listType: 'atomic' }), { doc: 'Resources, with subresources as pods/log.' }),
  scope: pointer(4, known('*', 'Cluster', 'Namespaced'), { doc: 'Cluster, Namespaced or *.' }),
})
export interface Rule extends TypeOf<typeof rule> {}
export const Rule: Schema<Rule> = rule

const ruleWithOperations = object('io.k8s.api.admissionregistration.v1.RuleWithOperations', {
  operations: optional(1, list(known('*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'), { listType: 'atomic' }), {
    doc: 'Operations; * is every one.',
  }),
  ...embedded(2, Rule),
})
export interface RuleWithOperations extends TypeOf<typeof ruleWithOperations> {}
export const RuleWithOperations: Schema<RuleWithOperations> = ruleWithOperations

const namedRuleWithOperations = object(
  'io.k8s.api.admissionregistration.v1.NamedRuleWithOperations',
  {
    resourceNames: optional(1, list(string(), { listType: 'atomic' }), { doc: 'Names of objects; none means all.' }),
    ...embedded(2, RuleWithOperations),
  },
  { atomic: true },
)
export interface NamedRuleWithOperations extends TypeOf<typeof namedRuleWithOperations> {}
export const NamedRuleWithOperations: Schema<NamedRuleWithOperations> = namedRuleWithOperations

const matchResources = object(
  'io.k8s.api.admissionregistration.v1.MatchResources',
  {
    namespaceSelector: pointer(1, LabelSelector, { doc: 'Labels of the namespace.' }),
    objectSelector: pointer(2, LabelSelector, { doc: 'Labels of the object.' }),
    resourceRules: optional(3, list(NamedRuleWithOperations, { listType: 'atomic' }), { doc: 'Requests that are meant.' }),
    excludeResourceRules: optional(4, list(NamedRuleWithOperations, { listType: 'atomic' }), {
      doc: 'Requests that are left out.',
    }),
    matchPolicy: pointer(7, known('Equivalent', 'Exact'), {
      doc: 'Whether other versions of a resource are meant too: Exact or Equivalent.',
    }),
  },
  { atomic: true },
)
export interface MatchResources extends TypeOf<typeof matchResources> {}
export const MatchResources: Schema<MatchResources> = matchResources

const matchCondition = object('io.k8s.api.admissionregistration.v1.MatchCondition', {
  name: always(1, string(), { doc: 'Name of the condition.' }),
  expression: always(2, string(), { doc: 'Must be true.' }),
})
export interface MatchCondition extends TypeOf<typeof matchCondition> {}
export const MatchCondition: Schema<MatchCondition> = matchCondition

const paramKind = object(
  'io.k8s.api.admissionregistration.v1.ParamKind',
  {
    apiVersion: optional(1, string(), { doc: 'Group and version.' }),
    kind: optional(2, string(), { doc: 'Kind.' }),
  },
  { atomic: true },
)
export interface ParamKind extends TypeOf<typeof paramKind> {}
export const ParamKind: Schema<ParamKind> = paramKind

const paramRef = object(
  'io.k8s.api.admissionregistration.v1.ParamRef',
  {
    name: optional(1, string(), { doc: 'Name of the object.' }),
    namespace: optional(2, string(), { doc: 'Its namespace.' }),
    selector: pointer(3, LabelSelector, { doc: 'Labels of the objects.' }),
    parameterNotFoundAction: pointer(4, string(), { doc: 'What a missing object does: Allow or Deny.' }),
  },
  { atomic: true },
)
export interface ParamRef extends TypeOf<typeof paramRef> {}
export const ParamRef: Schema<ParamRef> = paramRef

const variable = object(
  'io.k8s.api.admissionregistration.v1.Variable',
  {
    name: always(1, string(), { doc: 'Name; others say variables.name.' }),
    expression: always(2, string(), { doc: 'Its value.' }),
  },
  { atomic: true },
)
export interface Variable extends TypeOf<typeof variable> {}
export const Variable: Schema<Variable> = variable
