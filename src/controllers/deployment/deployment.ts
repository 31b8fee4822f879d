/** Deployment controller: rolls pods from one template to the next by growing and shrinking ReplicaSets. */
import { Deployment, type DeploymentStatus } from '#api/apps/v1/deployment.ts'
import { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { selects } from '#api/meta/v1/label-selector.ts'
import { edit, type Ref, refOf } from '#client/client.ts'
import { semanticEqual as same } from '#schema/equal.ts'
import { claimObjects } from '../claim.ts'
import { isFinished } from '../pod-state.ts'
import { type Again, type Caches, defineController } from '../runtime/controller.ts'
import { ownerOf } from '../runtime/loop.ts'
import { withSizes } from './annotations.ts'
import { isRolling, replicasOf } from './budget.ts'
import { condition, conditionOf, withCondition } from './conditions.ts'
import { allOf, hasPods, type Sets, sizeOf, sortSets, sum } from './replica-sets.ts'
import { type DeploymentCluster, planCleanup, scaled, syncRevision } from './revision.ts'
import { planRolling, type RollingSets } from './rolling.ts'
import { isScaled, planScale, type Scaling } from './scale.ts'
import { isComplete, planDeadline, planRolloutStatus, planStatus } from './status.ts'

export const deploymentController = defineController({
  name: 'deployment-controller',
  for: Deployment,
  owns: [ReplicaSet],
  reads: [Pod],
  writes: [Deployment, ReplicaSet],
  watches: [
    { kind: ReplicaSet, visits: (rs: ReplicaSet, caches) => adoptersOf(rs, caches as Known) },
    { kind: Pod, visits: (pod: Pod, caches) => waitingFor(pod, caches as Known) },
  ],

  async reconcile(cached, cluster) {
    const deployment = edit(cached)
    try {
      const status = await roll(deployment, cluster)
      return await report(deployment, { status, seen: cached.status, cluster })
    } catch (error) {
      // Conditions and the collision count are worth keeping; the next visit makes them anew where that fails.
      await report(deployment, { status: deployment.status, seen: cached.status, cluster }).catch(() => {})
      throw error
    }
  },
})

type Known = Caches<typeof Deployment | typeof ReplicaSet>

interface Report {
  readonly status: DeploymentStatus
  readonly seen: DeploymentStatus
  readonly cluster: DeploymentCluster
}

async function report(marked: Deployment, { status, seen, cluster }: Report): Promise<Again | undefined> {
  // The revision goes along with the status, so that it counts as no change of what is wanted (`generation` stays).
  await cluster.status(Deployment, marked, status, { seen })
  const seconds = planDeadline(marked, status, cluster.clock.now())
  return seconds === undefined ? undefined : { after: seconds }
}

/** One step; answers the status to report. `deployment` is a copy that collects conditions and the revision. */
async function roll(deployment: Deployment, cluster: DeploymentCluster): Promise<DeploymentStatus> {
  if (selectsAll(deployment)) return refuse(deployment, cluster)
  const sets = sortSets(deployment, await claimSets(deployment, cluster))
  if (deployment.metadata.deletionTimestamp) {
    return planStatus(deployment, await syncRevision(cluster, deployment, { sets, create: false }), cluster.clock.now())
  }
  markPause(deployment, cluster.clock.now())
  if (deployment.spec.paused || isScaled(deployment, sets)) return scaleOnly(deployment, sets, cluster)
  return isRolling(deployment) ? rollOver(deployment, sets, cluster) : recreate(deployment, sets, cluster)
}

async function scaleOnly(deployment: Deployment, sets: Sets, cluster: DeploymentCluster): Promise<DeploymentStatus> {
  const found = await syncRevision(cluster, deployment, { sets, create: false })
  const after = await applyAll(deployment, { sets: found, plan: planScale(deployment, found), cluster })
  if (deployment.spec.paused) await cleanUp(deployment, after.old, cluster)
  return planStatus(deployment, after, cluster.clock.now())
}

async function rollOver(deployment: Deployment, sets: Sets, cluster: DeploymentCluster): Promise<DeploymentStatus> {
  const found = await syncRevision(cluster, deployment, { sets, create: true })
  const plan = planRolling(deployment, found as RollingSets)
  return finish(deployment, { sets: found, plan, cluster })
}

/** No pod of the new template while one of an old template may still run. */
async function recreate(deployment: Deployment, sets: Sets, cluster: DeploymentCluster): Promise<DeploymentStatus> {
  const found = await syncRevision(cluster, deployment, { sets, create: false })
  const leaving = found.old.filter(hasPods).map((set) => ({ set, replicas: 0 }))
  if (leaving.length > 0 || oldPodsRun(found, cluster)) return finish(deployment, { sets: found, plan: leaving, cluster })
  const created = await syncRevision(cluster, deployment, { sets: found, create: true })
  const plan = created.current ? [{ set: created.current, replicas: replicasOf(deployment) }] : []
  return finish(deployment, { sets: created, plan: plan.filter(({ set, replicas }) => sizeOf(set) !== replicas), cluster })
}

function oldPodsRun({ old }: Sets, cluster: DeploymentCluster): boolean {
  return sum.actual(old) > 0 || old.some((rs) => cluster.owned(Pod, rs).some((pod) => !isFinished(pod)))
}

interface Step {
  readonly sets: Sets
  readonly plan: readonly Scaling[]
  readonly cluster: DeploymentCluster
}

async function finish(deployment: Deployment, step: Step): Promise<DeploymentStatus> {
  const { cluster, plan } = step
  const after = await applyAll(deployment, step)
  if (plan.length === 0 && isComplete(deployment, deployment.status)) await cleanUp(deployment, after.old, cluster)
  return planRolloutStatus(deployment, after, cluster.clock.now())
}

/** Resizes one after another, as later sizes of a plan build on earlier ones; answers the sets as they are then. */
async function applyAll(deployment: Deployment, { sets, plan, cluster }: Step): Promise<Sets> {
  const newest = new Map(allOf(sets).map((set) => [set.metadata.uid, set]))
  for (const { set, replicas } of plan) {
    const { uid } = set.metadata
    newest.set(uid, await resize(deployment, { set: newest.get(uid) ?? set, replicas, cluster }))
  }
  const renewed = (set: ReplicaSet) => newest.get(set.metadata.uid) ?? set
  return { current: sets.current && renewed(sets.current), old: sets.old.map(renewed) }
}

async function resize(deployment: Deployment, { set, replicas, cluster }: Scaling & Pick<Step, 'cluster'>): Promise<ReplicaSet> {
  const annotations = withSizes(set.metadata.annotations, deployment)
  if (sizeOf(set) === replicas && same(annotations, set.metadata.annotations)) return set
  const changed = edit(set)
  changed.spec.replicas = replicas
  changed.metadata.annotations = { ...annotations }
  const updated = await cluster.update(ReplicaSet, changed)
  if (sizeOf(set) !== replicas) scaled(cluster, deployment, { name: set.metadata.name, from: sizeOf(set), to: replicas })
  return updated
}

async function cleanUp(deployment: Deployment, old: readonly ReplicaSet[], cluster: DeploymentCluster): Promise<void> {
  for (const set of planCleanup(deployment, old)) await cluster.delete(ReplicaSet, set)
}

async function claimSets(deployment: Deployment, cluster: DeploymentCluster): Promise<readonly ReplicaSet[]> {
  const { namespace = '' } = deployment.metadata
  const objects = [...cluster.owned(ReplicaSet, deployment), ...cluster.orphans(ReplicaSet, namespace)]
  const matches = ({ metadata }: ReplicaSet) => selects(deployment.spec.selector, metadata.labels)
  return claimObjects(cluster, deployment, { kind: ReplicaSet, ownerKind: Deployment, objects, matches })
}

/** A rollout that was paused must not be called late when it goes on; one that is late stays so. */
function markPause({ spec, status }: Deployment, now: number): void {
  const before = conditionOf(status, 'Progressing')
  if (spec.progressDeadlineSeconds === undefined || before?.reason === 'ProgressDeadlineExceeded') return
  const wasPaused = before?.reason === 'DeploymentPaused'
  if (Boolean(spec.paused) === wasPaused) return
  const told = spec.paused
    ? { reason: 'DeploymentPaused', message: 'Deployment is paused', now }
    : { reason: 'DeploymentResumed', message: 'Deployment is resumed', now }
  status.conditions = withCondition(status.conditions, condition('Progressing', 'Unknown', told))
}

function selectsAll({ spec }: Deployment): boolean {
  const { matchLabels = {}, matchExpressions = [] } = spec.selector ?? {}
  return Object.keys(matchLabels).length === 0 && matchExpressions.length === 0
}

function refuse(deployment: Deployment, cluster: DeploymentCluster): DeploymentStatus {
  const message = 'This deployment is selecting all pods. A non-empty selector is required.'
  cluster.event(deployment, { type: 'Warning', reason: 'SelectingAll', message })
  return { ...deployment.status, observedGeneration: deployment.metadata.generation }
}

/** Who might adopt a ReplicaSet that nobody controls. */
function adoptersOf({ metadata }: ReplicaSet, caches: Known): readonly Ref[] {
  if (metadata.ownerReferences?.some(({ controller }) => controller)) return []
  return caches
    .list(Deployment, { namespace: metadata.namespace })
    .filter(({ spec }) => selects(spec.selector, metadata.labels))
    .map(refOf)
}

/** Deployments that wait for their old pods to be gone. */
function waitingFor(pod: Pod, caches: Known): readonly Ref[] {
  const set = ownerOf(pod, ReplicaSet)
  const rs = set && caches.get(ReplicaSet, set)
  const owner = rs && ownerOf(rs, Deployment)
  const deployment = owner && caches.get(Deployment, owner)
  return deployment && !isRolling(deployment) ? [owner] : []
}
