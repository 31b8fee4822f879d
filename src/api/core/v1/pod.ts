/** pod: Pod. */
import { ContainerStatus } from '#api/core/v1/container-status.ts'
import { PodSpec } from '#api/core/v1/pod-spec.ts'
import { ResourceRequirements } from '#api/core/v1/resources.ts'
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import {
  always,
  int64,
  list,
  map,
  object,
  oneOf,
  optional,
  pointer,
  quantity,
  type Schema,
  string,
  type TypeOf,
  time,
} from '#schema/words.ts'

const podCondition = object('io.k8s.api.core.v1.PodCondition', {
  type: always(1, string()),
  observedGeneration: optional(7, int64()),
  status: always(2, string()),
  lastProbeTime: always(3, time()),
  lastTransitionTime: always(4, time()),
  reason: optional(5, string()),
  message: optional(6, string()),
})
export interface PodCondition extends TypeOf<typeof podCondition> {}
export const PodCondition: Schema<PodCondition> = podCondition

const hostIP = object('io.k8s.api.core.v1.HostIP', {
  ip: always(1, string()),
})
export interface HostIP extends TypeOf<typeof hostIP> {}
export const HostIP: Schema<HostIP> = hostIP

const podIP = object('io.k8s.api.core.v1.PodIP', {
  ip: always(1, string()),
})
export interface PodIP extends TypeOf<typeof podIP> {}
export const PodIP: Schema<PodIP> = podIP

const podResourceClaimStatus = object('io.k8s.api.core.v1.PodResourceClaimStatus', {
  name: always(1, string()),
  resourceClaimName: pointer(2, string()),
})
export interface PodResourceClaimStatus extends TypeOf<typeof podResourceClaimStatus> {}
export const PodResourceClaimStatus: Schema<PodResourceClaimStatus> = podResourceClaimStatus

const containerExtendedResourceRequest = object('io.k8s.api.core.v1.ContainerExtendedResourceRequest', {
  containerName: always(1, string()),
  resourceName: always(2, string()),
  requestName: always(3, string()),
})
export interface ContainerExtendedResourceRequest extends TypeOf<typeof containerExtendedResourceRequest> {}
export const ContainerExtendedResourceRequest: Schema<ContainerExtendedResourceRequest> = containerExtendedResourceRequest

const podExtendedResourceClaimStatus = object('io.k8s.api.core.v1.PodExtendedResourceClaimStatus', {
  requestMappings: always(1, list(ContainerExtendedResourceRequest, { listType: 'atomic' })),
  resourceClaimName: always(2, string()),
})
export interface PodExtendedResourceClaimStatus extends TypeOf<typeof podExtendedResourceClaimStatus> {}
export const PodExtendedResourceClaimStatus: Schema<PodExtendedResourceClaimStatus> = podExtendedResourceClaimStatus

const nodeAllocatableResourceClaimStatus = object('io.k8s.api.core.v1.NodeAllocatableResourceClaimStatus', {
  resourceClaimName: always(1, string()),
  containers: optional(2, list(string(), { listType: 'set' })),
  resources: always(3, map(quantity())),
})
export interface NodeAllocatableResourceClaimStatus extends TypeOf<typeof nodeAllocatableResourceClaimStatus> {}
export const NodeAllocatableResourceClaimStatus: Schema<NodeAllocatableResourceClaimStatus> = nodeAllocatableResourceClaimStatus

const podStatus = object('io.k8s.api.core.v1.PodStatus', {
  observedGeneration: optional(17, int64()),
  phase: optional(1, oneOf('Failed', 'Pending', 'Running', 'Succeeded', 'Unknown')),
  conditions: optional(2, list(PodCondition, { listType: 'map', mapKeys: ['type'], mergeKey: 'type' })),
  message: optional(3, string()),
  reason: optional(4, string()),
  nominatedNodeName: optional(11, string()),
  hostIP: optional(5, string()),
  hostIPs: optional(16, list(HostIP, { listType: 'atomic', mergeKey: 'ip' })),
  podIP: optional(6, string()),
  podIPs: optional(12, list(PodIP, { listType: 'map', mapKeys: ['ip'], mergeKey: 'ip' })),
  startTime: pointer(7, time()),
  initContainerStatuses: optional(10, list(ContainerStatus, { listType: 'atomic' })),
  containerStatuses: optional(8, list(ContainerStatus, { listType: 'atomic' })),
  qosClass: optional(9, oneOf('BestEffort', 'Burstable', 'Guaranteed')),
  ephemeralContainerStatuses: optional(13, list(ContainerStatus, { listType: 'atomic' })),
  resize: optional(14, string(), {
    /* gate InPlacePodVerticalScaling */
  }),
  resourceClaimStatuses: optional(
    15,
    list(PodResourceClaimStatus, { listType: 'map', mapKeys: ['name'], mergeKey: 'name', retainKeys: true }),
    {
      /* gate DynamicResourceAllocation */
    },
  ),
  extendedResourceClaimStatus: pointer(18, PodExtendedResourceClaimStatus, {
    /* gate DRAExtendedResource */
  }),
  allocatedResources: optional(19, map(quantity()), {
    /* gate InPlacePodLevelResourcesVerticalScaling */
  }),
  resources: pointer(20, ResourceRequirements, {
    /* gate InPlacePodLevelResourcesVerticalScaling */
  }),
  nodeAllocatableResourceClaimStatuses: optional(21, list(NodeAllocatableResourceClaimStatus, { listType: 'atomic' }), {
    /* gate DRANodeAllocatableResources */
  }),
})
export interface PodStatus extends TypeOf<typeof podStatus> {}
export const PodStatus: Schema<PodStatus> = podStatus

const kind = defineKind({
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  scope: 'Namespaced',
  schemaName: 'io.k8s.api.core.v1.Pod',
  shortNames: ['po'],
  categories: ['all'],
  status: true,
  fields: {
    spec: always(2, PodSpec),
    status: always(3, PodStatus),
  },
})

export interface Pod extends ObjectOf<typeof kind> {}
export const Pod: Kind<'Pod', Pod> = kind
