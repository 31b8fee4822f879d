/** MutatingAdmissionPolicy: expressions that change requests. */

import { validateMutatingPolicySpec } from '#api/admissionregistration/v1/policy-validation.ts'
import { MatchCondition, MatchResources, ParamKind, Variable } from '#api/admissionregistration/v1/rule.ts'
import { defaultMatch } from '#api/admissionregistration/v1/rule-validation.ts'
import { staticSuffixWarnings } from '#api/admissionregistration/v1/static-suffix.ts'
import { paramKindText } from '#api/admissionregistration/v1/validating-admission-policy.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, known, list, object, optional, pointer, type Schema, string, type TypeOf } from '#schema/words.ts'

const applyConfiguration = object('io.k8s.api.admissionregistration.v1.ApplyConfiguration', {
  expression: optional(1, string(), { doc: 'The expression.' }),
})
export interface ApplyConfiguration extends TypeOf<typeof applyConfiguration> {}
export const ApplyConfiguration: Schema<ApplyConfiguration> = applyConfiguration

const jsonPatch = object('io.k8s.api.admissionregistration.v1.JSONPatch', {
  expression: optional(1, string(), { doc: 'The expression.' }),
})
export interface JSONPatch extends TypeOf<typeof jsonPatch> {}
export const JSONPatch: Schema<JSONPatch> = jsonPatch

const mutation = object('io.k8s.api.admissionregistration.v1.Mutation', {
  patchType: always(2, known('ApplyConfiguration', 'JSONPatch'), { doc: 'ApplyConfiguration or JSONPatch.' }),
  applyConfiguration: pointer(3, ApplyConfiguration, { doc: 'Expression for an apply configuration.' }),
  jsonPatch: pointer(4, JSONPatch, { doc: 'Expression for a JSON patch.' }),
})
export interface Mutation extends TypeOf<typeof mutation> {}
export const Mutation: Schema<Mutation> = mutation

const mutatingAdmissionPolicySpec = object('io.k8s.api.admissionregistration.v1.MutatingAdmissionPolicySpec', {
  paramKind: pointer(1, ParamKind, { doc: 'Kind of objects that bring parameters.' }),
  matchConstraints: pointer(2, MatchResources, { doc: 'Requests that are changed.' }),
  variables: optional(3, list(Variable, { listType: 'atomic' }), { doc: 'Named expressions that others may use.' }),
  mutations: optional(4, list(Mutation, { listType: 'atomic' }), { doc: 'Changes, in order.' }),
  failurePolicy: pointer(5, known('Fail', 'Ignore'), {
    doc: 'Whether a failing expression refuses the request: Fail or Ignore.',
  }),
  matchConditions: optional(6, list(MatchCondition, { listType: 'map', mapKeys: ['name'], mergeKey: 'name' }), {
    doc: 'Further conditions for changing a request.',
  }),
  reinvocationPolicy: optional(7, known('IfNeeded', 'Never'), {
    doc: 'Whether it is asked again when others changed the object.',
  }),
})
export interface MutatingAdmissionPolicySpec extends TypeOf<typeof mutatingAdmissionPolicySpec> {}
export const MutatingAdmissionPolicySpec: Schema<MutatingAdmissionPolicySpec> = mutatingAdmissionPolicySpec

const kind = defineKind({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'MutatingAdmissionPolicy',
  plural: 'mutatingadmissionpolicies',
  scope: 'Cluster',
  doc: 'A mutating admission policy changes what requests bring.',
  schemaName: 'io.k8s.api.admissionregistration.v1.MutatingAdmissionPolicy',
  categories: ['api-extensions'],
  requireVersion: true,
  fields: {
    spec: always(2, MutatingAdmissionPolicySpec),
  },
  generationFrom: ['spec'],
  defaults({ spec }) {
    spec.failurePolicy ??= 'Fail'
    spec.reinvocationPolicy ||= 'Never'
    defaultMatch(spec.matchConstraints)
  },
  validate: ({ spec }, at) => validateMutatingPolicySpec(spec, at.child('spec')),
  warnings: staticSuffixWarnings,
  columns: [
    { name: 'Mutations', type: 'integer', doc: 'How many mutations it has.', value: ({ spec }) => (spec.mutations ?? []).length },
    { name: 'ParamKind', doc: 'Kind of its parameters.', value: ({ spec }) => paramKindText(spec.paramKind) },
    age,
  ],
})

export interface MutatingAdmissionPolicy extends ObjectOf<typeof kind> {}
export const MutatingAdmissionPolicy: Kind<'MutatingAdmissionPolicy', MutatingAdmissionPolicy> = kind
