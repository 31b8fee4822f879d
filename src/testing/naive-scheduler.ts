/**
 * A slow, obviously right scheduler, against which the real one is held: for each node it looks at every pod anew, keeps nothing and shares nothing.
 * It knows resources, ports, taints, node and pod affinity, topology spread, images, and of volumes and devices the simplest kinds.
 */
import type { PodAffinityTerm, TopologySpreadConstraint } from '#api/core/v1/affinity.ts'
import type { Node } from '#api/core/v1/node.ts'
import { matchesRequired, matchesTerm } from '#api/core/v1/node-selector.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { selects } from '#api/meta/v1/label-selector.ts'
import { milliValue, quantityValue } from '#schema/quantity.ts'

export interface NaiveCluster {
  readonly nodes: readonly Node[]
  /** With `spec.nodeName`. */
  readonly pods: readonly Pod[]
  readonly volumes?: readonly NaiveVolume[]
  /** Volumes that a node can attach. */
  readonly attachable?: number
  /** By node: devices that nobody has. */
  readonly freeDevices?: Readonly<Record<string, number>>
  /** By name: devices that a claim asks for. */
  readonly deviceClaims?: Readonly<Record<string, number>>
}

/** It is bound to the claim of its name, in every namespace one. */
export interface NaiveVolume {
  readonly name: string
  readonly zone: string
  /** ReadWriteOncePod. */
  readonly isForOnePod: boolean
}

export function naiveFeasible(pod: Pod, cluster: NaiveCluster): Node[] {
  return cluster.nodes.filter(
    (node) =>
      !node.spec.unschedulable &&
      hardTaints(node).every((taint) => bears(pod, taint)) &&
      matchesRequired(pod, node) &&
      portsFree(pod, node, cluster) &&
      hasRoom(pod, node, cluster) &&
      hasVolumes(pod, node, cluster) &&
      hasDevices(pod, node, cluster) &&
      spreads(pod, node, cluster) &&
      together(pod, node, cluster) &&
      apart(pod, node, cluster) &&
      nobodyMinds(pod, node, cluster),
  )
}

/** The weighted sum for each of the feasible nodes, in their order. */
export function naiveScores(pod: Pod, feasible: readonly Node[], cluster: NaiveCluster): number[] {
  const parts: readonly [number, number[]][] = [
    [
      3,
      scaled(
        feasible.map((node) => softTaints(pod, node)),
        (part) => 100 - part,
      ),
    ],
    [
      2,
      scaled(
        feasible.map((node) => preferredNodes(pod, node)),
        (part) => part,
      ),
    ],
    [1, feasible.map((node) => leastAllocated(pod, node, cluster))],
    [1, feasible.map((node) => balanced(pod, node, cluster))],
    [1, feasible.map((node) => imagesThere(pod, node, cluster))],
    [2, spreadScores(pod, feasible, cluster)],
    [2, affinityScores(pod, feasible, cluster)],
  ]
  return feasible.map((_, i) => parts.reduce((sum, [weight, scores]) => sum + weight * (scores[i] as number), 0))
}

const on = (node: Node, { pods }: NaiveCluster) => pods.filter(({ spec }) => spec.nodeName === node.metadata.name)
const label = (node: Node, key: string) => node.metadata.labels?.[key]
const hardTaints = ({ spec }: Node) => (spec.taints ?? []).filter(({ effect }) => effect !== 'PreferNoSchedule')

type Taint = NonNullable<Node['spec']['taints']>[number]

function bears({ spec }: Pod, taint: Taint): boolean {
  return (spec.tolerations ?? []).some(
    ({ key, operator, value, effect }) =>
      (!effect || effect === taint.effect) &&
      (!key || key === taint.key) &&
      (operator === 'Exists' || (value ?? '') === (taint.value ?? '')),
  )
}

const amounts = { cpu: milliValue, memory: quantityValue, 'example.com/thing': quantityValue }
type Name = keyof typeof amounts

/** The most that any moment of the pod's life needs: each init container beside the sidecars before it, then all that stay. */
function asked({ spec }: Pod, name: Name, missing = 0): number {
  const level = spec.resources?.requests?.[name]
  const overhead = amounts[name](spec.overhead?.[name] ?? '0')
  if (level !== undefined) return amounts[name](level) + overhead
  const need = ({ resources }: { resources?: { requests?: Readonly<Record<string, string>> | undefined } | undefined }) => {
    const amount = resources?.requests?.[name]
    return amount === undefined ? missing : amounts[name](amount)
  }
  const moments: number[] = []
  let sidecars = 0
  for (const container of spec.initContainers ?? []) {
    moments.push(sidecars + need(container))
    if (container.restartPolicy === 'Always') sidecars += need(container)
  }
  const running = spec.containers.reduce((sum, container) => sum + need(container), sidecars)
  return Math.max(running, ...moments) + overhead
}

function capacity({ status }: Node, name: Name): number {
  return amounts[name](status.allocatable?.[name] ?? '0')
}

function hasRoom(pod: Pod, node: Node, cluster: NaiveCluster): boolean {
  const there = on(node, cluster)
  if (there.length + 1 > Number(node.status.allocatable?.pods)) return false
  return (['cpu', 'memory', 'example.com/thing'] as const).every((name) => {
    const used = there.reduce((sum, one) => sum + asked(one, name), 0)
    return asked(pod, name) === 0 || used + asked(pod, name) <= capacity(node, name)
  })
}

function claimsOf({ metadata, spec }: Pod): string[] {
  return (spec.volumes ?? []).flatMap(({ persistentVolumeClaim }) => {
    return persistentVolumeClaim ? [`${metadata.namespace}/${persistentVolumeClaim.claimName}`] : []
  })
}

function hasVolumes(pod: Pod, node: Node, cluster: NaiveCluster): boolean {
  const wanted = claimsOf(pod)
  const isReachable = wanted.every((claim) => {
    const volume = cluster.volumes?.find(({ name }) => claim.endsWith(`/${name}`))
    const isTaken = volume?.isForOnePod && cluster.pods.some((other) => nodeOf(other, cluster) && claimsOf(other).includes(claim))
    return volume?.zone === label(node, 'zone') && !isTaken
  })
  const there = on(node, cluster).flatMap(claimsOf)
  const hasMore = wanted.some((claim) => !there.includes(claim))
  return isReachable && (!hasMore || new Set([...there, ...wanted]).size <= (cluster.attachable ?? Number.POSITIVE_INFINITY))
}

function hasDevices({ spec }: Pod, node: Node, { freeDevices = {}, deviceClaims = {} }: NaiveCluster): boolean {
  const wanted = (spec.resourceClaims ?? []).reduce((sum, one) => sum + (deviceClaims[one.resourceClaimName ?? ''] ?? 0), 0)
  return wanted <= (freeDevices[node.metadata.name] ?? 0)
}

/** Of the bytes that are there, the more the more nodes have them, scaled between 23 MB and 1 GB for each image. */
function imagesThere({ spec }: Pod, node: Node, { nodes }: NaiveCluster): number {
  const images = [...(spec.initContainers ?? []), ...spec.containers].map(({ image = '' }) => `${image}:latest`)
  const sizeOn = (one: Node, image: string) => one.status.images?.find(({ names }) => names?.includes(image))?.sizeBytes
  const sum = images.reduce((total, image) => {
    const share = nodes.filter((one) => sizeOn(one, image) !== undefined).length / nodes.length
    return total + Math.trunc(Number(sizeOn(node, image) ?? 0) * share)
  }, 0)
  const [least, most] = [23 * 1024 * 1024, 1000 * 1024 * 1024 * images.length]
  return Math.trunc((100 * (Math.min(Math.max(sum, least), most) - least)) / (most - least))
}

function ports({ spec }: Pod): number[] {
  return spec.containers.flatMap((one) => (one.ports ?? []).flatMap(({ hostPort }) => (hostPort ? [hostPort] : [])))
}

function portsFree(pod: Pod, node: Node, cluster: NaiveCluster): boolean {
  const used = new Set(on(node, cluster).flatMap(ports))
  return ports(pod).every((port) => !used.has(port))
}

function constraints({ spec }: Pod, when: string): readonly TopologySpreadConstraint[] {
  return (spec.topologySpreadConstraints ?? []).filter(({ whenUnsatisfiable }) => whenUnsatisfiable === when)
}

function counted(constraint: TopologySpreadConstraint, pod: Pod, other: Pod): boolean {
  return (
    other.metadata.namespace === pod.metadata.namespace &&
    !other.metadata.deletionTimestamp &&
    selects(constraint.labelSelector, other.metadata.labels)
  )
}

function included(constraint: TopologySpreadConstraint, pod: Pod, node: Node): boolean {
  if ((constraint.nodeAffinityPolicy ?? 'Honor') === 'Honor' && !matchesRequired(pod, node)) return false
  return constraint.nodeTaintsPolicy !== 'Honor' || hardTaints(node).every((taint) => bears(pod, taint))
}

function spreads(pod: Pod, node: Node, cluster: NaiveCluster): boolean {
  const hard = constraints(pod, 'DoNotSchedule')
  return hard.every((constraint) => {
    const domain = label(node, constraint.topologyKey)
    if (domain === undefined) return false
    const eligible = cluster.nodes.filter(
      (one) => hard.every(({ topologyKey }) => label(one, topologyKey) !== undefined) && included(constraint, pod, one),
    )
    const domains = new Map<string, number>()
    for (const one of eligible) {
      const key = label(one, constraint.topologyKey) as string
      const here = on(one, cluster).filter((other) => counted(constraint, pod, other)).length
      domains.set(key, (domains.get(key) ?? 0) + here)
    }
    const least = domains.size < (constraint.minDomains ?? 1) ? 0 : Math.min(...domains.values())
    const self = selects(constraint.labelSelector, pod.metadata.labels) ? 1 : 0
    return (domains.get(domain) ?? 0) + self - least <= constraint.maxSkew
  })
}

function fulfils(term: PodAffinityTerm, owner: Pod, other: Pod): boolean {
  const names = term.namespaces?.length ? term.namespaces : [owner.metadata.namespace ?? '']
  return names.includes(other.metadata.namespace ?? '') && selects(term.labelSelector, other.metadata.labels)
}

type Side = 'podAffinity' | 'podAntiAffinity'
const required = (pod: Pod, side: Side) => pod.spec.affinity?.[side]?.requiredDuringSchedulingIgnoredDuringExecution ?? []
const preferred = (pod: Pod, side: Side) => pod.spec.affinity?.[side]?.preferredDuringSchedulingIgnoredDuringExecution ?? []

const nodeOf = (pod: Pod, { nodes }: NaiveCluster) => nodes.find(({ metadata }) => metadata.name === pod.spec.nodeName)

/** Pods in the node's domain. */
function neighbours(node: Node, key: string, cluster: NaiveCluster): Pod[] {
  const domain = label(node, key)
  if (domain === undefined) return []
  return cluster.pods.filter((pod) => {
    const other = nodeOf(pod, cluster)
    return other && label(other, key) === domain
  })
}

function together(pod: Pod, node: Node, cluster: NaiveCluster): boolean {
  const terms = required(pod, 'podAffinity')
  if (terms.some(({ topologyKey }) => label(node, topologyKey) === undefined)) return false
  const all = (other: Pod) => terms.every((term) => fulfils(term, pod, other))
  if (terms.every(({ topologyKey }) => neighbours(node, topologyKey, cluster).some(all))) return true
  const anywhere = cluster.pods.some((other) => {
    const where = nodeOf(other, cluster)
    return where && all(other) && terms.some(({ topologyKey }) => label(where, topologyKey) !== undefined)
  })
  return !anywhere && all(pod)
}

function apart(pod: Pod, node: Node, cluster: NaiveCluster): boolean {
  return required(pod, 'podAntiAffinity').every(
    (term) => !neighbours(node, term.topologyKey, cluster).some((other) => fulfils(term, pod, other)),
  )
}

function nobodyMinds(pod: Pod, node: Node, cluster: NaiveCluster): boolean {
  return cluster.pods.every((other) =>
    required(other, 'podAntiAffinity').every(
      (term) => !fulfils(term, other, pod) || !neighbours(node, term.topologyKey, cluster).includes(other),
    ),
  )
}

function scaled(scores: readonly number[], finish: (part: number) => number): number[] {
  const max = Math.max(0, ...scores)
  return scores.map((score) => finish(max === 0 ? 0 : Math.trunc((100 * score) / max)))
}

function softTaints(pod: Pod, { spec }: Node): number {
  return (spec.taints ?? []).filter((taint) => taint.effect === 'PreferNoSchedule' && !bears(pod, taint)).length
}

function preferredNodes({ spec }: Pod, node: Node): number {
  const terms = spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
  return terms.reduce((sum, { preference, weight }) => sum + (matchesTerm(preference, node) ? weight : 0), 0)
}

const missing = { cpu: 100, memory: 200 * 1024 * 1024 }

function leastAllocated(pod: Pod, node: Node, cluster: NaiveCluster): number {
  const shares = (['cpu', 'memory'] as const).map((name) => {
    const used = [...on(node, cluster), pod].reduce((sum, one) => sum + asked(one, name, missing[name]), 0)
    const whole = capacity(node, name)
    return used > whole ? 0 : Math.trunc(((whole - used) * 100) / whole)
  })
  return Math.trunc(((shares[0] as number) + (shares[1] as number)) / 2)
}

function balanced(pod: Pod, node: Node, cluster: NaiveCluster): number {
  if (asked(pod, 'cpu') === 0 && asked(pod, 'memory') === 0) return 0
  const balance = (pods: readonly Pod[]) => {
    const [cpu, memory] = (['cpu', 'memory'] as const).map((name) => {
      const used = pods.reduce((sum, one) => sum + asked(one, name), 0)
      return Math.min(1, used / capacity(node, name))
    }) as [number, number]
    return Math.trunc((1 - Math.abs((cpu - memory) / 2)) * 100)
  }
  const there = on(node, cluster)
  return 50 + Math.trunc((50 + balance([...there, pod]) - balance(there)) / 2)
}

function spreadScores(pod: Pod, feasible: readonly Node[], cluster: NaiveCluster): number[] {
  const soft = constraints(pod, 'ScheduleAnyway')
  if (soft.length === 0) return feasible.map(() => 0)
  const hasAll = (node: Node) => soft.every(({ topologyKey }) => label(node, topologyKey) !== undefined)
  const scored = feasible.filter(hasAll)
  const sums = scored.map((node) => {
    const parts = soft.map((constraint) => {
      const { topologyKey: key, maxSkew } = constraint
      const isNode = key === 'kubernetes.io/hostname'
      const size = isNode ? scored.length : new Set(scored.map((one) => label(one, key))).size
      const nodes = isNode
        ? [node]
        : cluster.nodes.filter((one) => hasAll(one) && label(one, key) === label(node, key) && included(constraint, pod, one))
      const count = nodes.flatMap((one) => on(one, cluster)).filter((other) => counted(constraint, pod, other)).length
      return count * Math.log(size + 2) + (maxSkew - 1)
    })
    return Math.round(parts.reduce((sum, part) => sum + part, 0))
  })
  const [min, max] = [Math.min(...sums), Math.max(...sums)]
  return feasible.map((node) => {
    const at = scored.indexOf(node)
    if (at < 0) return 0
    return max === 0 ? 100 : Math.trunc((100 * (max + min - (sums[at] as number))) / max)
  })
}

function affinityScores(pod: Pod, feasible: readonly Node[], cluster: NaiveCluster): number[] {
  const sums = feasible.map((node) => {
    let sum = 0
    for (const [side, sign] of [
      ['podAffinity', 1],
      ['podAntiAffinity', -1],
    ] as const) {
      for (const { weight, podAffinityTerm: term } of preferred(pod, side)) {
        const near = neighbours(node, term.topologyKey, cluster)
        sum += sign * weight * near.filter((other) => fulfils(term, pod, other)).length
      }
      for (const other of cluster.pods) {
        for (const { weight, podAffinityTerm: term } of preferred(other, side)) {
          const isNear = neighbours(node, term.topologyKey, cluster).includes(other)
          if (isNear && fulfils(term, other, pod)) sum += sign * weight
        }
      }
    }
    for (const other of cluster.pods) {
      for (const term of required(other, 'podAffinity')) {
        if (fulfils(term, other, pod) && neighbours(node, term.topologyKey, cluster).includes(other)) sum += 1
      }
    }
    return sum
  })
  const [min, max] = [Math.min(...sums), Math.max(...sums)]
  return sums.map((sum) => (max > min ? Math.trunc(100 * ((sum - min) / (max - min))) : 0))
}
