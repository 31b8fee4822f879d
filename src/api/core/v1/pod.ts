/** Pod: containers that run together on one node, and what became of them. */
import { ContainerStatus } from '#api/core/v1/container-status.ts'
import { podColumns, podRowConditions } from '#api/core/v1/pod-columns.ts'
import { defaultPod } from '#api/core/v1/pod-defaults.ts'
import { PodSpec } from '#api/core/v1/pod-spec.ts'
import {
  graceSecondsOf,
  prepareEphemeralContainers,
  preparePod,
  preparePodStatus,
  prepareResize,
} from '#api/core/v1/pod-strategy.ts'
import { podStatusWarnings, podWarnings } from '#api/core/v1/pod-warnings.ts'
import { ResourceRequirements } from '#api/core/v1/resources.ts'
import {
  validateEphemeralContainersUpdate,
  validatePod,
  validatePodCreate,
  validatePodUpdate,
} from '#api/core/v1/validation/pod.ts'
import { validatePodResize } from '#api/core/v1/validation/pod-resize.ts'
import { validatePodStatusUpdate } from '#api/core/v1/validation/pod-status.ts'
import { defineKind, type Kind, type KubeObject, type ObjectOf } from '#schema/kind.ts'
import {
  always,
  int64,
  known,
  list,
  map,
  object,
  optional,
  pointer,
  quantity,
  type Schema,
  string,
  type TypeOf,
  time,
} from '#schema/words.ts'

const podCondition = object('io.k8s.api.core.v1.PodCondition', {
  type: always(1, string(), { doc: 'The aspect: PodScheduled, Initialized, ContainersReady, Ready or another.' }),
  observedGeneration: optional(7, int64(), { doc: 'Generation of the spec that the condition was computed from.' }),
  status: always(2, string(), { doc: 'True, False or Unknown.' }),
  lastProbeTime: always(3, time(), { doc: 'When it was last checked.' }),
  lastTransitionTime: always(4, time(), { doc: 'When the status last changed.' }),
  reason: optional(5, string(), { doc: 'Why, in one word.' }),
  message: optional(6, string(), { doc: 'Why, in a sentence.' }),
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
  observedGeneration: optional(17, int64(), { doc: 'Generation of the spec that the status was computed from.' }),
  phase: optional(1, known('Failed', 'Pending', 'Running', 'Succeeded', 'Unknown'), {
    doc: 'Where the pod is in its life: Pending, Running, Succeeded, Failed or Unknown.',
  }),
  conditions: optional(2, list(PodCondition, { listType: 'map', mapKeys: ['type'], mergeKey: 'type' }), {
    doc: 'Aspects of the pod that hold or do not.',
  }),
  message: optional(3, string(), { doc: 'Why the pod is as it is, for people.' }),
  reason: optional(4, string(), { doc: 'The same in one word, such as Evicted.' }),
  nominatedNodeName: optional(11, string(), { doc: 'Node on which room is being made for the pod.' }),
  hostIP: optional(5, string(), { doc: 'Address of the node.' }),
  hostIPs: optional(16, list(HostIP, { listType: 'atomic', mergeKey: 'ip' }), {
    doc: 'Addresses of the node, one of each family.',
  }),
  podIP: optional(6, string(), { doc: 'First address of the pod.' }),
  podIPs: optional(12, list(PodIP, { listType: 'map', mapKeys: ['ip'], mergeKey: 'ip' }), {
    doc: 'Addresses of the pod, one of each family.',
  }),
  startTime: pointer(7, time(), { doc: 'When the node accepted the pod.' }),
  initContainerStatuses: optional(10, list(ContainerStatus, { listType: 'atomic' }), { doc: 'State of the init containers.' }),
  containerStatuses: optional(8, list(ContainerStatus, { listType: 'atomic' }), { doc: 'State of the containers.' }),
  qosClass: optional(9, known('BestEffort', 'Burstable', 'Guaranteed'), {
    doc: 'How the pod fares when the node runs out of resources: Guaranteed, Burstable or BestEffort.',
  }),
  ephemeralContainerStatuses: optional(13, list(ContainerStatus, { listType: 'atomic' }), {
    doc: 'State of the ephemeral containers.',
  }),
  resize: optional(14, string(), { doc: 'No longer filled in; conditions tell the state of a resize.' }),
  resourceClaimStatuses: optional(
    15,
    list(PodResourceClaimStatus, { listType: 'map', mapKeys: ['name'], mergeKey: 'name', retainKeys: true }),
    { doc: 'Claims that were made for the pod.' },
  ),
  extendedResourceClaimStatus: pointer(18, PodExtendedResourceClaimStatus),
  allocatedResources: optional(19, map(quantity()), { doc: 'Resources that the node has set aside for the pod.' }),
  resources: pointer(20, ResourceRequirements, { doc: 'Resources that the pod as a whole has now.' }),
  nodeAllocatableResourceClaimStatuses: optional(21, list(NodeAllocatableResourceClaimStatus, { listType: 'atomic' })),
})
export interface PodStatus extends TypeOf<typeof podStatus> {}
export const PodStatus: Schema<PodStatus> = podStatus

/** A pod's parts, for the functions that its definition is made of. */
export interface PodParts extends KubeObject {
  spec: PodSpec
  status: PodStatus
}

const kind = defineKind({
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  scope: 'Namespaced',
  doc: 'A pod is a group of containers that share a network address and volumes, and run on one node.',
  schemaName: 'io.k8s.api.core.v1.Pod',
  shortNames: ['po'],
  categories: ['all'],
  status: true,
  fields: {
    spec: always(2, PodSpec, { doc: 'What the pod shall be.' }),
    status: always(3, PodStatus, { doc: 'What was observed; written by the system.' }),
  },
  subresources: {
    attach: { kind: 'PodAttachOptions', verbs: ['create', 'get'] },
    binding: { kind: 'Binding', verbs: ['create'] },
    ephemeralcontainers: {
      kind: 'Pod',
      verbs: ['get', 'patch', 'update'],
      prepare: prepareEphemeralContainers,
      validateUpdate: validateEphemeralContainersUpdate,
    },
    eviction: { group: 'policy', version: 'v1', kind: 'Eviction', verbs: ['create'] },
    exec: { kind: 'PodExecOptions', verbs: ['create', 'get'] },
    log: { kind: 'Pod', verbs: ['get'] },
    portforward: { kind: 'PodPortForwardOptions', verbs: ['create', 'get'] },
    proxy: { kind: 'PodProxyOptions', verbs: ['create', 'delete', 'get', 'patch', 'update'] },
    resize: {
      kind: 'Pod',
      verbs: ['get', 'patch', 'update'],
      prepare: prepareResize,
      validateUpdate: validatePodResize,
    },
  },
  defaults: defaultPod,
  prepare: preparePod,
  prepareStatus: preparePodStatus,
  validate: validatePod,
  validateCreate: validatePodCreate,
  validateUpdate: validatePodUpdate,
  validateStatusUpdate: validatePodStatusUpdate,
  warnings: podWarnings,
  statusWarnings: podStatusWarnings,
  graceSeconds: graceSecondsOf,
  columns: podColumns,
  rowConditions: podRowConditions,
  selectableAliases: { 'spec.host': 'spec.nodeName' },
  selectable: {
    'spec.nodeName': ({ spec }) => spec.nodeName ?? '',
    'spec.restartPolicy': ({ spec }) => spec.restartPolicy,
    'spec.schedulerName': ({ spec }) => spec.schedulerName,
    'spec.serviceAccountName': ({ spec }) => spec.serviceAccountName ?? '',
    'spec.hostNetwork': ({ spec }) => String(spec.hostNetwork ?? false),
    'status.phase': ({ status }) => status.phase ?? '',
    'status.podIP': ({ status }) => status.podIPs?.[0]?.ip ?? '',
    // Accepted upstream, and equal to nothing.
    'status.podIPs': () => '',
    'status.nominatedNodeName': ({ status }) => status.nominatedNodeName ?? '',
  },
})

export interface Pod extends ObjectOf<typeof kind> {}
export const Pod: Kind<'Pod', Pod> = kind
