/** ResourceClaim: devices that pods use. */

import { NodeSelector } from '#api/core/v1/affinity.ts'
import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import { Condition } from '#api/meta/v1/condition.ts'
import { resetMetadata } from '#api/meta/v1/reset-metadata.ts'
import { deviceId, validateClaimStatus } from '#api/resource/v1/claim-status-validation.ts'
import { validateClaimSpec } from '#api/resource/v1/claim-validation.ts'
import { DeviceConfiguration, DeviceSelector, DeviceToleration } from '#api/resource/v1/device.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import {
  always,
  boolean,
  embedded,
  int64,
  known,
  list,
  map,
  object,
  optional,
  pointer,
  quantity,
  raw,
  type Schema,
  string,
  type TypeOf,
  time,
} from '#schema/words.ts'

const capacityRequirements = object('io.k8s.api.resource.v1.CapacityRequirements', {
  requests: optional(1, map(quantity())),
})
export interface CapacityRequirements extends TypeOf<typeof capacityRequirements> {}
export const CapacityRequirements: Schema<CapacityRequirements> = capacityRequirements

const exactDeviceRequest = object('io.k8s.api.resource.v1.ExactDeviceRequest', {
  deviceClassName: always(1, string(), { doc: 'Class of the device.' }),
  selectors: optional(2, list(DeviceSelector, { listType: 'atomic' }), { doc: 'Expressions that the device must fulfil.' }),
  allocationMode: optional(3, string(), { doc: 'ExactCount or All.' }),
  count: optional(4, int64(), { doc: 'How many.' }),
  adminAccess: pointer(5, boolean(), { doc: 'Access beside other users, for monitoring.' }),
  tolerations: optional(6, list(DeviceToleration, { listType: 'atomic' })),
  capacity: pointer(7, CapacityRequirements),
})
export interface ExactDeviceRequest extends TypeOf<typeof exactDeviceRequest> {}
export const ExactDeviceRequest: Schema<ExactDeviceRequest> = exactDeviceRequest

const deviceSubRequest = object('io.k8s.api.resource.v1.DeviceSubRequest', {
  name: always(1, string()),
  deviceClassName: always(2, string()),
  selectors: optional(3, list(DeviceSelector, { listType: 'atomic' })),
  allocationMode: optional(4, string()),
  count: optional(5, int64()),
  tolerations: optional(6, list(DeviceToleration, { listType: 'atomic' })),
  capacity: pointer(7, CapacityRequirements),
})
export interface DeviceSubRequest extends TypeOf<typeof deviceSubRequest> {}
export const DeviceSubRequest: Schema<DeviceSubRequest> = deviceSubRequest

const deviceRequest = object('io.k8s.api.resource.v1.DeviceRequest', {
  name: always(1, string(), { doc: 'Name that pods use.' }),
  exactly: pointer(2, ExactDeviceRequest, { doc: 'One request.' }),
  firstAvailable: optional(3, list(DeviceSubRequest, { listType: 'atomic' }), {
    doc: 'Several, of which the first that can be had is taken.',
  }),
})
export interface DeviceRequest extends TypeOf<typeof deviceRequest> {}
export const DeviceRequest: Schema<DeviceRequest> = deviceRequest

const deviceConstraint = object('io.k8s.api.resource.v1.DeviceConstraint', {
  requests: optional(1, list(string(), { listType: 'atomic' })),
  matchAttribute: pointer(2, string()),
  distinctAttribute: pointer(3, string()),
})
export interface DeviceConstraint extends TypeOf<typeof deviceConstraint> {}
export const DeviceConstraint: Schema<DeviceConstraint> = deviceConstraint

const deviceClaimConfiguration = object('io.k8s.api.resource.v1.DeviceClaimConfiguration', {
  requests: optional(1, list(string(), { listType: 'atomic' })),
  ...embedded(2, DeviceConfiguration),
})
export interface DeviceClaimConfiguration extends TypeOf<typeof deviceClaimConfiguration> {}
export const DeviceClaimConfiguration: Schema<DeviceClaimConfiguration> = deviceClaimConfiguration

const deviceClaim = object('io.k8s.api.resource.v1.DeviceClaim', {
  requests: always(1, list(DeviceRequest, { listType: 'atomic' }), {
    isRequired: false,
    nullWhenEmpty: true,
    doc: 'Devices, each with a name.',
  }),
  constraints: optional(2, list(DeviceConstraint, { listType: 'atomic' }), { doc: 'What must hold between devices.' }),
  config: optional(3, list(DeviceClaimConfiguration, { listType: 'atomic' }), { doc: 'Configuration for the drivers.' }),
})
export interface DeviceClaim extends TypeOf<typeof deviceClaim> {}
export const DeviceClaim: Schema<DeviceClaim> = deviceClaim

const resourceClaimSpec = object('io.k8s.api.resource.v1.ResourceClaimSpec', {
  devices: always(1, DeviceClaim, { doc: 'Devices that are wanted.' }),
})
export interface ResourceClaimSpec extends TypeOf<typeof resourceClaimSpec> {}
export const ResourceClaimSpec: Schema<ResourceClaimSpec> = resourceClaimSpec

const deviceRequestAllocationResult = object('io.k8s.api.resource.v1.DeviceRequestAllocationResult', {
  request: always(1, string()),
  driver: always(2, string()),
  pool: always(3, string()),
  device: always(4, string()),
  adminAccess: pointer(5, boolean()),
  tolerations: optional(6, list(DeviceToleration, { listType: 'atomic' })),
  bindingConditions: optional(7, list(string(), { listType: 'atomic' })),
  bindingFailureConditions: optional(8, list(string(), { listType: 'atomic' })),
  shareID: pointer(9, string()),
  consumedCapacity: optional(10, map(quantity())),
})
export interface DeviceRequestAllocationResult extends TypeOf<typeof deviceRequestAllocationResult> {}
export const DeviceRequestAllocationResult: Schema<DeviceRequestAllocationResult> = deviceRequestAllocationResult

const deviceAllocationConfiguration = object('io.k8s.api.resource.v1.DeviceAllocationConfiguration', {
  source: always(1, known('FromClaim', 'FromClass')),
  requests: optional(2, list(string(), { listType: 'atomic' })),
  ...embedded(3, DeviceConfiguration),
})
export interface DeviceAllocationConfiguration extends TypeOf<typeof deviceAllocationConfiguration> {}
export const DeviceAllocationConfiguration: Schema<DeviceAllocationConfiguration> = deviceAllocationConfiguration

const deviceAllocationResult = object('io.k8s.api.resource.v1.DeviceAllocationResult', {
  results: optional(1, list(DeviceRequestAllocationResult, { listType: 'atomic' })),
  config: optional(2, list(DeviceAllocationConfiguration, { listType: 'atomic' })),
})
export interface DeviceAllocationResult extends TypeOf<typeof deviceAllocationResult> {}
export const DeviceAllocationResult: Schema<DeviceAllocationResult> = deviceAllocationResult

const allocationResult = object('io.k8s.api.resource.v1.AllocationResult', {
  devices: always(1, DeviceAllocationResult),
  nodeSelector: pointer(3, NodeSelector),
  allocationTimestamp: pointer(5, time()),
})
export interface AllocationResult extends TypeOf<typeof allocationResult> {}
export const AllocationResult: Schema<AllocationResult> = allocationResult

const resourceClaimConsumerReference = object('io.k8s.api.resource.v1.ResourceClaimConsumerReference', {
  apiGroup: optional(1, string()),
  resource: always(3, string()),
  name: always(4, string()),
  uid: always(5, string()),
})
export interface ResourceClaimConsumerReference extends TypeOf<typeof resourceClaimConsumerReference> {}
export const ResourceClaimConsumerReference: Schema<ResourceClaimConsumerReference> = resourceClaimConsumerReference

const networkDeviceData = object('io.k8s.api.resource.v1.NetworkDeviceData', {
  interfaceName: optional(1, string()),
  ips: optional(2, list(string(), { listType: 'atomic' })),
  hardwareAddress: optional(3, string()),
})
export interface NetworkDeviceData extends TypeOf<typeof networkDeviceData> {}
export const NetworkDeviceData: Schema<NetworkDeviceData> = networkDeviceData

const allocatedDeviceStatus = object('io.k8s.api.resource.v1.AllocatedDeviceStatus', {
  driver: always(1, string()),
  pool: always(2, string()),
  device: always(3, string()),
  shareID: pointer(7, string()),
  conditions: always(4, list(Condition, { listType: 'map', mapKeys: ['type'] }), { isRequired: false, nullWhenEmpty: true }),
  data: pointer(5, raw()),
  networkData: pointer(6, NetworkDeviceData),
})
export interface AllocatedDeviceStatus extends TypeOf<typeof allocatedDeviceStatus> {}
export const AllocatedDeviceStatus: Schema<AllocatedDeviceStatus> = allocatedDeviceStatus

const resourceClaimStatus = object('io.k8s.api.resource.v1.ResourceClaimStatus', {
  allocation: pointer(1, AllocationResult, { doc: 'Devices that were given.' }),
  reservedFor: optional(2, list(ResourceClaimConsumerReference, { listType: 'map', mapKeys: ['uid'], mergeKey: 'uid' }), {
    doc: 'Who uses the claim.',
  }),
  devices: optional(4, list(AllocatedDeviceStatus, { listType: 'map', mapKeys: ['driver', 'device', 'pool', 'shareID'] }), {
    doc: 'What drivers say about the devices.',
  }),
})
export interface ResourceClaimStatus extends TypeOf<typeof resourceClaimStatus> {}
export const ResourceClaimStatus: Schema<ResourceClaimStatus> = resourceClaimStatus

/** Requests without a mode are for a count, which is one. */
export function defaultClaimSpec({ devices }: ResourceClaimSpec): void {
  for (const { exactly, firstAvailable = [] } of devices.requests ?? []) {
    for (const request of [...(exactly ? [exactly] : []), ...firstAvailable]) {
      request.allocationMode ||= 'ExactCount'
      if (request.allocationMode === 'ExactCount') request.count ||= 1
      for (const toleration of request.tolerations ?? []) toleration.operator ||= 'Equal'
    }
  }
}

const kind = defineKind({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceClaim',
  plural: 'resourceclaims',
  scope: 'Namespaced',
  doc: 'A resource claim asks for devices; the scheduler chooses them.',
  schemaName: 'io.k8s.api.resource.v1.ResourceClaim',
  fields: {
    spec: always(2, ResourceClaimSpec, { isRequired: true }),
    status: always(3, ResourceClaimStatus),
  },
  status: true,
  generationFrom: [],
  immutable: ['spec'],
  defaults: ({ spec }) => defaultClaimSpec(spec),
  prepareStatus(claim, old) {
    resetMetadata(claim.metadata, old.metadata)
    dropDeallocated(claim.status, old.status)
  },
  validate: ({ metadata }, at) => validateFinalizers(metadata, at),
  validateCreate: ({ spec }, at) => validateClaimSpec(spec, at.child('spec')),
  validateStatusUpdate: (claim, old, at) => validateClaimStatus(claim, old, at.child('status')),
  columns: [{ name: 'State', doc: 'Whether devices were given, and to whom.', value: (claim) => stateText(claim) }, age],
})

/** What drivers said about devices that this write takes back goes with them. */
function dropDeallocated(status: ResourceClaimStatus, old: ResourceClaimStatus): void {
  const idsOf = ({ allocation }: ResourceClaimStatus) => new Set((allocation?.devices.results ?? []).map(deviceId))
  const gone = idsOf(old).difference(idsOf(status))
  const devices = (status.devices ?? []).filter((device) => !gone.has(deviceId(device)))
  if (devices.length > 0) status.devices = devices
  else delete status.devices
}

function stateText({
  metadata,
  status,
}: {
  metadata: { deletionTimestamp?: string | undefined }
  status: ResourceClaimStatus
}): string {
  const states = [
    ...(metadata.deletionTimestamp ? ['deleted'] : []),
    ...(status.allocation ? ['allocated'] : metadata.deletionTimestamp ? [] : ['pending']),
    ...(status.reservedFor?.length ? ['reserved'] : []),
  ]
  return states.join(',')
}

export interface ResourceClaim extends ObjectOf<typeof kind> {}
export const ResourceClaim: Kind<'ResourceClaim', ResourceClaim> = kind
