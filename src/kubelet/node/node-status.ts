/** The status of this machine's Node object, from what is known of machine and runtime. Pure (upstream `kubelet/nodestatus`). */
import type { Node, NodeCondition, NodeStatus } from '#api/core/v1/node.ts'
import { formatTime } from '#lib/clock.ts'
import type { Image, RuntimeCondition, RuntimeHandler } from '../cri/runtime.ts'
import { allocatableOf, capacityOf, type Machine } from './machine.ts'
import type { Pressure } from './pressure.ts'

export interface NodeObservation {
  readonly machine: Machine
  readonly hostname: string
  /** Primary address first. */
  readonly addresses: readonly string[]
  readonly port: number
  readonly maxPods: number
  /** `v1.36.0`. */
  readonly version: string
  readonly runtime: { readonly name: string; readonly version: string } | undefined
  readonly pressure: Pressure
  /** Why the node is not ready; none: it is. */
  readonly problems: readonly string[]
  readonly images: readonly Image[]
  readonly hasStrictGroups: boolean
  readonly handlers: readonly RuntimeHandler[]
  readonly volumesInUse?: readonly string[] | undefined
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** The parts of the status that the agent owns; `old` says when conditions last changed. */
export function nodeStatus(seen: NodeObservation, old: NodeStatus | undefined): Partial<NodeStatus> {
  const { machine } = seen
  return {
    capacity: { ...extended(old?.capacity), ...capacityOf(machine, seen.maxPods) },
    allocatable: { ...extended(old?.allocatable), ...allocatableOf(machine, seen.maxPods) },
    conditions: conditions(seen, old?.conditions ?? []),
    addresses: [
      ...seen.addresses.map((address) => ({ type: 'InternalIP', address })),
      { type: 'Hostname', address: seen.hostname },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: seen.port } },
    nodeInfo: {
      machineID: machine.machineId,
      systemUUID: machine.systemUuid,
      bootID: machine.bootId,
      kernelVersion: machine.kernelVersion,
      osImage: machine.osImage,
      containerRuntimeVersion: seen.runtime ? `${seen.runtime.name}://${seen.runtime.version}` : 'containerd://Unknown',
      kubeletVersion: seen.version,
      kubeProxyVersion: '',
      operatingSystem: 'linux',
      architecture: machine.architecture,
      ...(machine.swapBytes > 0 && { swap: { capacity: machine.swapBytes } }),
    },
    images: imagesOf(seen.images),
    features: { supplementalGroupsPolicy: seen.hasStrictGroups },
    ...(seen.handlers.length > 0 && {
      runtimeHandlers: seen.handlers.map(({ name, hasUserNamespaces, hasRecursiveReadOnly }) => ({
        name,
        features: { recursiveReadOnlyMounts: hasRecursiveReadOnly, userNamespaces: hasUserNamespaces },
      })),
    }),
    declaredFeatures: [...declaredFeatures],
    ...(seen.volumesInUse && { volumesInUse: [...seen.volumesInUse] }),
  }
}

/** Sorted; what the scheduler may rely on (KEP-5328). */
const declaredFeatures = [
  'ExtendWebSocketsToKubelet',
  'InPlacePodLevelResourcesVerticalScaling',
  'InPlacePodVerticalScalingInitContainers',
  'RestartAllContainersOnContainerExits',
]

/** Why a runtime with these conditions makes the node not ready (upstream's `runtimeState`). */
export function runtimeProblems(conditions: readonly RuntimeCondition[] | undefined): string[] {
  if (!conditions) return ['container runtime is down']
  const named = [
    ['RuntimeReady', 'container runtime not ready'],
    ['NetworkReady', 'container runtime network not ready'],
  ] as const
  return named.flatMap(([type, text]) => {
    const condition = conditions.find((candidate) => candidate.type === type)
    if (condition?.status) return []
    if (!condition) return [`${text}: <nil>`]
    return [`${text}: ${type}=${condition.status} reason:${condition.reason} message:${condition.message}`]
  })
}

/** Events for conditions that changed: `Node a status is now: NodeReady`. */
export function transitions(old: readonly NodeCondition[], current: readonly NodeCondition[]): string[] {
  return current.flatMap(({ type, status }) => {
    const before = old.find((condition) => condition.type === type)
    if (before?.status === status) return []
    return events[`${type}=${status}`] ?? []
  })
}

const events: Readonly<Record<string, string>> = {
  'MemoryPressure=True': 'NodeHasInsufficientMemory',
  'MemoryPressure=False': 'NodeHasSufficientMemory',
  'DiskPressure=True': 'NodeHasDiskPressure',
  'DiskPressure=False': 'NodeHasNoDiskPressure',
  'PIDPressure=True': 'NodeHasInsufficientPID',
  'PIDPressure=False': 'NodeHasSufficientPID',
  'Ready=True': 'NodeReady',
  'Ready=False': 'NodeNotReady',
}

/** Whether a status is worth a write before its time: anything but heartbeats differs. */
export function hasChanged(old: Node['status'], status: Partial<NodeStatus>): boolean {
  const parts = Object.keys(status) as (keyof NodeStatus)[]
  return parts.some((part) => {
    if (part !== 'conditions') return !same(old[part], status[part])
    const ours = new Set(status.conditions?.map(({ type }) => type))
    return !same(quiet((old.conditions ?? []).filter(({ type }) => ours.has(type))), quiet(status.conditions ?? []))
  })
}

function quiet(conditions: readonly NodeCondition[]): object[] {
  return conditions.map((condition) => ({ ...condition, lastHeartbeatTime: '' })).toSorted((a, b) => (a.type < b.type ? -1 : 1))
}

/** Key order does not count; an empty list is none. */
function same(a: unknown, b: unknown): boolean {
  return stable(a) === stable(b)
}

function stable(value: unknown): string {
  if (Array.isArray(value) && value.length === 0) return 'null'
  return JSON.stringify(value ?? null, (_key, part) => {
    if (part === null || typeof part !== 'object' || Array.isArray(part)) return part
    return Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  })
}

interface Verdict {
  readonly type: string
  readonly bad: boolean
  readonly good: readonly [reason: string, message: string]
  readonly ill: readonly [reason: string, message: string]
}

function conditions({ pressure, problems, now }: NodeObservation, old: readonly NodeCondition[]): NodeCondition[] {
  const instant = formatTime(now)
  const verdicts: Verdict[] = [
    {
      type: 'MemoryPressure',
      bad: pressure.memory,
      good: ['KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
      ill: ['KubeletHasInsufficientMemory', 'kubelet has insufficient memory available'],
    },
    {
      type: 'DiskPressure',
      bad: pressure.disk,
      good: ['KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
      ill: ['KubeletHasDiskPressure', 'kubelet has disk pressure'],
    },
    {
      type: 'PIDPressure',
      bad: pressure.pid,
      good: ['KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
      ill: ['KubeletHasInsufficientPID', 'kubelet has insufficient PID available'],
    },
    {
      type: 'Ready',
      bad: problems.length > 0,
      good: ['KubeletReady', 'kubelet is posting ready status'],
      ill: ['KubeletNotReady', problems.length > 1 ? `[${problems.join(', ')}]` : (problems[0] ?? '')],
    },
  ]
  return verdicts.map(({ type, bad, good, ill }) => {
    const status = (type === 'Ready') === bad ? 'False' : 'True'
    const before = old.find((condition) => condition.type === type)
    const since = before?.status === status ? before.lastTransitionTime : instant
    const [reason, message] = bad ? ill : good
    return { type, status, lastHeartbeatTime: instant, lastTransitionTime: since, reason, message }
  })
}

/** Resources that others announce, such as device plugins, by a name with a domain. */
function extended(resources: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(resources).filter(([name]) => name.includes('/')))
}

/** The 50 largest, with five names each: digests first. */
function imagesOf(images: readonly Image[]): { names: string[]; sizeBytes: number }[] {
  return images
    .toSorted((a, b) => b.size - a.size || (a.id < b.id ? -1 : 1))
    .slice(0, 50)
    .map(({ repoDigests, repoTags, size }) => ({ names: [...repoDigests, ...repoTags].slice(0, 5), sizeBytes: size }))
}
