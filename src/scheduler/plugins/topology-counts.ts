/** How many pods that a spread constraint counts are in which domain, over the nodes that the constraint includes. */
import { matchesRequired } from '#api/core/v1/node-selector.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import type { PodQuery } from '../framework/pod-counts.ts'
import type { NodeInfo, Snapshot } from '../framework/snapshot.ts'
import { tolerated } from '../framework/tolerations.ts'
import type { Domains } from '../framework/topology.ts'
import type { Constraint } from './topology-constraints.ts'

export interface HardConstraint {
  readonly constraint: Constraint
  readonly domains: Domains
  /** By domain. */
  readonly counts: Float64Array
  /** In the domain with the fewest; 0 while there are fewer domains than wanted. */
  readonly least: number
  /** 1 where the pod counts itself. */
  readonly self: 0 | 1
}

export interface SoftState {
  readonly constraints: readonly SoftConstraint[]
  isIgnored(slot: number): boolean
}

export interface SoftConstraint {
  readonly constraint: Constraint
  readonly domains: Domains
  readonly counts: Float64Array
  /** Of constraints by node: pods by slot. */
  readonly perNode: Int32Array | undefined
  readonly weight: number
}

const hostname = 'kubernetes.io/hostname'

export function matchesSelf({ selector }: Constraint, { metadata }: Pod): boolean {
  return selector.matches(metadata.labels)
}

/** Counted pods are those of the pod's namespace that are not being deleted. */
function queryOf({ selector, counts }: Constraint, { metadata }: Pod): PodQuery {
  const { namespace = '' } = metadata
  const key = `spread ${namespace} ${counts}`
  const term = { key, topologyKey: '', namespaces: new Set([namespace]), namespaceSelector: undefined, selector }
  return { key, terms: [term], live: true }
}

export function hardState(pod: Pod, snapshot: Snapshot, constraints: readonly Constraint[]): readonly HardConstraint[] {
  if (constraints.length === 0) return []
  const all = constraints.map(({ topologyKey }) => snapshot.topology.domains(topologyKey))
  return constraints.map((constraint, i) => {
    const domains = all[i] as Domains
    const { counts, seen } = countDomains(pod, snapshot, { constraint, domains, all })
    let least = Number.POSITIVE_INFINITY
    let present = 0
    for (let domain = 0; domain < domains.count; domain++) {
      if (!seen[domain]) continue
      present++
      least = Math.min(least, counts[domain] as number)
    }
    const self = matchesSelf(constraint, pod) ? 1 : 0
    return { constraint, domains, counts, least: present < constraint.minDomains ? 0 : least, self }
  })
}

interface Counting {
  readonly constraint: Constraint
  readonly domains: Domains
  /** A node counts that has a place in each of these. */
  readonly all: readonly Domains[]
}

/** By domain, over the nodes that have the labels and that the constraint's policies let count. */
function countDomains(pod: Pod, snapshot: Snapshot, { constraint, domains, all }: Counting) {
  const matching = snapshot.counts.matching(queryOf(constraint, pod))
  const counted = inclusion(pod, constraint)
  const others = all.filter((one) => one !== domains)
  if (!counted && others.length === 0) return { counts: matching.byDomain(domains), seen: domains.sizes }
  const counts = new Float64Array(domains.count)
  const seen = new Uint8Array(domains.count)
  const { slots } = matching
  const note = (slot: number) => {
    const domain = domains.of[slot] ?? -1
    if (domain < 0) return
    for (const { of } of others) if ((of[slot] ?? -1) < 0) return
    seen[domain] = 1
    counts[domain] = (counts[domain] as number) + (slots[slot] ?? 0)
  }
  for (const node of snapshot.nodes) if (!counted || counted(node)) note(node.slot)
  return { counts, seen }
}

/** Undefined where all nodes count. */
function inclusion(pod: Pod, { honorsAffinity, honorsTaints }: Constraint): ((node: NodeInfo) => boolean) | undefined {
  const { spec } = pod
  const hasAffinity = spec.nodeSelector || spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  const byAffinity = honorsAffinity && hasAffinity
  if (!byAffinity && !honorsTaints) return undefined
  return ({ node }) => {
    if (byAffinity && !matchesRequired(pod, node)) return false
    if (!honorsTaints) return true
    return (node.spec.taints ?? []).every(({ effect, ...taint }) => {
      return effect === 'PreferNoSchedule' || tolerated(spec.tolerations, { effect, ...taint })
    })
  }
}

interface Scoring {
  readonly soft: readonly Constraint[]
  readonly strict: boolean
  readonly slots: Int32Array
}

export function softState(pod: Pod, snapshot: Snapshot, { soft, strict, slots }: Scoring): SoftState {
  const all = soft.map(({ topologyKey }) => snapshot.topology.domains(topologyKey))
  const hasAll = (slot: number) => all.every(({ of }) => (of[slot] as number) >= 0)
  const scored = strict && !slots.every(hasAll) ? slots.filter(hasAll) : slots
  const constraints = soft.map((constraint, i): SoftConstraint => {
    const domains = all[i] as Domains
    if (constraint.topologyKey === hostname) {
      const { slots } = snapshot.counts.matching(queryOf(constraint, pod))
      const weight = Math.log(scored.length + 2)
      return { ...{ constraint, domains, weight }, counts: new Float64Array(0), perNode: slots }
    }
    const among = new Uint8Array(domains.count)
    let size = 0
    for (const slot of scored) {
      const domain = domains.of[slot] as number
      if (domain < 0 || among[domain]) continue
      among[domain] = 1
      size++
    }
    // Domains in which no scored node is are counted as well, and never asked for.
    const { counts } = countDomains(pod, snapshot, { constraint, domains, all: strict ? all : [domains] })
    return { constraint, domains, counts, perNode: undefined, weight: Math.log(size + 2) }
  })
  return { constraints, isIgnored: scored === slots ? () => false : (slot) => !hasAll(slot) }
}
