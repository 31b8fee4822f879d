/** PodGroup: pods that are scheduled together, made from a template of a Workload (KEP-4671). */

import { requiredAs } from '#api/core/v1/validation/checks.ts'
import { Condition } from '#api/meta/v1/condition.ts'
import { resetMetadata } from '#api/meta/v1/reset-metadata.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isDns1123Label, isDns1123Subdomain } from '#schema/formats.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { validateConditions } from '#schema/validate.ts'
import { always, int32, list, object, optional, pointer, type Schema, string, type TypeOf } from '#schema/words.ts'
import {
  disruptionMode,
  maxClaims,
  PodGroupSchedulingConstraints,
  PodGroupSchedulingPolicy,
  partErrors,
  resourceClaims,
  unionErrors,
} from './pod-group-parts.ts'

const workloadPodGroupTemplateReference = object('io.k8s.api.scheduling.v1alpha2.WorkloadPodGroupTemplateReference', {
  workloadName: always(1, string(), { isRequired: true, doc: 'Name of the workload.' }),
  podGroupTemplateName: always(2, string(), { isRequired: true, doc: 'Name of the template within it.' }),
})
export interface WorkloadPodGroupTemplateReference extends TypeOf<typeof workloadPodGroupTemplateReference> {}
export const WorkloadPodGroupTemplateReference: Schema<WorkloadPodGroupTemplateReference> = workloadPodGroupTemplateReference

const podGroupTemplateReference = object(
  'io.k8s.api.scheduling.v1alpha2.PodGroupTemplateReference',
  {
    workload: pointer(1, WorkloadPodGroupTemplateReference, { doc: 'A template of a workload.' }),
  },
  { union: { fields: { workload: 'Workload' } } },
)
export interface PodGroupTemplateReference extends TypeOf<typeof podGroupTemplateReference> {}
export const PodGroupTemplateReference: Schema<PodGroupTemplateReference> = podGroupTemplateReference

const podGroupSpec = object('io.k8s.api.scheduling.v1alpha2.PodGroupSpec', {
  podGroupTemplateRef: pointer(1, PodGroupTemplateReference, { doc: 'The template that it was made from.' }),
  schedulingPolicy: always(2, PodGroupSchedulingPolicy, { isRequired: true, doc: 'How its pods are admitted.' }),
  schedulingConstraints: pointer(3, PodGroupSchedulingConstraints, { doc: 'Where they may be.' }),
  resourceClaims: optional(4, resourceClaims, { doc: 'Claims that they share.', retainKeys: true }),
  disruptionMode: pointer(5, disruptionMode, {
    default: 'Pod',
    publishedDefault: 'Pod',
    doc: 'Whether pods are disrupted alone or all together.',
  }),
  priorityClassName: optional(6, string(), { doc: 'Its priority class.' }),
  priority: pointer(7, int32(), { doc: 'Its priority.' }),
})
export interface PodGroupSpec extends TypeOf<typeof podGroupSpec> {}
export const PodGroupSpec: Schema<PodGroupSpec> = podGroupSpec

const podGroupResourceClaimStatus = object('io.k8s.api.scheduling.v1alpha2.PodGroupResourceClaimStatus', {
  name: always(1, string(), { isRequired: true, doc: 'Name within the group.' }),
  resourceClaimName: pointer(2, string(), { doc: 'The claim that was made.' }),
})
export interface PodGroupResourceClaimStatus extends TypeOf<typeof podGroupResourceClaimStatus> {}
export const PodGroupResourceClaimStatus: Schema<PodGroupResourceClaimStatus> = podGroupResourceClaimStatus

const podGroupStatus = object('io.k8s.api.scheduling.v1alpha2.PodGroupStatus', {
  conditions: optional(1, list(Condition, { listType: 'map', mapKeys: ['type'], mergeKey: 'type' }), {
    doc: 'PodGroupScheduled and DisruptionTarget.',
  }),
  resourceClaimStatuses: optional(
    2,
    list(PodGroupResourceClaimStatus, { listType: 'map', mapKeys: ['name'], mergeKey: 'name', retainKeys: true }),
    { doc: 'Claims that were made from templates.', retainKeys: true },
  ),
})
export interface PodGroupStatus extends TypeOf<typeof podGroupStatus> {}
export const PodGroupStatus: Schema<PodGroupStatus> = podGroupStatus

const kind = defineKind({
  group: 'scheduling.k8s.io',
  version: 'v1alpha2',
  kind: 'PodGroup',
  plural: 'podgroups',
  scope: 'Namespaced',
  doc: 'A pod group is pods that are scheduled together.',
  schemaName: 'io.k8s.api.scheduling.v1alpha2.PodGroup',
  fields: { spec: always(2, PodGroupSpec, { isRequired: true }), status: always(3, PodGroupStatus) },
  status: true,
  generationFrom: [],
  immutable: [
    ...['spec.podGroupTemplateRef', 'spec.schedulingPolicy', 'spec.schedulingConstraints', 'spec.resourceClaims'],
    ...['spec.disruptionMode', 'spec.priorityClassName', 'spec.priority'],
  ],
  prepareStatus: (group, old) => resetMetadata(group.metadata, old.metadata),
  validate: ({ spec }, at) => [
    ...templateErrors(spec.podGroupTemplateRef, at.child('spec', 'podGroupTemplateRef')),
    ...partErrors(spec, at.child('spec')),
  ],
  validateStatusUpdate: ({ spec, status: { conditions = [], resourceClaimStatuses = [] } }, _old, at) => [
    ...validateConditions(conditions, at.child('status', 'conditions')),
    ...claimStatusErrors(resourceClaimStatuses, spec, at.child('status', 'resourceClaimStatuses')),
  ],
  columns: [age],
})

function templateErrors(reference: PodGroupTemplateReference | undefined, at: Path): FieldError[] {
  if (!reference) return []
  const { workload } = reference
  if (!workload) return unionErrors({ workload }, at)
  const here = at.child('workload')
  return [
    ...requiredAs(isDns1123Subdomain, workload.workloadName, here.child('workloadName')),
    ...requiredAs(isDns1123Label, workload.podGroupTemplateName, here.child('podGroupTemplateName')),
  ]
}

function claimStatusErrors(statuses: readonly PodGroupResourceClaimStatus[], spec: PodGroupSpec, at: Path): FieldError[] {
  if (statuses.length > maxClaims) return [at.tooMany(statuses.length, maxClaims)]
  const names = new Set((spec.resourceClaims ?? []).map(({ name }) => name))
  const message = 'must match the name of an entry in `spec.resourceClaims`'
  return statuses.flatMap(({ name, resourceClaimName }, i) => [
    ...(names.has(name) ? [] : [at.index(i).child('name').invalid(name, message)]),
    ...(resourceClaimName === undefined ? [] : isDns1123Subdomain(resourceClaimName)).map((problem) =>
      at.index(i).child('resourceClaimName').invalid(resourceClaimName, problem),
    ),
  ])
}

export interface PodGroup extends ObjectOf<typeof kind> {}
export const PodGroup: Kind<'PodGroup', PodGroup> = kind
