/** ResourceQuota: a bound for what all objects of a namespace have together. */
import { roundUp } from '#api/core/v1/pod-defaults.ts'
import { validateQuota, validateQuotaStatus, validateQuotaUpdate } from '#api/core/v1/validation/resource-quota.ts'
import { age, defineKind, type Kind, type KubeObject, type ObjectOf } from '#schema/kind.ts'
import { always, known, list, map, object, optional, pointer, quantity, type Schema, string, type TypeOf } from '#schema/words.ts'

const scopedResourceSelectorRequirement = object('io.k8s.api.core.v1.ScopedResourceSelectorRequirement', {
  scopeName: always(
    1,
    known(
      'BestEffort',
      'CrossNamespacePodAffinity',
      'NotBestEffort',
      'NotTerminating',
      'PriorityClass',
      'Terminating',
      'VolumeAttributesClass',
    ),
  ),
  operator: always(2, known('DoesNotExist', 'Exists', 'In', 'NotIn')),
  values: optional(3, list(string(), { listType: 'atomic' })),
})
export interface ScopedResourceSelectorRequirement extends TypeOf<typeof scopedResourceSelectorRequirement> {}
export const ScopedResourceSelectorRequirement: Schema<ScopedResourceSelectorRequirement> = scopedResourceSelectorRequirement

const scopeSelector = object(
  'io.k8s.api.core.v1.ScopeSelector',
  {
    matchExpressions: optional(1, list(ScopedResourceSelectorRequirement, { listType: 'atomic' })),
  },
  { atomic: true },
)
export interface ScopeSelector extends TypeOf<typeof scopeSelector> {}
export const ScopeSelector: Schema<ScopeSelector> = scopeSelector

const resourceQuotaSpec = object('io.k8s.api.core.v1.ResourceQuotaSpec', {
  hard: optional(1, map(quantity()), { doc: 'The most that all objects together may have.' }),
  scopes: optional(
    2,
    list(
      known(
        'BestEffort',
        'CrossNamespacePodAffinity',
        'NotBestEffort',
        'NotTerminating',
        'PriorityClass',
        'Terminating',
        'VolumeAttributesClass',
      ),
      { listType: 'atomic' },
    ),
    { doc: 'Which objects count; all of the scopes must fit.' },
  ),
  scopeSelector: pointer(3, ScopeSelector, { doc: 'Which objects count, by scopes with values.' }),
})
export interface ResourceQuotaSpec extends TypeOf<typeof resourceQuotaSpec> {}
export const ResourceQuotaSpec: Schema<ResourceQuotaSpec> = resourceQuotaSpec

const resourceQuotaStatus = object('io.k8s.api.core.v1.ResourceQuotaStatus', {
  hard: optional(1, map(quantity())),
  used: optional(2, map(quantity()), { doc: 'What they have now.' }),
})
export interface ResourceQuotaStatus extends TypeOf<typeof resourceQuotaStatus> {}
export const ResourceQuotaStatus: Schema<ResourceQuotaStatus> = resourceQuotaStatus

/** A quota's parts, for the functions that its definition is made of. */
export interface QuotaParts extends KubeObject {
  spec: ResourceQuotaSpec
  status: ResourceQuotaStatus
}

const kind = defineKind({
  group: '',
  version: 'v1',
  kind: 'ResourceQuota',
  plural: 'resourcequotas',
  scope: 'Namespaced',
  doc: 'A resource quota bounds what all objects of its namespace have together.',
  schemaName: 'io.k8s.api.core.v1.ResourceQuota',
  shortNames: ['quota'],
  status: true,
  createOnUpdate: true,
  fields: {
    spec: always(2, ResourceQuotaSpec, { doc: 'What is wanted.' }),
    status: always(3, ResourceQuotaStatus, { doc: 'What was observed; written by the system.' }),
  },
  generationFrom: [],
  defaults: ({ spec, status }) => roundUp(spec.hard, status.hard, status.used),
  prepare(quota, old) {
    quota.status = old ? old.status : {}
  },
  validate: validateQuota,
  validateUpdate: validateQuotaUpdate,
  validateStatusUpdate: ({ status }, _, at) => validateQuotaStatus(status, at.child('status')),
  columns: [
    { name: 'Request', doc: 'Requests and numbers of objects: used and hard.', value: ({ status }) => usageText(status, false) },
    { name: 'Limit', doc: 'Limits: used and hard.', value: ({ status }) => usageText(status, true) },
    age,
  ],
})

/** `cpu: 1/4, memory: 1Gi/4Gi`. */
function usageText({ hard = {}, used = {} }: ResourceQuotaStatus, isLimit: boolean): string {
  const names = Object.keys(hard).filter((name) => name.startsWith('limits.') === isLimit)
  return names
    .sort()
    .map((name) => `${name}: ${used[name] ?? '0'}/${hard[name]}`)
    .join(', ')
}

export interface ResourceQuota extends ObjectOf<typeof kind> {}
export const ResourceQuota: Kind<'ResourceQuota', ResourceQuota> = kind
