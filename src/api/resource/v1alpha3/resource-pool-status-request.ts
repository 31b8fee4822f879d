/** ResourcePoolStatusRequest: asks once how full the pools of a driver are (KEP-5677). */

import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import { Condition } from '#api/meta/v1/condition.ts'
import { resetMetadata } from '#api/meta/v1/reset-metadata.ts'
import { validatePoolName } from '#api/resource/v1/validation.ts'
import { validateDriverName } from '#api/storage/v1/validation.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isDns1123Subdomain } from '#schema/formats.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { immutableErrors, validateConditions } from '#schema/validate.ts'
import { always, int32, int64, list, object, optional, pointer, type Schema, string, type TypeOf } from '#schema/words.ts'

const resourcePoolStatusRequestSpec = object('io.k8s.api.resource.v1alpha3.ResourcePoolStatusRequestSpec', {
  driver: always(1, string(), { isRequired: true, doc: 'Driver whose pools are asked for.' }),
  poolName: pointer(2, string(), { doc: 'One pool; absent: all of them.' }),
  limit: pointer(3, int32(), { default: 100, publishedDefault: 100, doc: 'So many pools at most.' }),
})
export interface ResourcePoolStatusRequestSpec extends TypeOf<typeof resourcePoolStatusRequestSpec> {}
export const ResourcePoolStatusRequestSpec: Schema<ResourcePoolStatusRequestSpec> = resourcePoolStatusRequestSpec

const poolStatus = object('io.k8s.api.resource.v1alpha3.PoolStatus', {
  driver: optional(1, string(), { isRequired: true, doc: 'Its driver.' }),
  poolName: optional(2, string(), { isRequired: true, doc: 'Its name.' }),
  nodeName: pointer(3, string(), { doc: 'The node that it belongs to.' }),
  totalDevices: pointer(4, int32(), { doc: 'All devices.' }),
  allocatedDevices: pointer(5, int32(), { doc: 'Those in use.' }),
  availableDevices: pointer(6, int32(), { doc: 'Those that may be had.' }),
  unavailableDevices: pointer(7, int32(), { doc: 'Those that may not.' }),
  resourceSliceCount: pointer(8, int32(), { doc: 'Slices that describe it.' }),
  generation: always(9, int64(), { isRequired: true, doc: 'The generation that was counted.' }),
  validationError: pointer(10, string(), { doc: 'Why it could not be counted.' }),
})
export interface PoolStatus extends TypeOf<typeof poolStatus> {}
export const PoolStatus: Schema<PoolStatus> = poolStatus

const resourcePoolStatusRequestStatus = object('io.k8s.api.resource.v1alpha3.ResourcePoolStatusRequestStatus', {
  pools: optional(2, list(PoolStatus, { listType: 'atomic' }), { doc: 'The pools, by driver and name.' }),
  conditions: optional(3, list(Condition, { listType: 'map', mapKeys: ['type'], mergeKey: 'type' }), {
    doc: 'Complete or Failed.',
  }),
  poolCount: pointer(6, int32(), { isRequired: true, doc: 'So many pools there are, whatever the limit.' }),
})
export interface ResourcePoolStatusRequestStatus extends TypeOf<typeof resourcePoolStatusRequestStatus> {}
export const ResourcePoolStatusRequestStatus: Schema<ResourcePoolStatusRequestStatus> = resourcePoolStatusRequestStatus

const kind = defineKind({
  group: 'resource.k8s.io',
  version: 'v1alpha3',
  kind: 'ResourcePoolStatusRequest',
  plural: 'resourcepoolstatusrequests',
  scope: 'Cluster',
  doc: 'A resource pool status request asks how full the pools of a driver are.',
  schemaName: 'io.k8s.api.resource.v1alpha3.ResourcePoolStatusRequest',
  fields: {
    spec: always(2, ResourcePoolStatusRequestSpec, { isRequired: true }),
    status: pointer(3, ResourcePoolStatusRequestStatus),
  },
  status: true,
  generationFrom: [],
  requireVersion: true,
  prepareStatus: (request, old) => resetMetadata(request.metadata, old.metadata),
  validate: ({ metadata, spec }, at) => [...validateFinalizers(metadata, at), ...specErrors(spec, at.child('spec'))],
  validateUpdate: ({ spec }, old, at) => immutableErrors(spec, old.spec, at.child('spec')),
  validateStatusUpdate: ({ status }, old, at) =>
    old.status ? immutableErrors(status, old.status, at.child('status')) : status ? statusErrors(status, at.child('status')) : [],
  columns: [age],
})

const maxLimit = 1000

function specErrors({ driver, poolName, limit }: ResourcePoolStatusRequestSpec, at: Path): FieldError[] {
  return [
    ...(driver === ''
      ? [at.child('driver').required('driver name is required')]
      : validateDriverName(driver, at.child('driver'))),
    ...(poolName === '' ? [at.child('poolName').invalid(poolName, 'must not be empty when specified')] : []),
    ...(poolName ? validatePoolName(poolName, at.child('poolName')) : []),
    ...(limit !== undefined && limit < 1 ? [at.child('limit').invalid(limit, 'must be at least 1')] : []),
    ...(limit !== undefined && limit > maxLimit ? [at.child('limit').invalid(limit, `must not exceed ${maxLimit}`)] : []),
  ]
}

function statusErrors({ pools = [], conditions = [], poolCount }: ResourcePoolStatusRequestStatus, at: Path): FieldError[] {
  const here = at.child('poolCount')
  return [
    ...pools.flatMap((pool, i) => poolErrors(pool, at.child('pools').index(i))),
    ...validateConditions(conditions, at.child('conditions')),
    ...(poolCount === undefined ? [here.required()] : poolCount < 0 ? [here.invalid(poolCount, 'must be non-negative')] : []),
  ]
}

function poolErrors(pool: PoolStatus, at: Path): FieldError[] {
  const { driver = '', poolName = '', nodeName, generation } = pool
  const counts = ['totalDevices', 'allocatedDevices', 'availableDevices', 'unavailableDevices'] as const
  const node = at.child('nodeName')
  return [
    ...(driver === '' ? [at.child('driver').required()] : validateDriverName(driver, at.child('driver'))),
    ...(poolName === '' ? [at.child('poolName').required()] : validatePoolName(poolName, at.child('poolName'))),
    ...(nodeName === '' ? [node.required('nodeName must not be empty when specified')] : []),
    ...(nodeName ? isDns1123Subdomain(nodeName).map((problem) => node.invalid(nodeName, problem)) : []),
    ...counts.flatMap((name) => {
      const count = pool[name]
      return count !== undefined && count < 0 ? [at.child(name).invalid(count, 'must be non-negative')] : []
    }),
    ...(Number(generation) < 0 ? [at.child('generation').invalid(generation, 'must be non-negative')] : []),
  ]
}

export interface ResourcePoolStatusRequest extends ObjectOf<typeof kind> {}
export const ResourcePoolStatusRequest: Kind<'ResourcePoolStatusRequest', ResourcePoolStatusRequest> = kind
