/** ValidatingAdmissionPolicy: expressions that requests must fulfil. */

import { validatePolicySpec, validatePolicyStatus } from '#api/admissionregistration/v1/policy-validation.ts'
import { MatchCondition, MatchResources, ParamKind, Variable } from '#api/admissionregistration/v1/rule.ts'
import { defaultMatch } from '#api/admissionregistration/v1/rule-validation.ts'
import { staticSuffixWarnings } from '#api/admissionregistration/v1/static-suffix.ts'
import { Condition } from '#api/meta/v1/condition.ts'
import { resetMetadata } from '#api/meta/v1/reset-metadata.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, int64, known, list, object, optional, pointer, type Schema, string, type TypeOf } from '#schema/words.ts'

const validation = object('io.k8s.api.admissionregistration.v1.Validation', {
  expression: always(1, string(), { doc: 'Must be true for the request to pass.' }),
  message: optional(2, string(), { doc: 'What the user is told otherwise.' }),
  reason: pointer(3, string(), { doc: 'Reason in the answer.' }),
  messageExpression: optional(4, string(), { doc: 'Expression for what the user is told.' }),
})
export interface Validation extends TypeOf<typeof validation> {}
export const Validation: Schema<Validation> = validation

const auditAnnotation = object('io.k8s.api.admissionregistration.v1.AuditAnnotation', {
  key: always(1, string(), { doc: 'Key of the annotation.' }),
  valueExpression: always(2, string(), { doc: 'Expression for its value; null writes none.' }),
})
export interface AuditAnnotation extends TypeOf<typeof auditAnnotation> {}
export const AuditAnnotation: Schema<AuditAnnotation> = auditAnnotation

const validatingAdmissionPolicySpec = object('io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicySpec', {
  paramKind: pointer(1, ParamKind, { doc: 'Kind of objects that bring parameters.' }),
  matchConstraints: pointer(2, MatchResources, { doc: 'Requests that are looked at.' }),
  validations: optional(3, list(Validation, { listType: 'atomic' }), { doc: 'Expressions that must hold.' }),
  failurePolicy: pointer(4, known('Fail', 'Ignore'), {
    doc: 'Whether a failing expression refuses the request: Fail or Ignore.',
  }),
  auditAnnotations: optional(5, list(AuditAnnotation, { listType: 'atomic' }), { doc: 'What is written into the audit log.' }),
  matchConditions: optional(6, list(MatchCondition, { listType: 'map', mapKeys: ['name'], mergeKey: 'name' }), {
    doc: 'Further conditions for looking at a request.',
  }),
  variables: optional(7, list(Variable, { listType: 'map', mapKeys: ['name'], mergeKey: 'name' }), {
    doc: 'Named expressions that others may use.',
  }),
})
export interface ValidatingAdmissionPolicySpec extends TypeOf<typeof validatingAdmissionPolicySpec> {}
export const ValidatingAdmissionPolicySpec: Schema<ValidatingAdmissionPolicySpec> = validatingAdmissionPolicySpec

const expressionWarning = object('io.k8s.api.admissionregistration.v1.ExpressionWarning', {
  fieldRef: always(2, string(), { doc: 'Field with the expression.' }),
  warning: always(3, string(), { doc: 'What is wrong with it.' }),
})
export interface ExpressionWarning extends TypeOf<typeof expressionWarning> {}
export const ExpressionWarning: Schema<ExpressionWarning> = expressionWarning

const typeChecking = object('io.k8s.api.admissionregistration.v1.TypeChecking', {
  expressionWarnings: optional(1, list(ExpressionWarning, { listType: 'atomic' }), { doc: 'Warnings about expressions.' }),
})
export interface TypeChecking extends TypeOf<typeof typeChecking> {}
export const TypeChecking: Schema<TypeChecking> = typeChecking

const validatingAdmissionPolicyStatus = object('io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicyStatus', {
  observedGeneration: optional(1, int64(), { doc: 'Generation that the status is about.' }),
  typeChecking: pointer(2, TypeChecking, { doc: 'What type checking found.' }),
  conditions: optional(3, list(Condition, { listType: 'map', mapKeys: ['type'] })),
})
export interface ValidatingAdmissionPolicyStatus extends TypeOf<typeof validatingAdmissionPolicyStatus> {}
export const ValidatingAdmissionPolicyStatus: Schema<ValidatingAdmissionPolicyStatus> = validatingAdmissionPolicyStatus

const kind = defineKind({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingAdmissionPolicy',
  plural: 'validatingadmissionpolicies',
  scope: 'Cluster',
  doc: 'A validating admission policy refuses requests that break a rule.',
  schemaName: 'io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicy',
  categories: ['api-extensions'],
  fields: {
    spec: always(2, ValidatingAdmissionPolicySpec),
    status: always(3, ValidatingAdmissionPolicyStatus),
  },
  status: true,
  requireVersion: true,
  prepareStatus: (policy, old) => resetMetadata(policy.metadata, old.metadata),
  defaults({ spec }) {
    spec.failurePolicy ??= 'Fail'
    defaultMatch(spec.matchConstraints)
  },
  validate: ({ metadata, spec }, at) => validatePolicySpec(metadata.name, spec, at.child('spec')),
  validateStatusUpdate: ({ status }, _old, at) => validatePolicyStatus(status, at.child('status')),
  warnings: staticSuffixWarnings,
  columns: [
    {
      name: 'Validations',
      type: 'integer',
      doc: 'How many validations it has.',
      value: ({ spec }) => (spec.validations ?? []).length,
    },
    { name: 'ParamKind', doc: 'Kind of its parameters.', value: ({ spec }) => paramKindText(spec.paramKind) },
    age,
  ],
})

export function paramKindText(kind: ParamKind | undefined): string {
  return kind ? `${kind.apiVersion ?? ''}/${kind.kind ?? ''}` : '<unset>'
}

export interface ValidatingAdmissionPolicy extends ObjectOf<typeof kind> {}
export const ValidatingAdmissionPolicy: Kind<'ValidatingAdmissionPolicy', ValidatingAdmissionPolicy> = kind
