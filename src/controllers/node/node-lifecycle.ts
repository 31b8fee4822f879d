/** Node lifecycle controller: notices nodes that have fallen silent, says so, and taints them. */
import { Lease } from '#api/coordination/v1/lease.ts'
import { Node } from '#api/core/v1/node.ts'
import { Pod, type PodCondition } from '#api/core/v1/pod.ts'
import type { Taint } from '#api/core/v1/taint.ts'
import { formatTime } from '#lib/clock.ts'
import { semanticEqual } from '#schema/equal.ts'
import { type Again, type Cluster, defineController } from '../runtime/controller.ts'
import { planUnknown, readyOf, type Signs, signsOf, timeLeft } from './health.ts'
import { podsByNode, podsOn } from './pods-by-node.ts'
import { evictingKey, planNoExecute, planNoSchedule } from './taints.ts'
import { EvictionQueue, evictionRates, zoneOf } from './zones.ts'

const leases = 'kube-node-lease'

export const nodeLifecycleController = defineController({
  name: 'node-lifecycle-controller',
  account: 'node-controller',
  for: Node,
  reads: [Lease, Pod],
  writes: [Node, Pod],
  indexes: [podsByNode],
  watches: [
    {
      kind: Lease,
      when: ({ object }) => object?.metadata.namespace === leases,
      visits: ({ metadata }: Lease) => [{ name: metadata.name }],
    },
  ],

  async reconcile(node, cluster) {
    const state = stateOf(cluster)
    const { clock } = cluster
    const { name } = node.metadata
    if (!state.registered.has(name)) tellAbout(cluster, node, 'RegisteredNode', `Registered Node ${name} in Controller`)
    state.registered.set(name, node)
    const renewal = cluster.get(Lease, { namespace: leases, name })?.spec.renewTime
    const signs = signsOf(node, renewal, { before: state.signs.get(name), now: clock.now() })
    state.signs.set(name, signs)
    const left = timeLeft(node, signs, clock.now())
    const current = left <= 0 ? await declareUnknown(cluster, node) : node
    const settled = await taint(cluster, await addLabels(cluster, current))
    const again = await evict(cluster, settled, state)
    await markPods(cluster, settled)
    const waits = [...(left > 0 ? [left / 1000 + 0.001] : []), ...(again === undefined ? [] : [again])]
    return waits.length > 0 ? { after: Math.min(...waits) } : undefined
  },

  async reconcileAbsent({ name }, cluster) {
    const { signs, registered } = stateOf(cluster)
    const node = registered.get(name)
    if (node) tellAbout(cluster, node, 'RemovingNode', `Removing Node ${name} from Controller`)
    registered.delete(name)
    signs.delete(name)
  },
})

type NodeCluster = Cluster<typeof Node | typeof Lease | typeof Pod, typeof Node | typeof Pod>

interface State {
  readonly signs: Map<string, Signs>
  /** Nodes as they were when last seen. */
  readonly registered: Map<string, Node>
  readonly evictions: EvictionQueue
  /** How zones stood a moment ago. */
  rates: { readonly at: number; readonly byZone: ReadonlyMap<string, number> } | undefined
}

const states = new WeakMap<object, State>()

/** What a running controller remembers. A new one takes every node for alive until its own grace period has passed. */
function stateOf(cluster: NodeCluster): State {
  const evictions = new EvictionQueue(cluster.clock)
  const known = states.get(cluster) ?? { signs: new Map(), registered: new Map(), evictions, rates: undefined }
  states.set(cluster, known)
  return known
}

async function declareUnknown(cluster: NodeCluster, node: Node): Promise<Node> {
  const conditions = planUnknown(node, cluster.clock.now())
  if (!conditions) return node
  const wasReady = readyOf(node)?.status === 'True'
  const updated = await cluster.status(Node, node, { ...node.status, conditions })
  if (wasReady) tell(cluster, node, 'NodeNotReady', `Node ${node.metadata.name} status is now: NodeNotReady`)
  return updated
}

/** Labels of old names follow those of new ones. */
async function addLabels(cluster: NodeCluster, node: Node): Promise<Node> {
  const labels = node.metadata.labels ?? {}
  const wanted: Record<string, string> = {}
  for (const word of ['os', 'arch']) {
    const value = labels[`kubernetes.io/${word}`]
    if (value && labels[`beta.kubernetes.io/${word}`] !== value) wanted[`beta.kubernetes.io/${word}`] = value
  }
  if (Object.keys(wanted).length === 0) return node
  return cluster.patch(Node, node, { type: 'merge', body: { metadata: { labels: wanted } } })
}

async function taint(cluster: NodeCluster, node: Node): Promise<Node> {
  const taints = planNoSchedule(node, cluster.clock.now())
  return taints ? setTaints(cluster, node, taints) : node
}

/** Answers the seconds until the node is to be looked at again. */
async function evict(cluster: NodeCluster, node: Node, state: State): Promise<Again['after'] | undefined> {
  const now = cluster.clock.now()
  const key = evictingKey(node)
  const rate = key ? (ratesOf(cluster, state).get(zoneOf(node)) ?? 0) : 0
  if (rate === 0) {
    // Ready again, or everything is down: then nobody is driven away.
    const without = planNoExecute(node, undefined, now)
    if (without) await setTaints(cluster, node, without)
    return key ? recheck : undefined
  }
  const taints = planNoExecute(node, key, now)
  if (!taints) return recheck
  const wait = state.evictions.take(zoneOf(node), rate)
  if (wait) return Math.min(recheck, wait / 1000)
  await setTaints(cluster, node, taints)
  return recheck
}

/** Seconds between looks at a node that is not ready: others may fail too. Upstream's `--node-monitor-period`. */
const recheck = 5
const ratesLast = 1000

/** A node that is about to be declared unknown counts as such: many fail in one moment, and are visited one by one. */
function ratesOf(cluster: NodeCluster, state: State): ReadonlyMap<string, number> {
  const now = cluster.clock.now()
  if (state.rates && now - state.rates.at < ratesLast) return state.rates.byZone
  const isReady = (node: Node) => {
    const signs = state.signs.get(node.metadata.name)
    return readyOf(node)?.status === 'True' && (!signs || timeLeft(node, signs, now) > 0)
  }
  state.rates = { at: now, byZone: evictionRates(cluster.list(Node), isReady) }
  return state.rates.byZone
}

function setTaints(cluster: NodeCluster, node: Node, taints: readonly Taint[]): Promise<Node> {
  const { resourceVersion } = node.metadata
  const body = { metadata: { resourceVersion }, spec: { taints: taints.length > 0 ? taints : null } }
  return cluster.patch(Node, node, { type: 'merge', body })
}

/** Pods of a node that is not ready are not ready either, so that Services stop sending to them. */
async function markPods(cluster: NodeCluster, node: Node): Promise<void> {
  const ready = readyOf(node)
  if (!ready || ready.status === 'True') return
  for (const pod of podsOn(cluster, node.metadata.name)) {
    const conditions = planNotReady(pod, cluster.clock.now())
    if (!conditions) continue
    await cluster.status(Pod, pod, { ...pod.status, conditions })
    cluster.event(pod, { type: 'Warning', reason: 'NodeNotReady', message: 'Node is not ready' })
  }
}

/** The pod's conditions with Ready taken back; undefined when it is not ready anyway. */
export function planNotReady({ status }: Pod, now: number): PodCondition[] | undefined {
  const conditions = status.conditions ?? []
  const next = conditions.map((condition) =>
    condition.type === 'Ready' && condition.status === 'True'
      ? { ...condition, status: 'False' as const, lastTransitionTime: formatTime(now) }
      : condition,
  )
  return semanticEqual(next, conditions) ? undefined : next
}

function tellAbout(cluster: NodeCluster, node: Node, reason: string, what: string): void {
  tell(cluster, node, reason, `Node ${node.metadata.name} event: ${what}`)
}

function tell(cluster: NodeCluster, node: Node, reason: string, message: string): void {
  cluster.event(node, { type: 'Normal', reason, message })
}
