/** Pod garbage collector: removes pods that no kubelet will ever remove. */
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { sleep } from '#lib/clock.ts'
import { hasReason } from '#schema/status-error.ts'
import { type Disruption, markDisrupted } from './pod-failure.ts'
import { isFinished } from './pod-state.ts'
import { type Cluster, defineController } from './runtime/controller.ts'

const period = 20_000
/** How long a node must be unknown before its pods count as orphans: it may be registering again. */
const quarantine = 40_000
const terminatedThreshold = 12_500

export const podGarbageCollector = defineController({
  name: 'pod-garbage-collector-controller',
  account: 'pod-garbage-collector',
  for: Pod,
  reads: [Node],
  writes: [Pod],
  grants: [{ groups: [''], resources: ['nodes'], verbs: ['get', 'list'] }],

  async run(cluster, signal) {
    const missing = new Map<string, number>()
    while (!signal.aborted) {
      await collect(cluster, missing)
      await sleep(cluster.clock, period, signal).catch(() => {})
    }
  },
})

type PodCluster = Cluster<typeof Pod | typeof Node, typeof Pod>

async function collect(cluster: PodCluster, missing: Map<string, number>): Promise<void> {
  const pods = cluster.list(Pod)
  const nodes = new Map(cluster.list(Node).map((node) => [node.metadata.name, node]))
  for (const pod of planTerminated(pods, terminatedThreshold)) await remove(cluster, pod)
  for (const pod of pods.filter((candidate) => isOutOfService(candidate, nodes))) await remove(cluster, pod)
  await collectOrphans(cluster, { pods, nodes, missing })
  for (const pod of pods) if (pod.metadata.deletionTimestamp && !pod.spec.nodeName) await remove(cluster, pod)
}

/** Finished pods beyond the threshold: evicted ones first, then the oldest. */
export function planTerminated(pods: readonly Pod[], threshold: number): readonly Pod[] {
  const finished = pods.filter(isFinished)
  const surplus = finished.length - threshold
  if (threshold <= 0 || surplus <= 0) return []
  const ranked = finished.map((pod) => ({
    pod,
    evicted: pod.status.reason === 'Evicted',
    made: Date.parse(pod.metadata.creationTimestamp),
  }))
  ranked.sort(
    (a, b) => Number(b.evicted) - Number(a.evicted) || a.made - b.made || (a.pod.metadata.name < b.pod.metadata.name ? -1 : 1),
  )
  return ranked.slice(0, surplus).map(({ pod }) => pod)
}

/** Being deleted, on a node that is down and of which somebody said that it will not come back as it was. */
function isOutOfService({ metadata, spec }: Pod, nodes: ReadonlyMap<string, Node>): boolean {
  const node = metadata.deletionTimestamp && spec.nodeName ? nodes.get(spec.nodeName) : undefined
  if (!node) return false
  const ready = node.status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')
  return !ready && (node.spec.taints?.some(({ key }) => key === 'node.kubernetes.io/out-of-service') ?? false)
}

interface Seen {
  readonly pods: readonly Pod[]
  readonly nodes: ReadonlyMap<string, Node>
  /** Node -> since when it is missing. */
  readonly missing: Map<string, number>
}

async function collectOrphans(cluster: PodCluster, { pods, nodes, missing }: Seen): Promise<void> {
  const now = cluster.clock.monotonic()
  const named = new Set(pods.map(({ spec }) => spec.nodeName ?? '').filter((name) => name && !nodes.has(name)))
  for (const name of missing.keys()) if (!named.has(name)) missing.delete(name)
  for (const name of named) if (!missing.has(name)) missing.set(name, now)
  for (const [name, since] of missing) {
    if (now - since < quarantine || (await exists(cluster, name))) continue
    const orphans = pods.filter(({ spec }) => spec.nodeName === name)
    const disruption = { reason: 'DeletionByPodGC', message: 'PodGC: node no longer exists' }
    for (const pod of orphans) await remove(cluster, pod, disruption)
  }
}

async function exists(cluster: PodCluster, name: string): Promise<boolean> {
  try {
    await cluster.live.get(Node, { name })
    return true
  } catch (error) {
    if (hasReason(error, 'NotFound')) return false
    throw error
  }
}

/** Without grace: there is nobody who could let the pod end. It is marked as failed first, for whoever watches it. */
async function remove(cluster: PodCluster, pod: Pod, disruption?: Omit<Disruption, 'fails'>): Promise<void> {
  try {
    if (disruption) await markDisrupted(cluster, pod, { ...disruption, fails: true })
    else if (!isFinished(pod)) await cluster.status(Pod, pod, { ...pod.status, phase: 'Failed' })
  } catch (error) {
    if (hasReason(error, 'NotFound')) return
    throw error
  }
  await cluster.delete(Pod, pod, { gracePeriodSeconds: 0 })
}
