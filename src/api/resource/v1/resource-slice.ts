/** ResourceSlice: devices that a driver offers. */
import { NodeSelector } from '#api/core/v1/affinity.ts'
import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import { DeviceTaint, withTime } from '#api/resource/v1/device.ts'
import { validateSlice } from '#api/resource/v1/slice-validation.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { immutableErrors } from '#schema/validate.ts'
import {
  always,
  boolean,
  int64,
  list,
  map,
  object,
  optional,
  pointer,
  quantity,
  type Schema,
  string,
  type TypeOf,
} from '#schema/words.ts'

const counter = object('io.k8s.api.resource.v1.Counter', {
  value: always(1, quantity(), { isRequired: true }),
})
export interface Counter extends TypeOf<typeof counter> {}
export const Counter: Schema<Counter> = counter

const counterSet = object('io.k8s.api.resource.v1.CounterSet', {
  name: always(1, string()),
  counters: optional(2, map(Counter), { isRequired: true }),
})
export interface CounterSet extends TypeOf<typeof counterSet> {}
export const CounterSet: Schema<CounterSet> = counterSet

const deviceCounterConsumption = object('io.k8s.api.resource.v1.DeviceCounterConsumption', {
  counterSet: always(1, string()),
  counters: optional(2, map(Counter), { isRequired: true }),
})
export interface DeviceCounterConsumption extends TypeOf<typeof deviceCounterConsumption> {}
export const DeviceCounterConsumption: Schema<DeviceCounterConsumption> = deviceCounterConsumption

const capacityRequestPolicyRange = object('io.k8s.api.resource.v1.CapacityRequestPolicyRange', {
  min: pointer(1, quantity(), { isRequired: true }),
  max: pointer(2, quantity()),
  step: pointer(3, quantity()),
})
export interface CapacityRequestPolicyRange extends TypeOf<typeof capacityRequestPolicyRange> {}
export const CapacityRequestPolicyRange: Schema<CapacityRequestPolicyRange> = capacityRequestPolicyRange

const capacityRequestPolicy = object('io.k8s.api.resource.v1.CapacityRequestPolicy', {
  default: pointer(1, quantity()),
  validValues: optional(3, list(quantity(), { listType: 'atomic' })),
  validRange: pointer(4, CapacityRequestPolicyRange),
})
export interface CapacityRequestPolicy extends TypeOf<typeof capacityRequestPolicy> {}
export const CapacityRequestPolicy: Schema<CapacityRequestPolicy> = capacityRequestPolicy

const deviceCapacity = object('io.k8s.api.resource.v1.DeviceCapacity', {
  value: always(1, quantity(), { isRequired: true }),
  requestPolicy: pointer(2, CapacityRequestPolicy),
})
export interface DeviceCapacity extends TypeOf<typeof deviceCapacity> {}
export const DeviceCapacity: Schema<DeviceCapacity> = deviceCapacity

const deviceAttribute = object('io.k8s.api.resource.v1.DeviceAttribute', {
  int: pointer(2, int64()),
  bool: pointer(3, boolean()),
  string: pointer(4, string()),
  version: pointer(5, string()),
  ints: optional(6, list(int64(), { listType: 'atomic' })),
  bools: optional(7, list(boolean(), { listType: 'atomic' })),
  strings: optional(8, list(string(), { listType: 'atomic' })),
  versions: optional(9, list(string(), { listType: 'atomic' })),
})
export interface DeviceAttribute extends TypeOf<typeof deviceAttribute> {}
export const DeviceAttribute: Schema<DeviceAttribute> = deviceAttribute

const nodeAllocatableResourceMapping = object('io.k8s.api.resource.v1.NodeAllocatableResourceMapping', {
  capacityKey: pointer(1, string()),
  allocationMultiplier: pointer(2, quantity()),
})
export interface NodeAllocatableResourceMapping extends TypeOf<typeof nodeAllocatableResourceMapping> {}
export const NodeAllocatableResourceMapping: Schema<NodeAllocatableResourceMapping> = nodeAllocatableResourceMapping

const device = object('io.k8s.api.resource.v1.Device', {
  name: always(1, string()),
  attributes: optional(2, map(DeviceAttribute)),
  capacity: optional(3, map(DeviceCapacity)),
  consumesCounters: optional(4, list(DeviceCounterConsumption, { listType: 'atomic' })),
  nodeName: pointer(5, string()),
  nodeSelector: pointer(6, NodeSelector),
  allNodes: pointer(7, boolean()),
  taints: optional(8, list(DeviceTaint, { listType: 'atomic' })),
  bindsToNode: pointer(9, boolean()),
  bindingConditions: optional(10, list(string(), { listType: 'atomic' })),
  bindingFailureConditions: optional(11, list(string(), { listType: 'atomic' })),
  allowMultipleAllocations: pointer(12, boolean()),
  nodeAllocatableResourceMappings: optional(13, map(NodeAllocatableResourceMapping)),
})
export interface Device extends TypeOf<typeof device> {}
export const Device: Schema<Device> = device

const resourcePool = object('io.k8s.api.resource.v1.ResourcePool', {
  name: always(1, string()),
  generation: always(2, int64()),
  resourceSliceCount: always(3, int64()),
})
export interface ResourcePool extends TypeOf<typeof resourcePool> {}
export const ResourcePool: Schema<ResourcePool> = resourcePool

const resourceSliceSpec = object('io.k8s.api.resource.v1.ResourceSliceSpec', {
  driver: always(1, string(), { doc: 'Driver that publishes the devices.' }),
  pool: always(2, ResourcePool, { isRequired: true, doc: 'Pool of the devices.' }),
  nodeName: pointer(3, string(), { doc: 'Node that has them.' }),
  nodeSelector: pointer(4, NodeSelector, { doc: 'Nodes that can use them.' }),
  allNodes: pointer(5, boolean(), { doc: 'Whether every node can.' }),
  devices: optional(6, list(Device, { listType: 'atomic' }), { doc: 'The devices.' }),
  perDeviceNodeSelection: pointer(7, boolean(), { doc: 'Whether each device says so itself.' }),
  sharedCounters: optional(8, list(CounterSet, { listType: 'atomic' }), { doc: 'Counters that devices draw from.' }),
})
export interface ResourceSliceSpec extends TypeOf<typeof resourceSliceSpec> {}
export const ResourceSliceSpec: Schema<ResourceSliceSpec> = resourceSliceSpec

const kind = defineKind({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceSlice',
  plural: 'resourceslices',
  scope: 'Cluster',
  doc: 'A resource slice is a part of a pool of devices.',
  schemaName: 'io.k8s.api.resource.v1.ResourceSlice',
  fields: {
    spec: always(2, ResourceSliceSpec, { isRequired: true }),
  },
  generationFrom: ['spec'],
  prepare({ spec }, _old, now) {
    if (!spec.devices?.some(({ taints = [] }) => taints.some(({ timeAdded }) => !timeAdded))) return
    spec.devices = spec.devices.map(({ taints, ...device }) => ({
      ...device,
      ...(taints && { taints: taints.map((taint) => withTime(taint, now)) }),
    }))
  },
  validate: ({ metadata, spec }, at) => [...validateFinalizers(metadata, at), ...validateSlice(spec, at.child('spec'))],
  validateUpdate: ({ spec }, { spec: old }, at) => [
    ...immutableErrors(spec.pool.name, old.pool.name, at.child('spec', 'pool', 'name')),
    ...immutableErrors(spec.driver, old.driver, at.child('spec', 'driver')),
    ...immutableErrors(spec.nodeName, old.nodeName, at.child('spec', 'nodeName')),
  ],
  selectable: { 'spec.nodeName': ({ spec }) => spec.nodeName ?? '', 'spec.driver': ({ spec }) => spec.driver },
  columns: [
    { name: 'Node', doc: 'Node that has the devices.', value: ({ spec }) => spec.nodeName || '<unset>' },
    { name: 'Driver', doc: 'Driver that offers them.', value: ({ spec }) => spec.driver },
    { name: 'Pool', doc: 'Pool they belong to.', value: ({ spec }) => spec.pool.name },
    age,
  ],
})

export interface ResourceSlice extends ObjectOf<typeof kind> {}
export const ResourceSlice: Kind<'ResourceSlice', ResourceSlice> = kind
