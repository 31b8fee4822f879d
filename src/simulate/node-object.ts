/** A simulated node as the API shows it. */
import type { Node } from '#api/core/v1/node.ts'
import { formatTime } from '#lib/clock.ts'
import { milliValue, quantityValue } from '#schema/quantity.ts'
import type { Draft } from '#schema/words.ts'
import type { Block } from './addresses.ts'
import { type NodeShape, ownAnnotation, ownOf, shapeLabel, type WantedNode } from './shapes.ts'

export interface NodeFacts {
  readonly wanted: WantedNode
  readonly block: Block
  /** `v1.36.0`. */
  readonly version: string
  /** Milliseconds since the epoch. */
  readonly now: number
}

export function nodeObject(facts: NodeFacts): Draft<Node> {
  const { wanted, block } = facts
  const { name, shape } = wanted
  return {
    metadata: { name, labels: labelsOf(wanted), annotations: annotationsOf(wanted) },
    spec: {
      podCIDR: block.cidr,
      podCIDRs: [block.cidr],
      providerID: `simulated://${name}`,
      ...(shape.taints?.length && { taints: shape.taints.map((taint) => ({ ...taint })) }),
    },
    status: nodeStatus(facts),
  }
}

function annotationsOf({ shape }: WantedNode): Record<string, string> {
  const own = ownOf(shape)
  return {
    'volumes.kubernetes.io/controller-managed-attach-detach': 'true',
    ...(own && { [ownAnnotation]: JSON.stringify(own) }),
    ...shape.annotations,
  }
}

export function labelsOf({ name, index, shape }: WantedNode): Record<string, string> {
  const { architecture = 'amd64', region, zones = [] } = shape
  const zone = zones[index % zones.length]
  return {
    'beta.kubernetes.io/arch': architecture,
    'beta.kubernetes.io/os': 'linux',
    'kubernetes.io/arch': architecture,
    'kubernetes.io/hostname': name,
    'kubernetes.io/os': 'linux',
    ...(region !== undefined && { 'topology.kubernetes.io/region': region }),
    ...(zone !== undefined && { 'topology.kubernetes.io/zone': zone }),
    [shapeLabel]: shape.name ?? 'simulated',
    ...shape.labels,
  }
}

function nodeStatus({ wanted, block, version, now }: NodeFacts): Draft<Node['status']> {
  const { name, shape } = wanted
  return {
    capacity: capacityOf(shape),
    allocatable: allocatableOf(shape),
    conditions: nodeConditions(now),
    addresses: [
      { type: 'InternalIP', address: block.nodeAddress },
      { type: 'Hostname', address: name },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: 10_250 } },
    nodeInfo: {
      machineID: name,
      systemUUID: name,
      bootID: name,
      kernelVersion: 'simulated',
      osImage: 'simulated',
      containerRuntimeVersion: 'simulated://1',
      kubeletVersion: version,
      kubeProxyVersion: '',
      operatingSystem: 'linux',
      architecture: shape.architecture ?? 'amd64',
    },
    declaredFeatures: [...declaredFeatures],
    images: Object.entries(shape.images ?? {}).map(([image, sizeBytes]) => ({ names: [image], sizeBytes })),
  }
}

/** Of a node agent of this version that nobody has configured. */
const declaredFeatures = [
  'ExtendWebSocketsToKubelet',
  'InPlacePodLevelResourcesVerticalScaling',
  'InPlacePodVerticalScalingInitContainers',
  'RestartAllContainersOnContainerExits',
]

const good = [
  ['MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
  ['DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
  ['PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
  ['Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'],
] as const

/** `since`: when they last changed, by type; those that were different change now. */
export function nodeConditions(now: number, before: Node['status']['conditions'] = []) {
  const instant = formatTime(now)
  return good.map(([type, status, reason, message]) => {
    const old = before.find((condition) => condition.type === type)
    const lastTransitionTime = old?.status === status ? old.lastTransitionTime : instant
    return { type, status, lastHeartbeatTime: instant, lastTransitionTime, reason, message }
  })
}

export function capacityOf(shape: NodeShape): Record<string, string> {
  return {
    cpu: shape.cpu ?? '4',
    memory: shape.memory ?? '32Gi',
    pods: shape.pods ?? '110',
    'ephemeral-storage': shape.ephemeralStorage ?? '100Gi',
    ...shape.resources,
  }
}

export function allocatableOf(shape: NodeShape): Record<string, string> {
  const { reserved = {} } = shape
  return Object.fromEntries(
    Object.entries(capacityOf(shape)).map(([resource, amount]) => {
      const kept = reserved[resource]
      if (kept === undefined) return [resource, amount]
      if (resource === 'cpu') return [resource, `${milliValue(amount) - milliValue(kept)}m`]
      return [resource, String(quantityValue(amount) - quantityValue(kept))]
    }),
  )
}
