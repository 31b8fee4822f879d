/** NodeResourcesFit keeps pods off nodes without room for their requests, and weighs the room that is left. */
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { definePlugin, type Plugin } from '../framework/plugin.ts'
import { factsOf } from '../framework/pod-facts.ts'
import { amountOf } from '../framework/resources.ts'
import type { NodeInfo, Resources } from '../framework/snapshot.ts'
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
}

export function nodeResourcesFit(args: NodeResourcesFitArgs = {}): Plugin<State> {
  const score = scorer(args.scoringStrategy ?? defaultStrategy)
  const ignored = ignoredBy(args)
  return definePlugin<State>({
    name: 'NodeResourcesFit',
    requeueOn: [
      { kind: Pod, when: ['deleted', 'scaledDown'] },
      {
        kind: Node,
        when: ['added', 'allocatableChanged'],
        helps: (pod, before: Node | undefined, after: Node) => mayFit(pod, before, after),
      },
    ],

    prepare(pod) {
      const { requests, nonZero } = factsOf(pod)
      return { state: { requests, nonZero } }
    },

    filter({ state }, node) {
      const lacking = insufficient(state.requests, node, ignored)
      if (lacking.length === 0) return undefined
      const reasons = lacking.map(({ reason }) => reason)
      return { message: reasons.join(', '), reasons, unresolvable: lacking.some(({ never }) => never) }
    },

    score: ({ state }, node) => score(node, state.requests, state.nonZero),
    signature: (pod) => resourceSignature(pod),
  })
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
  node: NodeInfo,
  ignored: (name: string) => boolean = () => false,
): { reason: string; never: boolean }[] {
  const { allocatable, requested } = node
  const lacking: { reason: string; never: boolean }[] = []
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

/** A node that came, or offers more than before, of something that the pod asks for. */
function mayFit(pod: Pod, before: Node | undefined, after: Node): boolean {
  if (!before) return true
  const old = before.status.allocatable ?? {}
  const { requests } = factsOf(pod)
  return Object.entries(after.status.allocatable ?? {}).some(
    ([name, value]) => old[name] !== value && (name === 'pods' || amountOf(requests, name) > 0),
  )
}
