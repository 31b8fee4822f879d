/** Node: a machine that runs pods, and what it reports of itself. */

import { nodeColumns } from '#api/core/v1/node-columns.ts'
import { roundUp } from '#api/core/v1/pod-defaults.ts'
import { Taint } from '#api/core/v1/taint.ts'
import { validateNode, validateNodeStatusUpdate, validateNodeUpdate } from '#api/core/v1/validation/node.ts'
import { root } from '#schema/field-error.ts'
import { cidrWarnings } from '#schema/ip-warnings.ts'
import { defineKind, type Kind, type KubeObject, type ObjectOf } from '#schema/kind.ts'
import {
  always,
  boolean,
  int32,
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

const configMapNodeConfigSource = object('io.k8s.api.core.v1.ConfigMapNodeConfigSource', {
  namespace: always(1, string()),
  name: always(2, string()),
  uid: optional(3, string()),
  resourceVersion: optional(4, string()),
  kubeletConfigKey: always(5, string()),
})
export interface ConfigMapNodeConfigSource extends TypeOf<typeof configMapNodeConfigSource> {}
export const ConfigMapNodeConfigSource: Schema<ConfigMapNodeConfigSource> = configMapNodeConfigSource

const nodeConfigSource = object('io.k8s.api.core.v1.NodeConfigSource', {
  configMap: pointer(2, ConfigMapNodeConfigSource),
})
export interface NodeConfigSource extends TypeOf<typeof nodeConfigSource> {}
export const NodeConfigSource: Schema<NodeConfigSource> = nodeConfigSource

const nodeSpec = object('io.k8s.api.core.v1.NodeSpec', {
  podCIDR: optional(1, string(), { doc: 'First range of pod addresses.' }),
  podCIDRs: optional(7, list(string(), { listType: 'set', mergeKey: '' }), {
    doc: 'Ranges of pod addresses, one of each family.',
  }),
  providerID: optional(3, string(), { doc: 'Name of the machine at its provider.' }),
  unschedulable: optional(4, boolean(), { doc: 'Whether new pods stay away.' }),
  taints: optional(5, list(Taint, { listType: 'atomic' }), { doc: 'Taints of the node.' }),
  configSource: pointer(6, NodeConfigSource, { doc: 'Of a removed feature.' }),
  externalID: optional(2, string(), { doc: 'No longer used.' }),
})
export interface NodeSpec extends TypeOf<typeof nodeSpec> {}
export const NodeSpec: Schema<NodeSpec> = nodeSpec

const nodeCondition = object('io.k8s.api.core.v1.NodeCondition', {
  type: always(1, string()),
  status: always(2, string()),
  lastHeartbeatTime: always(3, time()),
  lastTransitionTime: always(4, time()),
  reason: optional(5, string()),
  message: optional(6, string()),
})
export interface NodeCondition extends TypeOf<typeof nodeCondition> {}
export const NodeCondition: Schema<NodeCondition> = nodeCondition

const nodeAddress = object('io.k8s.api.core.v1.NodeAddress', {
  type: always(1, string()),
  address: always(2, string()),
})
export interface NodeAddress extends TypeOf<typeof nodeAddress> {}
export const NodeAddress: Schema<NodeAddress> = nodeAddress

const daemonEndpoint = object('io.k8s.api.core.v1.DaemonEndpoint', {
  Port: always(1, int32()),
})
export interface DaemonEndpoint extends TypeOf<typeof daemonEndpoint> {}
export const DaemonEndpoint: Schema<DaemonEndpoint> = daemonEndpoint

const nodeDaemonEndpoints = object('io.k8s.api.core.v1.NodeDaemonEndpoints', {
  kubeletEndpoint: always(1, DaemonEndpoint),
})
export interface NodeDaemonEndpoints extends TypeOf<typeof nodeDaemonEndpoints> {}
export const NodeDaemonEndpoints: Schema<NodeDaemonEndpoints> = nodeDaemonEndpoints

const nodeSwapStatus = object('io.k8s.api.core.v1.NodeSwapStatus', {
  capacity: pointer(1, int64()),
})
export interface NodeSwapStatus extends TypeOf<typeof nodeSwapStatus> {}
export const NodeSwapStatus: Schema<NodeSwapStatus> = nodeSwapStatus

const nodeSystemInfo = object('io.k8s.api.core.v1.NodeSystemInfo', {
  machineID: always(1, string()),
  systemUUID: always(2, string()),
  bootID: always(3, string()),
  kernelVersion: always(4, string()),
  osImage: always(5, string()),
  containerRuntimeVersion: always(6, string()),
  kubeletVersion: always(7, string()),
  kubeProxyVersion: always(8, string()),
  operatingSystem: always(9, string()),
  architecture: always(10, string()),
  swap: pointer(11, NodeSwapStatus),
})
export interface NodeSystemInfo extends TypeOf<typeof nodeSystemInfo> {}
export const NodeSystemInfo: Schema<NodeSystemInfo> = nodeSystemInfo

const containerImage = object('io.k8s.api.core.v1.ContainerImage', {
  names: always(1, list(string(), { listType: 'atomic' }), { isRequired: false, nullWhenEmpty: true }),
  sizeBytes: optional(2, int64()),
})
export interface ContainerImage extends TypeOf<typeof containerImage> {}
export const ContainerImage: Schema<ContainerImage> = containerImage

const attachedVolume = object('io.k8s.api.core.v1.AttachedVolume', {
  name: always(1, string()),
  devicePath: always(2, string()),
})
export interface AttachedVolume extends TypeOf<typeof attachedVolume> {}
export const AttachedVolume: Schema<AttachedVolume> = attachedVolume

const nodeConfigStatus = object('io.k8s.api.core.v1.NodeConfigStatus', {
  assigned: pointer(1, NodeConfigSource),
  active: pointer(2, NodeConfigSource),
  lastKnownGood: pointer(3, NodeConfigSource),
  error: optional(4, string()),
})
export interface NodeConfigStatus extends TypeOf<typeof nodeConfigStatus> {}
export const NodeConfigStatus: Schema<NodeConfigStatus> = nodeConfigStatus

const nodeRuntimeHandlerFeatures = object('io.k8s.api.core.v1.NodeRuntimeHandlerFeatures', {
  recursiveReadOnlyMounts: pointer(1, boolean()),
  userNamespaces: pointer(2, boolean()),
})
export interface NodeRuntimeHandlerFeatures extends TypeOf<typeof nodeRuntimeHandlerFeatures> {}
export const NodeRuntimeHandlerFeatures: Schema<NodeRuntimeHandlerFeatures> = nodeRuntimeHandlerFeatures

const nodeRuntimeHandler = object('io.k8s.api.core.v1.NodeRuntimeHandler', {
  name: always(1, string(), { isRequired: false }),
  features: pointer(2, NodeRuntimeHandlerFeatures),
})
export interface NodeRuntimeHandler extends TypeOf<typeof nodeRuntimeHandler> {}
export const NodeRuntimeHandler: Schema<NodeRuntimeHandler> = nodeRuntimeHandler

const nodeFeatures = object('io.k8s.api.core.v1.NodeFeatures', {
  supplementalGroupsPolicy: pointer(1, boolean()),
})
export interface NodeFeatures extends TypeOf<typeof nodeFeatures> {}
export const NodeFeatures: Schema<NodeFeatures> = nodeFeatures

const nodeStatus = object('io.k8s.api.core.v1.NodeStatus', {
  capacity: optional(1, map(quantity()), { doc: 'All resources of the node.' }),
  allocatable: optional(2, map(quantity()), { doc: 'Resources that pods may have.' }),
  phase: optional(3, known('Pending', 'Running', 'Terminated'), { doc: 'No longer used.' }),
  conditions: optional(4, list(NodeCondition, { listType: 'map', mapKeys: ['type'], mergeKey: 'type' }), {
    doc: 'Aspects of the node that hold or do not.',
  }),
  addresses: optional(5, list(NodeAddress, { listType: 'map', mapKeys: ['type'], mergeKey: 'type' }), {
    doc: 'Addresses and names of the node.',
  }),
  daemonEndpoints: always(6, NodeDaemonEndpoints, { doc: 'Where its daemons listen.' }),
  nodeInfo: always(7, NodeSystemInfo, { doc: 'Versions and identifiers.' }),
  images: optional(8, list(ContainerImage, { listType: 'atomic' }), { doc: 'Images on the node.' }),
  volumesInUse: optional(9, list(string(), { listType: 'atomic' }), { doc: 'Volumes that are mounted.' }),
  volumesAttached: optional(10, list(AttachedVolume, { listType: 'atomic' }), { doc: 'Volumes that are attached.' }),
  config: pointer(11, NodeConfigStatus),
  runtimeHandlers: optional(12, list(NodeRuntimeHandler, { listType: 'atomic' })),
  features: pointer(13, NodeFeatures),
  declaredFeatures: optional(14, list(string(), { listType: 'atomic' })),
})
export interface NodeStatus extends TypeOf<typeof nodeStatus> {}
export const NodeStatus: Schema<NodeStatus> = nodeStatus

/** A node's parts, for the functions that its definition is made of. */
export interface NodeParts extends KubeObject {
  spec: NodeSpec
  status: NodeStatus
}

const kind = defineKind({
  group: '',
  version: 'v1',
  kind: 'Node',
  plural: 'nodes',
  scope: 'Cluster',
  doc: 'A node is a machine of the cluster that runs pods.',
  schemaName: 'io.k8s.api.core.v1.Node',
  shortNames: ['no'],
  storagePrefix: 'minions',
  status: true,
  statusOnCreate: true,
  fields: {
    spec: always(2, NodeSpec, { doc: 'What the node shall be.' }),
    status: always(3, NodeStatus, { doc: 'What was observed; written by the system.' }),
  },
  generationFrom: [],
  subresources: { proxy: { kind: 'NodeProxyOptions', verbs: ['create', 'delete', 'get', 'patch', 'update'] } },
  /** Nodes are created with their status. `configSource` is of a removed feature. */
  prepare(node, old) {
    if (!old?.spec.configSource) delete node.spec.configSource
    if (old) node.status = old.status
    else delete node.status.config
  },
  prepareStatus(node, old) {
    if (!old.status.config) delete node.status.config
  },
  warnings({ spec }) {
    return [
      ...(spec.configSource ? ['spec.configSource: the feature is removed'] : []),
      ...(spec.externalID ? ['spec.externalID: this field is deprecated, and is unused by Kubernetes'] : []),
      ...(spec.podCIDRs ?? []).flatMap((cidr, index) => cidrWarnings(cidr, root.child('spec', 'podCIDRs').index(index))),
    ]
  },
  validate: validateNode,
  validateUpdate: validateNodeUpdate,
  validateStatusUpdate: validateNodeStatusUpdate,
  columns: nodeColumns,
  selectable: { 'spec.unschedulable': ({ spec }) => String(spec.unschedulable ?? false) },
  defaults({ spec, status }) {
    roundUp(status.capacity, status.allocatable)
    if (status.capacity) status.allocatable ??= { ...status.capacity }
    // podCIDR is the older spelling of podCIDRs[0], and wins where both are sent.
    if (spec.podCIDR && spec.podCIDRs?.[0] !== spec.podCIDR) spec.podCIDRs = [spec.podCIDR]
    const [first] = spec.podCIDRs ?? []
    if (first) spec.podCIDR = first
  },
})

export interface Node extends ObjectOf<typeof kind> {}
export const Node: Kind<'Node', Node> = kind
