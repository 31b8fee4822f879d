/** NodeResourcesFit keeps pods off nodes without room for their requests, and weighs the room that is left. */
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { DeviceClass } from '#api/resource/v1/device-class.ts'
import { extendedResourcesOf, mayBeDevices, standsFor } from '../devices/extended-resources.ts'
import { definePlugin, type Plugin, type Rejection } from '../framework/plugin.ts'
import { factsOf } from '../framework/pod-facts.ts'
import { amountOf, noResources, resourcesOf } from '../framework/resources.ts'
import type { NodeInfo, Resources, Snapshot } from '../framework/snapshot.ts'
import { defaultStrategy, type ScoringStrategy, scorer } from './resource-scoring.ts'

export interface NodeResourcesFitArgs {
  /** Extended resources that other programs look after, by name or by the part before the slash. */
  readonly ignoredResources?: readonly string[]
  readonly ignoredResourceGroups?: readonly string[]
  readonly scoringStrategy?: ScoringStrategy
}

interface State {
  readonly requests: Resources
  readonly nonZero: Resources
  /** Devices, where the node does not have them otherwise: whether there are any is asked elsewhere. */
  readonly delegated: ReadonlyMap<string, string>
}

export function nodeResourcesFit(args: NodeResourcesFitArgs = {}): Plugin<State> {
  const score = scorer(args.scoringStrategy ?? defaultStrategy)
  const ignored = ignoredBy(args)
  return definePlugin<State>({
    name: 'NodeResourcesFit',
    requeueOn: [
      { kind: Pod, when: ['deleted'] },
      { kind: Pod, when: ['scaledDown'], helps: (pod, before: Pod, after: Pod) => gaveBack(pod, before, after) },
      {
        kind: Node,
        when: ['added', 'allocatableChanged'],
        helps: (pod, before: Node | undefined, after: Node) => mayFit(pod, { before, after, ignored }),
      },
      {
        kind: DeviceClass,
        when: ['added', 'updated'],
        helps: (pod, _, after: DeviceClass) => [...factsOf(pod).requests.others.keys()].some((name) => standsFor(after, name)),
      },
    ],

    prepare(pod, { objects }) {
      const { requests, nonZero } = factsOf(pod)
      return { state: { requests, nonZero, delegated: extendedResourcesOf(pod, objects) } }
    },

    filter({ state }, node) {
      const { requests, delegated } = state
      const isElsewhere = (name: string) => delegated.has(name) && !((node.allocatable.others.get(name) ?? 0) > 0)
      const lacking = insufficient(requests, node, delegated.size > 0 ? (name) => ignored(name) || isElsewhere(name) : ignored)
      return lacking.length === 0 ? undefined : rejectionFor(lacking)
    },

    score: ({ state }, node) => score(node, state.requests, state.nonZero),
    signature: (pod, snapshot) => `${resourceSignature(pod)}${delegations(pod, snapshot)}`,
  })
}

function delegations(pod: Pod, { objects }: Snapshot): string {
  const delegated = extendedResourcesOf(pod, objects)
  return delegated.size > 0 ? JSON.stringify([...delegated.keys()]) : ''
}

interface Lacking {
  readonly reason: string
  readonly never: boolean
}

const rejections = new Map<string, Rejection>()
const mostRejections = 1_000

/** The same for all nodes that lack the same: thousands of nodes do. */
function rejectionFor(lacking: readonly Lacking[]): Rejection {
  const [first] = lacking
  const key = lacking.length === 1 && first ? `${first.never} ${first.reason}` : JSON.stringify(lacking)
  const known = rejections.get(key)
  if (known) return known
  const reasons = lacking.map(({ reason }) => reason)
  const rejection = { message: reasons.join(', '), reasons, unresolvable: lacking.some(({ never }) => never) }
  if (rejections.size >= mostRejections) rejections.clear()
  rejections.set(key, rejection)
  return rejection
}

/** Requests of all kinds in one text. */
export function resourceSignature(pod: Pod): string {
  const { requests, nonZero } = factsOf(pod)
  const { cpu, memory, others } = requests
  const more = others.size > 0 ? JSON.stringify([...others]) : ''
  return `${cpu} ${memory} ${requests['ephemeral-storage']} ${nonZero.cpu} ${nonZero.memory} ${more}`
}

/** What the node has too little of, in upstream's order; `never` where even the empty node would not do. */
export function insufficient(
  requests: Resources,
  node: Pick<NodeInfo, 'allocatable' | 'requested' | 'podCount'>,
  ignored: (name: string) => boolean = () => false,
): readonly Lacking[] {
  const { allocatable, requested } = node
  const lacking: Lacking[] = []
  if (node.podCount + 1 > allocatable.pods) lacking.push({ reason: 'Too many pods', never: false })
  if (requests.cpu > 0 && requests.cpu > allocatable.cpu - requested.cpu)
    lacking.push({ reason: 'Insufficient cpu', never: requests.cpu > allocatable.cpu })
  if (requests.memory > 0 && requests.memory > allocatable.memory - requested.memory)
    lacking.push({ reason: 'Insufficient memory', never: requests.memory > allocatable.memory })
  const storage = requests['ephemeral-storage']
  if (storage > 0 && storage > allocatable['ephemeral-storage'] - requested['ephemeral-storage'])
    lacking.push({ reason: 'Insufficient ephemeral-storage', never: storage > allocatable['ephemeral-storage'] })
  for (const [name, wanted] of requests.others) {
    if (wanted === 0 || ignored(name)) continue
    const capacity = amountOf(allocatable, name)
    if (wanted > capacity - amountOf(requested, name)) lacking.push({ reason: `Insufficient ${name}`, never: wanted > capacity })
  }
  return lacking
}

function ignoredBy({ ignoredResources = [], ignoredResourceGroups = [] }: NodeResourcesFitArgs): (name: string) => boolean {
  const names = new Set(ignoredResources)
  const groups = new Set(ignoredResourceGroups)
  return (name) => names.has(name) || (name.includes('/') && groups.has(name.slice(0, name.indexOf('/'))))
}

interface NodeChange {
  readonly before: Node | undefined
  readonly after: Node
  readonly ignored: (name: string) => boolean
}

/** A node that came, or offers more than before of something that the pod asks for; empty it must have room for the pod. */
function mayFit(pod: Pod, { before, after, ignored }: NodeChange): boolean {
  const { requests } = factsOf(pod)
  const offered = resourcesOf(after.status.allocatable ?? {})
  // What the node does not offer may be devices, which are asked for elsewhere.
  const mayBeElsewhere = (name: string) => mayBeDevices(name) && !offered.others.has(name)
  const empty = { allocatable: offered, requested: noResources(), podCount: 0 }
  if (insufficient(requests, empty, (name) => ignored(name) || mayBeElsewhere(name)).length > 0) return false
  if (!before) return true
  const old = resourcesOf(before.status.allocatable ?? {})
  return asked(requests).some((name) => amountOf(offered, name) > amountOf(old, name))
}

/** Of what the pod asks for. */
function gaveBack(pod: Pod, before: Pod, after: Pod): boolean {
  if (after.metadata.uid === pod.metadata.uid) return true
  const [old, now] = [factsOf(before).requests, factsOf(after).requests]
  return asked(factsOf(pod).requests).some((name) => amountOf(now, name) < amountOf(old, name))
}

/** Names of what is asked for; a place on the node always is. */
function asked(requests: Resources): readonly string[] {
  const names = ['cpu', 'memory', 'ephemeral-storage', ...requests.others.keys()]
  return ['pods', ...names.filter((name) => amountOf(requests, name) > 0)]
}
