/** MutatingAdmissionPolicyBinding: where a policy applies, with which parameters. */

import { MatchResources, ParamRef } from '#api/admissionregistration/v1/rule.ts'
import { defaultMatch, validateBindingSpec } from '#api/admissionregistration/v1/rule-validation.ts'
import { staticSuffixWarnings } from '#api/admissionregistration/v1/static-suffix.ts'
import { paramRefText } from '#api/admissionregistration/v1/validating-admission-policy-binding.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, object, optional, pointer, type Schema, string, type TypeOf } from '#schema/words.ts'

const mutatingAdmissionPolicyBindingSpec = object('io.k8s.api.admissionregistration.v1.MutatingAdmissionPolicyBindingSpec', {
  policyName: optional(1, string(), { doc: 'The policy.' }),
  paramRef: pointer(2, ParamRef, { doc: 'Objects with parameters.' }),
  matchResources: pointer(3, MatchResources, { doc: 'Requests that the binding is about.' }),
})
export interface MutatingAdmissionPolicyBindingSpec extends TypeOf<typeof mutatingAdmissionPolicyBindingSpec> {}
export const MutatingAdmissionPolicyBindingSpec: Schema<MutatingAdmissionPolicyBindingSpec> = mutatingAdmissionPolicyBindingSpec

const kind = defineKind({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'MutatingAdmissionPolicyBinding',
  plural: 'mutatingadmissionpolicybindings',
  scope: 'Cluster',
  doc: 'A binding puts a mutating admission policy into force.',
  schemaName: 'io.k8s.api.admissionregistration.v1.MutatingAdmissionPolicyBinding',
  categories: ['api-extensions'],
  requireVersion: true,
  fields: {
    spec: always(2, MutatingAdmissionPolicyBindingSpec),
  },
  generationFrom: ['spec'],
  defaults: ({ spec }) => defaultMatch(spec.matchResources),
  validate: ({ spec }, at) => validateBindingSpec(spec, at.child('spec')),
  warnings: staticSuffixWarnings,
  columns: [
    { name: 'PolicyName', doc: 'The policy.', value: ({ spec }) => spec.policyName ?? '' },
    { name: 'ParamRef', doc: 'Its parameters.', value: ({ spec }) => paramRefText(spec.paramRef) },
    age,
  ],
})

export interface MutatingAdmissionPolicyBinding extends ObjectOf<typeof kind> {}
export const MutatingAdmissionPolicyBinding: Kind<'MutatingAdmissionPolicyBinding', MutatingAdmissionPolicyBinding> = kind
