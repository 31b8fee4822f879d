/** ValidatingAdmissionPolicyBinding: where a policy applies, with which parameters. */

import { MatchResources, ParamRef } from '#api/admissionregistration/v1/rule.ts'
import { defaultMatch, validateBindingSpec } from '#api/admissionregistration/v1/rule-validation.ts'
import { staticSuffixWarnings } from '#api/admissionregistration/v1/static-suffix.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, known, list, object, optional, pointer, type Schema, string, type TypeOf } from '#schema/words.ts'

const validatingAdmissionPolicyBindingSpec = object('io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicyBindingSpec', {
  policyName: optional(1, string(), { isRequired: true, doc: 'The policy.' }),
  paramRef: pointer(2, ParamRef, { doc: 'Objects with parameters.' }),
  matchResources: pointer(3, MatchResources, { doc: 'Requests that the binding is about.' }),
  validationActions: optional(4, list(known('Audit', 'Deny', 'Warn'), { listType: 'set' }), {
    isRequired: true,
    doc: 'What a failed validation does: Deny, Warn, Audit.',
  }),
})
export interface ValidatingAdmissionPolicyBindingSpec extends TypeOf<typeof validatingAdmissionPolicyBindingSpec> {}
export const ValidatingAdmissionPolicyBindingSpec: Schema<ValidatingAdmissionPolicyBindingSpec> =
  validatingAdmissionPolicyBindingSpec

const kind = defineKind({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingAdmissionPolicyBinding',
  plural: 'validatingadmissionpolicybindings',
  scope: 'Cluster',
  doc: 'A binding puts a validating admission policy into force.',
  schemaName: 'io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicyBinding',
  categories: ['api-extensions'],
  requireVersion: true,
  fields: {
    spec: always(2, ValidatingAdmissionPolicyBindingSpec, { isRequired: true }),
  },
  generationFrom: ['spec'],
  defaults: ({ spec }) => defaultMatch(spec.matchResources),
  validate: ({ spec }, at) => [
    ...validateBindingSpec(spec, at.child('spec')),
    ...actionErrors(spec.validationActions ?? [], at.child('spec', 'validationActions')),
  ],
  warnings: staticSuffixWarnings,
  columns: [
    { name: 'PolicyName', doc: 'The policy.', value: ({ spec }) => spec.policyName ?? '' },
    { name: 'ParamRef', doc: 'Its parameters.', value: ({ spec }) => paramRefText(spec.paramRef) },
    age,
  ],
})

/** Objects that are selected by labels have no name to show. */
export function paramRefText(reference: ParamRef | undefined): string {
  if (!reference) return '<unset>'
  const { name, namespace } = reference
  if (name) return namespace ? `${namespace}/${name}` : name
  return reference.selector ? `*/${namespace ?? ''}` : '<unset>'
}

const actions = ['Audit', 'Deny', 'Warn']

function actionErrors(given: readonly string[], at: Path): FieldError[] {
  const errors = given.flatMap((action, index) => [
    ...(actions.includes(action) ? [] : [at.index(index).notSupported(action, actions)]),
    ...(given.indexOf(action) < index ? [at.index(index).duplicate(action)] : []),
  ])
  if (given.includes('Deny') && given.includes('Warn')) {
    const why = 'repeating the same validation failure information in the API response and headers serves no purpose'
    errors.push(at.invalid(given, `must not contain both Deny and Warn (${why})`))
  }
  return given.length === 0 ? [at.required('at least one validation action is required')] : errors
}

export interface ValidatingAdmissionPolicyBinding extends ObjectOf<typeof kind> {}
export const ValidatingAdmissionPolicyBinding: Kind<'ValidatingAdmissionPolicyBinding', ValidatingAdmissionPolicyBinding> = kind
