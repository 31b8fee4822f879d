/** DaemonSet controller: one pod on every node that the template fits. */
import { ControllerRevision } from '#api/apps/v1/controller-revision.ts'
import { DaemonSet } from '#api/apps/v1/daemon-set.ts'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { selecting, selects } from '#api/meta/v1/label-selector.ts'
import { type Ref, refOf } from '#client/client.ts'
import { semanticEqual } from '#schema/equal.ts'
import { claimObjects } from '../claim.ts'
import { claimRevisions, createRevision, holds, nextRevision, planTruncation, renumber } from '../history.ts'
import { createPods, deletePods } from '../pod-control.ts'
import { isFinished, nextAvailability } from '../pod-state.ts'
import { type Again, type Caches, type Change, type Cluster, type Controller, defineController } from '../runtime/controller.ts'
import { FailurePauses } from './failure-pauses.ts'
import { daemonPod, fitOf, hashLabel, targetOf } from './node-fit.ts'
import { type DaemonPlan, planDaemonSet, type View } from './plan.ts'
import { planRolling, type RollingPlan } from './rolling.ts'
import { planStatus } from './status.ts'

type Read = typeof DaemonSet | typeof Pod | typeof Node | typeof ControllerRevision
type SetCluster = Cluster<Read, Read>

/** How many pods one visit creates or deletes at most. */
const burst = 250

export function daemonSetController(): Controller {
  const pauses = new FailurePauses()
  return defineController({
    name: 'daemonset-controller',
    account: 'daemon-set-controller',
    component: 'daemonset-controller',
    for: DaemonSet,
    owns: [Pod],
    reads: [Node, ControllerRevision],
    writes: [Pod, ControllerRevision],
    watches: [
      { kind: Pod, visits: (pod: Pod, caches) => adoptersOf(pod, caches as Caches<Read>) },
      { kind: Node, when: concerns, visits: (node: Node, caches) => onNode(node, caches as Caches<Read>) },
    ],
    reconcile: (set, cluster) => reconcile(set, cluster, pauses),
  })
}

async function reconcile(set: DaemonSet, cluster: SetCluster, pauses: FailurePauses): Promise<Again | undefined> {
  const { matchLabels = {}, matchExpressions = [] } = set.spec.selector ?? {}
  if (Object.keys(matchLabels).length + matchExpressions.length === 0) {
    const message = 'This daemon set is selecting all pods. A non-empty selector is required.'
    cluster.event(set, { type: 'Warning', reason: 'SelectingAll', message })
    return
  }
  // Its revisions may be gone already, so that nothing true can be said of its pods.
  if (set.metadata.deletionTimestamp) return
  const { current, old, collisionCount } = await syncRevisions(set, cluster)
  const hash = current.metadata.labels?.[hashLabel] ?? ''
  let wait: number | undefined
  const failure = await attempt(async () => {
    const view = await look(set, cluster, hash)
    const plan = planDaemonSet(view)
    const due = dueOf(plan.failed, { set, cluster, pauses })
    wait = due.wait
    announce(set, cluster, { ...plan, failed: due.pods })
    const remove = [...plan.remove, ...due.pods, ...plan.succeeded]
    await carryOut(set, cluster, { hash, plan: { create: plan.create, remove } })
    await carryOut(set, cluster, { hash, plan: planRolling(await look(set, cluster, hash)) })
    await truncate(set, cluster, old)
  })
  const view = await look(set, cluster, hash)
  await cluster.status(DaemonSet, set, planStatus(view, collisionCount))
  if (failure) throw failure.error
  const next = nextAvailability(view.pods, set.spec.minReadySeconds ?? 0, view.now)
  const waits = [wait, next === undefined ? undefined : next / 1000].filter((seconds) => seconds !== undefined)
  return waits.length > 0 ? { after: Math.min(...waits) } : undefined
}

async function attempt(act: () => Promise<void>): Promise<{ readonly error: unknown } | undefined> {
  try {
    await act()
    return undefined
  } catch (error) {
    return { error }
  }
}

/** Pods that have ended and are being deleted no longer count. */
async function look(set: DaemonSet, cluster: SetCluster, hash: string): Promise<View> {
  const pods = (await claimPods(set, cluster)).filter((pod) => !(pod.metadata.deletionTimestamp && isFinished(pod)))
  return { set, hash, nodes: cluster.list(Node), pods, now: cluster.clock.now() }
}

async function claimPods(set: DaemonSet, cluster: SetCluster): Promise<readonly Pod[]> {
  const objects = [...cluster.owned(Pod, set), ...cluster.orphans(Pod, set.metadata.namespace ?? '')]
  const isSelected = selecting(set.spec.selector)
  const matches = ({ metadata }: Pod) => isSelected(metadata.labels)
  return claimObjects(cluster, set, { kind: Pod, ownerKind: DaemonSet, objects, matches })
}

interface History {
  readonly current: ControllerRevision
  readonly old: readonly ControllerRevision[]
  readonly collisionCount: number | undefined
}

/** Several revisions of one template become one, and pods of the others are told so. */
async function syncRevisions(set: DaemonSet, cluster: SetCluster): Promise<History> {
  const { template, selector } = set.spec
  const all = await claimRevisions(cluster, set, { ownerKind: DaemonSet, selector })
  const same = all.filter((revision) => holds(revision, template))
  const old = all.filter((revision) => !same.includes(revision))
  const revision = nextRevision(old)
  const { collisionCount } = set.status
  const kept = same.at(-1)
  if (!kept) {
    const made = await createRevision(cluster, set, { template, revision, collisionCount, hashLabel })
    return { current: made.revision, old, collisionCount: made.collisionCount }
  }
  if (same.length > 1) await merge(set, cluster, { kept, others: same.slice(0, -1) })
  const current = Number(kept.revision) < revision ? await renumber(cluster, kept, revision) : kept
  return { current, old, collisionCount }
}

async function merge(
  set: DaemonSet,
  cluster: SetCluster,
  { kept, others }: { kept: ControllerRevision; others: readonly ControllerRevision[] },
): Promise<void> {
  const hash = kept.metadata.labels?.[hashLabel] ?? ''
  const merged = new Set(others.map(({ metadata }) => metadata.labels?.[hashLabel]))
  for (const pod of await claimPods(set, cluster)) {
    if (!merged.has(pod.metadata.labels?.[hashLabel])) continue
    await cluster.patch(Pod, pod, { type: 'merge', body: { metadata: { labels: { [hashLabel]: hash } } } })
  }
  for (const revision of others) await cluster.delete(ControllerRevision, revision)
}

async function truncate(set: DaemonSet, cluster: SetCluster, old: readonly ControllerRevision[]): Promise<void> {
  const used = new Set(cluster.owned(Pod, set).map(({ metadata }) => metadata.labels?.[hashLabel]))
  const isLive = ({ metadata }: ControllerRevision) => used.has(metadata.labels?.[hashLabel])
  const limit = set.spec.revisionHistoryLimit ?? 10
  const surplus = Math.max(0, old.length - limit)
  for (const revision of planTruncation(old, 0, isLive).slice(0, surplus)) await cluster.delete(ControllerRevision, revision)
}

interface Due {
  readonly pods: readonly Pod[]
  readonly wait: number | undefined
}

function dueOf(
  failed: readonly Pod[],
  { set, cluster, pauses }: { set: DaemonSet; cluster: SetCluster; pauses: FailurePauses },
): Due {
  const now = cluster.clock.now()
  const left = failed.map((pod) => {
    const key = `${set.metadata.uid}/${set.status.observedGeneration ?? 0}/${targetOf(pod)}`
    return { pod, seconds: pauses.left(key, now) }
  })
  const waiting = left.filter(({ seconds }) => seconds > 0).map(({ seconds }) => seconds)
  const pods = left.filter(({ seconds }) => seconds === 0).map(({ pod }) => pod)
  return { pods, wait: waiting.length > 0 ? Math.min(...waiting) : undefined }
}

function announce(set: DaemonSet, cluster: SetCluster, { failed, succeeded }: Pick<DaemonPlan, 'failed' | 'succeeded'>): void {
  const place = (pod: Pod) => `pod ${pod.metadata.namespace}/${pod.metadata.name} on node ${targetOf(pod)}`
  for (const pod of failed) {
    const message = `Found failed daemon ${place(pod)}, will try to kill it`
    cluster.event(set, { type: 'Warning', reason: 'FailedDaemonPod', message })
  }
  for (const pod of succeeded) {
    const message = `Found succeeded daemon ${place(pod)}, will try to delete it`
    cluster.event(set, { type: 'Normal', reason: 'SucceededDaemonPod', message })
  }
}

async function carryOut(set: DaemonSet, cluster: SetCluster, { hash, plan }: { hash: string; plan: RollingPlan }): Promise<void> {
  const drafts = plan.create.slice(0, burst).map((node) => daemonPod(set, hash, node))
  const created = await attempt(() => createPods(cluster, set, drafts))
  await deletePods(cluster, set, plan.remove.slice(0, burst))
  if (created) throw created.error
}

/** Who might adopt a pod that nobody controls. */
function adoptersOf({ metadata }: Pod, caches: Caches<Read>): readonly Ref[] {
  if (metadata.ownerReferences?.some(({ controller }) => controller)) return []
  return caches
    .list(DaemonSet, { namespace: metadata.namespace })
    .filter(({ spec }) => selects(spec.selector, metadata.labels))
    .map(refOf)
}

/** A node's heartbeats and images concern no daemon. */
function concerns({ object, old }: Change<Node>): boolean {
  if (!object || !old) return true
  return !semanticEqual(object.metadata.labels, old.metadata.labels) || !semanticEqual(object.spec.taints, old.spec.taints)
}

/** Sets that want a pod on the node, and those that have one there. */
function onNode(node: Node, caches: Caches<Read>): readonly Ref[] {
  return caches
    .list(DaemonSet)
    .filter((set) => fitOf(set, node).starts || caches.owned(Pod, set).some((pod) => targetOf(pod) === node.metadata.name))
    .map(refOf)
}
