/** PodDisruptionBudget: how many pods of a group must stay when others are evicted. */
import { amountErrors, over100Errors } from '#api/apps/v1/amount.ts'
import { among, nonNegative } from '#api/core/v1/validation/checks.ts'
import { Condition } from '#api/meta/v1/condition.ts'
import { LabelSelector } from '#api/meta/v1/label-selector.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { validateConditions, validateLabelSelector } from '#schema/validate.ts'
import {
  always,
  int32,
  int64,
  intOrString,
  known,
  list,
  map,
  object,
  optional,
  pointer,
  type Schema,
  type TypeOf,
  time,
} from '#schema/words.ts'

const podDisruptionBudgetSpec = object('io.k8s.api.policy.v1.PodDisruptionBudgetSpec', {
  minAvailable: pointer(1, intOrString(), { doc: 'How many pods must stay, as a number or a percentage.' }),
  selector: pointer(2, LabelSelector, { replacedWhole: true, doc: 'Labels of the pods.' }),
  maxUnavailable: pointer(3, intOrString(), { doc: 'How many pods may go, as a number or a percentage.' }),
  unhealthyPodEvictionPolicy: pointer(4, known('AlwaysAllow', 'IfHealthyBudget'), {
    doc: 'Whether pods that are not ready may be evicted whatever the budget: IfHealthyBudget or AlwaysAllow.',
  }),
})
export interface PodDisruptionBudgetSpec extends TypeOf<typeof podDisruptionBudgetSpec> {}
export const PodDisruptionBudgetSpec: Schema<PodDisruptionBudgetSpec> = podDisruptionBudgetSpec

const podDisruptionBudgetStatus = object('io.k8s.api.policy.v1.PodDisruptionBudgetStatus', {
  observedGeneration: optional(1, int64(), { doc: 'Generation of the spec that the status was computed from.' }),
  disruptedPods: optional(2, map(time()), { doc: 'Pods whose eviction was granted and that are not gone yet.' }),
  disruptionsAllowed: always(3, int32(), { isRequired: false, doc: 'Pods that may be evicted now.' }),
  currentHealthy: always(4, int32(), { isRequired: false, doc: 'Pods that are healthy.' }),
  desiredHealthy: always(5, int32(), { isRequired: false, doc: 'Pods that must be healthy.' }),
  expectedPods: always(6, int32(), { isRequired: false, doc: 'Pods that the budget counts.' }),
  conditions: optional(7, list(Condition, { listType: 'map', mapKeys: ['type'], mergeKey: 'type' }), {
    doc: 'Aspects of the budget that hold or do not.',
  }),
})
export interface PodDisruptionBudgetStatus extends TypeOf<typeof podDisruptionBudgetStatus> {}
export const PodDisruptionBudgetStatus: Schema<PodDisruptionBudgetStatus> = podDisruptionBudgetStatus

const kind = defineKind({
  group: 'policy',
  version: 'v1',
  kind: 'PodDisruptionBudget',
  plural: 'poddisruptionbudgets',
  scope: 'Namespaced',
  doc: 'A pod disruption budget says how many pods of a group may be evicted at once.',
  schemaName: 'io.k8s.api.policy.v1.PodDisruptionBudget',
  shortNames: ['pdb'],
  nameFormat: 'pathSegment',
  status: true,
  requireVersion: true,
  fields: {
    spec: always(2, PodDisruptionBudgetSpec, { doc: 'What is wanted.' }),
    status: always(3, PodDisruptionBudgetStatus, { doc: 'What was observed; written by the system.' }),
  },
  prepare(budget, old) {
    budget.status = old ? old.status : { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 }
  },
  validate: ({ spec }, at) => specErrors(spec, at.child('spec')),
  validateStatusUpdate: ({ status }, _, at) => statusErrors(status, at.child('status')),
  columns: [
    { name: 'Min Available', doc: 'How many pods must stay.', value: ({ spec }) => String(spec.minAvailable ?? 'N/A') },
    { name: 'Max Unavailable', doc: 'How many pods may go.', value: ({ spec }) => String(spec.maxUnavailable ?? 'N/A') },
    {
      name: 'Allowed Disruptions',
      type: 'integer',
      doc: 'Pods that may be evicted now.',
      value: ({ status }) => status.disruptionsAllowed,
    },
    age,
  ],
})

function specErrors(spec: PodDisruptionBudgetSpec, at: Path): FieldError[] {
  const { minAvailable, maxUnavailable, selector, unhealthyPodEvictionPolicy: policy } = spec
  const shown = {
    MinAvailable: minAvailable ?? null,
    Selector: selector ?? null,
    MaxUnavailable: maxUnavailable ?? null,
    UnhealthyPodEvictionPolicy: policy ?? null,
  }
  const areBoth = minAvailable !== undefined && maxUnavailable !== undefined
  const amounts = Object.entries({ minAvailable, maxUnavailable }).flatMap(([name, value]) =>
    value === undefined ? [] : [...amountErrors(value, at.child(name)), ...over100Errors(value, at.child(name))],
  )
  return [
    ...(areBoth ? [at.invalid(shown, 'minAvailable and maxUnavailable cannot be both set')] : []),
    ...amounts,
    ...(policy === undefined ? [] : among(policy, ['AlwaysAllow', 'IfHealthyBudget'], at.child('unhealthyPodEvictionPolicy'))),
    ...validateLabelSelector(selector, at.child('selector')),
  ]
}

function statusErrors(status: PodDisruptionBudgetStatus, at: Path): FieldError[] {
  const counts = ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'] as const
  return [
    ...validateConditions(status.conditions, at.child('conditions')),
    ...counts.flatMap((name) => nonNegative(status[name], at.child(name))),
  ]
}

export interface PodDisruptionBudget extends ObjectOf<typeof kind> {}
export const PodDisruptionBudget: Kind<'PodDisruptionBudget', PodDisruptionBudget> = kind
