/** StatefulSet controller: pods with names and storage of their own, made, replaced and removed in order. */
import { ControllerRevision } from '#api/apps/v1/controller-revision.ts'
import { StatefulSet } from '#api/apps/v1/stateful-set.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { selects } from '#api/meta/v1/label-selector.ts'
import { type Ref, refOf } from '#client/client.ts'
import { claimObjects } from '../claim.ts'
import {
  claimRevisions,
  createRevision,
  holds,
  nextRevision,
  olderFirst,
  planTruncation,
  renumber,
  templateOf,
} from '../history.ts'
import { nextAvailability } from '../pod-state.ts'
import { type Again, type Caches, type Cluster, defineController } from '../runtime/controller.ts'
import { slowStart } from '../runtime/slow-start.ts'
import { type Hand, take } from './act.ts'
import { claimsOf, isMember, ordinalOf } from './identity.ts'
import { isOrdered, planStatefulSet, type Step, type View } from './plan.ts'
import { planStatus, revisionsOf } from './status.ts'

type Read = typeof StatefulSet | typeof Pod | typeof ControllerRevision | typeof PersistentVolumeClaim
type SetCluster = Cluster<Read, Read>

export const statefulSetController = defineController({
  name: 'statefulset-controller',
  for: StatefulSet,
  owns: [Pod],
  reads: [PersistentVolumeClaim, ControllerRevision],
  writes: [Pod, ControllerRevision, PersistentVolumeClaim],
  watches: [
    { kind: Pod, visits: (pod: Pod, caches) => adoptersOf(pod, caches as Caches<Read>) },
    {
      kind: PersistentVolumeClaim,
      // A pod may wait until the claim of its predecessor is gone.
      when: ({ object }) => object === undefined,
      visits: (claim: PersistentVolumeClaim, caches) => claimantsOf(claim, caches as Caches<Read>),
    },
  ],

  async reconcile(set, cluster) {
    const revisions = await claimRevisions(cluster, set, { ownerKind: StatefulSet, selector: set.spec.selector })
    const pods = await claimPods(set, cluster)
    const history = await syncRevisions(set, cluster, revisions)
    const { current, update } = history
    const now = cluster.clock.now()
    const claim = (name: string) => cluster.get(PersistentVolumeClaim, { name, namespace: set.metadata.namespace })
    const view: View = { set, current: current.metadata.name, update: update.metadata.name, pods, claim, now }
    const hand: Hand = { cluster, set, revisions: { current: revisionOf(current), update: revisionOf(update) } }
    const { removed, failure } = await carryOut(planStatefulSet(view), hand)
    const { collisionCount } = history
    await cluster.status(StatefulSet, set, planStatus(view, { removed: failure ? 0 : removed, collisionCount }))
    await truncate(set, cluster, { ...history, pods })
    if (failure) throw failure.error
    return again(set, pods, now)
  },
})

function again({ spec }: StatefulSet, pods: readonly Pod[], now: number): Again | undefined {
  const next = nextAvailability(pods, spec.minReadySeconds ?? 0, now)
  return next === undefined ? undefined : { after: next / 1000 }
}

async function claimPods(set: StatefulSet, cluster: SetCluster): Promise<readonly Pod[]> {
  const objects = [...cluster.owned(Pod, set), ...cluster.orphans(Pod, set.metadata.namespace ?? '')]
  const matches = (pod: Pod) => isMember(set, pod) && selects(set.spec.selector, pod.metadata.labels)
  const pods = await claimObjects(cluster, set, { kind: Pod, ownerKind: StatefulSet, objects, matches })
  return pods.toSorted((a, b) => ordinalOf(a) - ordinalOf(b))
}

interface History {
  /** Oldest first. */
  readonly revisions: readonly ControllerRevision[]
  readonly current: ControllerRevision
  readonly update: ControllerRevision
  readonly collisionCount: number | undefined
}

/** The revision of the template as it is: the newest, or a former one that becomes the newest, or a new one. */
async function syncRevisions(set: StatefulSet, cluster: SetCluster, revisions: readonly ControllerRevision[]): Promise<History> {
  const { template } = set.spec
  const equal = revisions.findLast((revision) => holds(revision, template))
  const revision = nextRevision(revisions)
  let collisionCount = set.status.collisionCount
  let update = equal
  if (equal && equal !== revisions.at(-1)) update = await renumber(cluster, equal, revision)
  if (!update) {
    const snapshot = { template, revision, collisionCount: collisionCount ?? 0, hashLabel: 'controller.kubernetes.io/hash' }
    const made = await createRevision(cluster, set, snapshot)
    update = made.revision
    collisionCount = made.collisionCount
  }
  const current = revisions.find(({ metadata }) => metadata.name === set.status.currentRevision) ?? update
  const rest = revisions.filter(({ metadata }) => metadata.name !== update.metadata.name)
  return { revisions: [...rest, update].toSorted(olderFirst), current, update, collisionCount }
}

function revisionOf(revision: ControllerRevision) {
  return {
    name: revision.metadata.name,
    get template() {
      return templateOf(revision)
    },
  }
}

interface Outcome {
  /** Pods that an update has removed. */
  readonly removed: number
  readonly failure?: { readonly error: unknown }
}

async function carryOut(phases: readonly (readonly Step[])[], hand: Hand): Promise<Outcome> {
  let removed = 0
  for (const steps of phases) {
    const result = isOrdered(hand.set) ? await inTurn(steps, hand) : await slowStart(steps, (step) => take(step, hand))
    removed += steps.slice(0, result.done).filter((step) => step.type === 'delete' && step.forUpdate).length
    if ('error' in result) return { removed, failure: { error: result.error } }
  }
  return { removed }
}

async function inTurn(steps: readonly Step[], hand: Hand): Promise<{ done: number; error?: unknown }> {
  for (const [done, step] of steps.entries()) {
    try {
      await take(step, hand)
    } catch (error) {
      return { done, error }
    }
  }
  return { done: steps.length }
}

async function truncate(
  set: StatefulSet,
  cluster: SetCluster,
  { revisions, current, update, pods }: History & { readonly pods: readonly Pod[] },
): Promise<void> {
  const used = revisionsOf(pods)
  const isLive = ({ metadata }: ControllerRevision) =>
    [current.metadata.name, update.metadata.name].includes(metadata.name) || used.has(metadata.name)
  for (const revision of planTruncation(revisions, set.spec.revisionHistoryLimit ?? 10, isLive)) {
    await cluster.delete(ControllerRevision, revision)
  }
}

/** Who might adopt a pod that nobody controls. */
function adoptersOf(pod: Pod, caches: Caches<Read>): readonly Ref[] {
  const { metadata } = pod
  if (metadata.ownerReferences?.some(({ controller }) => controller)) return []
  return caches
    .list(StatefulSet, { namespace: metadata.namespace })
    .filter((set) => isMember(set, pod) && selects(set.spec.selector, metadata.labels))
    .map(refOf)
}

function claimantsOf(claim: PersistentVolumeClaim, caches: Caches<Read>): readonly Ref[] {
  const { name, namespace } = claim.metadata
  const ordinal = ordinalOf(claim)
  if (ordinal < 0) return []
  return caches
    .list(StatefulSet, { namespace })
    .filter((set) => claimsOf(set, ordinal).some(({ metadata }) => metadata?.name === name))
    .map(refOf)
}
