/** An extender: a program beside the scheduler that is asked over HTTP about nodes, scores, victims, or to bind (upstream `pkg/scheduler/extender.go`). */
import type { Node } from '#api/core/v1/node.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import type { Clock } from '#lib/clock.ts'
import { type ExtenderTls, openRoad } from './extender-call.ts'

export interface ExtenderOptions {
  readonly urlPrefix: string
  readonly filterVerb: string
  readonly prioritizeVerb: string
  readonly preemptVerb: string
  readonly bindVerb: string
  readonly weight: number
  /** Milliseconds. */
  readonly timeout: number
  /** It knows the nodes itself: names are enough. */
  readonly nodeCacheCapable: boolean
  /** Only pods that ask for one of these concern it; none: all pods. */
  readonly managedResources: readonly string[]
  /** Pods are scheduled without it when it fails. */
  readonly ignorable: boolean
  readonly tls: ExtenderTls
}

export interface Filtered {
  readonly nodes: ReadonlySet<string>
  /** Why, by name of the node. */
  readonly failed: ReadonlyMap<string, string>
  /** The same, where evicting pods would not help. */
  readonly unresolvable: ReadonlyMap<string, string>
}

/** UIDs of pods on one node. */
export interface MetaVictims {
  readonly pods: readonly string[]
  readonly violations: number
}

export interface Victims {
  readonly pods: readonly Pod[]
  readonly violations: number
}

export interface Extender {
  readonly name: string
  readonly isIgnorable: boolean
  readonly filters: boolean
  readonly prioritizes: boolean
  readonly preempts: boolean
  readonly binds: boolean
  readonly weight: number
  isInterested(pod: Pod): boolean
  filter(pod: Pod, nodes: readonly Node[]): Promise<Filtered>
  /** By name of the node, 0..10. */
  prioritize(pod: Pod, nodes: readonly Node[]): Promise<ReadonlyMap<string, number>>
  /** Which of these nodes, and which victims there. */
  preempt(pod: Pod, victims: ReadonlyMap<string, Victims>): Promise<ReadonlyMap<string, MetaVictims>>
  bind(pod: Pod, node: string): Promise<void>
}

export function createExtender(options: ExtenderOptions, clock: Clock): Extender {
  const { urlPrefix: name, nodeCacheCapable, managedResources } = options
  const send = openRoad(options, clock)
  const managed = new Set(managedResources)
  const question = (pod: Pod, nodes: readonly Node[]) => ({
    Pod: pod,
    Nodes: nodeCacheCapable ? null : { metadata: {}, items: nodes },
    NodeNames: nodeCacheCapable ? nodes.map(({ metadata }) => metadata.name) : null,
  })
  return {
    ...{ name, isIgnorable: options.ignorable, weight: options.weight },
    filters: options.filterVerb !== '',
    prioritizes: options.prioritizeVerb !== '',
    preempts: options.preemptVerb !== '',
    binds: options.bindVerb !== '',
    isInterested: (pod) => managed.size === 0 || asksFor(pod, managed),

    async filter(pod, nodes) {
      const answer = fields(await send(options.filterVerb, question(pod, nodes)))
      if (answer.error) throw new Error(String(answer.error))
      return {
        nodes: filteredNames(answer, { nodeCacheCapable, nodes, name }),
        failed: texts(answer.failednodes),
        unresolvable: texts(answer.failedandunresolvablenodes),
      }
    },

    async prioritize(pod, nodes) {
      const answer = (await send(options.prioritizeVerb, question(pod, nodes))) as unknown[] | null
      return new Map((answer ?? []).map(fields).map(({ host, score }) => [String(host), Number(score ?? 0)]))
    },

    async preempt(pod, victims) {
      const given = [...victims].map(([node, { pods, violations }]) => [
        node,
        { Pods: nodeCacheCapable ? pods.map(({ metadata }) => ({ UID: metadata.uid })) : pods, NumPDBViolations: violations },
      ])
      const byNode = Object.fromEntries(given) as object
      const asked = {
        Pod: pod,
        NodeNameToVictims: nodeCacheCapable ? null : byNode,
        NodeNameToMetaVictims: nodeCacheCapable ? byNode : null,
      }
      return metaVictims(fields(await send(options.preemptVerb, asked)).nodenametometavictims)
    },

    async bind(pod, node) {
      const { name: PodName, namespace: PodNamespace, uid: PodUID } = pod.metadata
      const answer = fields(await send(options.bindVerb, { PodName, PodNamespace, PodUID, Node: node }))
      if (answer.error) throw new Error(String(answer.error))
    },
  }
}

function asksFor({ spec }: Pod, managed: ReadonlySet<string>): boolean {
  const containers = [...spec.containers, ...(spec.initContainers ?? [])]
  return containers.some(({ resources }) => {
    return Object.keys({ ...resources?.requests, ...resources?.limits }).some((name) => managed.has(name))
  })
}

interface Asked {
  readonly nodeCacheCapable: boolean
  readonly nodes: readonly Node[]
  readonly name: string
}

function filteredNames(answer: Fields, { nodeCacheCapable, nodes, name }: Asked): ReadonlySet<string> {
  const items = fields(answer.nodes).items as readonly Node[] | undefined
  if (!nodeCacheCapable || !answer.nodenames) return new Set((items ?? []).map(({ metadata }) => metadata.name))
  const given = new Set(nodes.map(({ metadata }) => metadata.name))
  const names = answer.nodenames as readonly string[]
  const stranger = names.find((one) => !given.has(one))
  if (stranger === undefined) return new Set(names)
  const [extender, node] = [JSON.stringify(name), JSON.stringify(stranger)]
  throw new Error(`extender ${extender} claims a filtered node ${node} which is not found in the input node list`)
}

type Fields = Readonly<Record<string, unknown>>

/** Names in lower case: Go reads them in any. */
function fields(value: unknown): Fields {
  return Object.fromEntries(Object.entries((value ?? {}) as object).map(([name, held]) => [name.toLowerCase(), held]))
}

function texts(value: unknown): ReadonlyMap<string, string> {
  return new Map(Object.entries((value ?? {}) as Record<string, string>))
}

function metaVictims(value: unknown): ReadonlyMap<string, MetaVictims> {
  const victims = Object.entries((value ?? {}) as object).map(([node, held]): [string, MetaVictims] => {
    const { pods, numpdbviolations } = fields(held)
    const uids = ((pods ?? []) as readonly unknown[]).map((pod) => String(fields(pod).uid))
    return [node, { pods: uids, violations: Number(numpdbviolations ?? 0) }]
  })
  return new Map(victims)
}
