/** Workload: which groups of pods a workload consists of, and how they are to be scheduled (KEP-4671). */
import { requiredAs } from '#api/core/v1/validation/checks.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isDns1123Label, isDns1123Subdomain, isPathSegmentName } from '#schema/formats.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, int32, list, object, optional, pointer, type Schema, string, type TypeOf } from '#schema/words.ts'
import {
  disruptionMode,
  PodGroupSchedulingConstraints,
  PodGroupSchedulingPolicy,
  partErrors,
  resourceClaims,
} from './pod-group-parts.ts'

const typedLocalObjectReference = object('io.k8s.api.scheduling.v1alpha2.TypedLocalObjectReference', {
  apiGroup: optional(1, string(), { doc: 'Group of the object; empty for the core group.' }),
  kind: always(2, string(), { isRequired: true, doc: 'Its kind.' }),
  name: always(3, string(), { isRequired: true, doc: 'Its name.' }),
})
export interface TypedLocalObjectReference extends TypeOf<typeof typedLocalObjectReference> {}
export const TypedLocalObjectReference: Schema<TypedLocalObjectReference> = typedLocalObjectReference

const podGroupTemplate = object('io.k8s.api.scheduling.v1alpha2.PodGroupTemplate', {
  name: always(1, string(), { isRequired: true, doc: 'Name within the workload.' }),
  schedulingPolicy: always(2, PodGroupSchedulingPolicy, { isRequired: true, doc: 'How pods of the group are admitted.' }),
  schedulingConstraints: pointer(3, PodGroupSchedulingConstraints, { doc: 'Where they may be.' }),
  resourceClaims: optional(4, resourceClaims, { doc: 'Claims that the group shares.', retainKeys: true }),
  disruptionMode: pointer(5, disruptionMode, { doc: 'Whether pods are disrupted alone or all together.' }),
  priorityClassName: optional(6, string(), { doc: 'Priority class of groups made from this.' }),
  priority: pointer(7, int32(), { doc: 'Priority of groups made from this.' }),
})
export interface PodGroupTemplate extends TypeOf<typeof podGroupTemplate> {}
export const PodGroupTemplate: Schema<PodGroupTemplate> = podGroupTemplate

const workloadSpec = object('io.k8s.api.scheduling.v1alpha2.WorkloadSpec', {
  controllerRef: pointer(1, TypedLocalObjectReference, { doc: 'The object that this was made for.' }),
  podGroupTemplates: always(2, list(PodGroupTemplate, { listType: 'map', mapKeys: ['name'] }), {
    ...{ isRequired: true, doc: 'The groups that it consists of.' },
  }),
})
export interface WorkloadSpec extends TypeOf<typeof workloadSpec> {}
export const WorkloadSpec: Schema<WorkloadSpec> = workloadSpec

const kind = defineKind({
  group: 'scheduling.k8s.io',
  version: 'v1alpha2',
  kind: 'Workload',
  plural: 'workloads',
  scope: 'Namespaced',
  doc: 'A workload says which groups of pods belong together, and how they are to be scheduled.',
  schemaName: 'io.k8s.api.scheduling.v1alpha2.Workload',
  fields: { spec: always(2, WorkloadSpec, { isRequired: true }) },
  immutable: ['spec.controllerRef', 'spec.podGroupTemplates'],
  validate: ({ spec }, at) => [
    ...(spec.controllerRef ? referenceErrors(spec.controllerRef, at.child('spec', 'controllerRef')) : []),
    ...templateErrors(spec.podGroupTemplates ?? [], at.child('spec', 'podGroupTemplates')),
  ],
  columns: [age],
})

function referenceErrors({ apiGroup = '', kind: name, name: object }: TypedLocalObjectReference, at: Path): FieldError[] {
  return [
    ...(apiGroup === '' ? [] : isDns1123Subdomain(apiGroup).map((problem) => at.child('apiGroup').invalid(apiGroup, problem))),
    ...requiredAs(isPathSegmentName, name, at.child('kind')),
    ...requiredAs(isPathSegmentName, object, at.child('name')),
  ]
}

const maxTemplates = 8

function templateErrors(templates: readonly PodGroupTemplate[], at: Path): FieldError[] {
  if (templates.length === 0) return [at.required()]
  if (templates.length > maxTemplates) return [at.tooMany(templates.length, maxTemplates)]
  const seen = new Set<string>()
  return templates.flatMap((template, i) => {
    const here = at.index(i)
    const isTwice = seen.has(template.name)
    seen.add(template.name)
    return [
      ...(isTwice ? [here.duplicate(`{"name":${JSON.stringify(template.name)}}`)] : []),
      ...requiredAs(isDns1123Label, template.name, here.child('name')),
      ...partErrors(template, here),
    ]
  })
}

export interface Workload extends ObjectOf<typeof kind> {}
export const Workload: Kind<'Workload', Workload> = kind
