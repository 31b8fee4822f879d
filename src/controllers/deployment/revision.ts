/** The new ReplicaSet of a Deployment: found and brought up to date, or made; and the clean-up of old ones. */
import type { Deployment } from '#api/apps/v1/deployment.ts'
import { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { edit } from '#client/client.ts'
import { semanticEqual as same } from '#schema/equal.ts'
import { hasReason } from '#schema/status-error.ts'
import type { Draft } from '#schema/words.ts'
import { isNamespaceTerminating, messageOf } from '../pod-control.ts'
import type { Cluster } from '../runtime/controller.ts'
import { highestRevision, revisionKey, withRevision, withSizes } from './annotations.ts'
import { condition, conditionOf, withCondition } from './conditions.ts'
import { allOf, lowerRevisionFirst, type Sets, sizeOf, sum } from './replica-sets.ts'
import { newSize } from './rolling.ts'
import { deadlineOf } from './status.ts'
import { hashLabel, sameTemplate, templateHash } from './template-hash.ts'

export type DeploymentCluster = Cluster<typeof Deployment | typeof ReplicaSet | typeof Pod, typeof Deployment | typeof ReplicaSet>

/** Marks that are set on the way and written with the status: conditions, the collision count, the revision. */
export type Marked = Deployment

/** The sets with the new one brought up to date; `create` makes it where it is missing. `deployment` is changed. */
export async function syncRevision(
  cluster: DeploymentCluster,
  deployment: Marked,
  { sets, create }: { sets: Sets; create: boolean },
): Promise<Sets> {
  const revision = highestRevision(sets.old) + 1
  if (sets.current) return { ...sets, current: await refresh(cluster, deployment, { rs: sets.current, revision }) }
  if (!create) return sets
  return { ...sets, current: await createSet(cluster, deployment, { sets, revision }) }
}

async function refresh(
  cluster: DeploymentCluster,
  deployment: Marked,
  { rs, revision }: { rs: ReplicaSet; revision: number },
): Promise<ReplicaSet> {
  const annotations = withRevision(rs.metadata.annotations, deployment, revision)
  const minReadySeconds = deployment.spec.minReadySeconds ?? 0
  let current = rs
  if (!same(annotations, rs.metadata.annotations) || (rs.spec.minReadySeconds ?? 0) !== minReadySeconds) {
    const changed = edit(rs)
    changed.metadata.annotations = { ...annotations }
    changed.spec.minReadySeconds = minReadySeconds
    current = await cluster.update(ReplicaSet, changed)
  }
  markRevision(deployment, current.metadata.annotations?.[revisionKey])
  if (deadlineOf(deployment) !== undefined && !conditionOf(deployment.status, 'Progressing')) {
    mark(cluster, deployment, { reason: 'FoundNewReplicaSet', message: `Found new replica set "${current.metadata.name}"` })
  }
  return current
}

async function createSet(
  cluster: DeploymentCluster,
  deployment: Marked,
  { sets, revision }: { sets: Sets; revision: number },
): Promise<ReplicaSet> {
  const draft = planReplicaSet(deployment, sets, revision)
  const { name, replicas } = { name: draft.metadata?.name ?? '', replicas: draft.spec?.replicas ?? 0 }
  try {
    const created = await cluster.create(ReplicaSet, draft, deployment)
    if (replicas > 0) scaled(cluster, deployment, { name, from: 0, to: replicas })
    markRevision(deployment, String(revision))
    if (deadlineOf(deployment) !== undefined) {
      mark(cluster, deployment, { reason: 'NewReplicaSetCreated', message: `Created new replica set "${name}"` })
    }
    return created
  } catch (error) {
    if (!hasReason(error, 'AlreadyExists')) throw failed(cluster, deployment, { name, error })
    const found = await cluster.live.get(ReplicaSet, { name, namespace: deployment.metadata.namespace })
    const ours = found.metadata.ownerReferences?.some(({ controller, uid }) => controller && uid === deployment.metadata.uid)
    if (ours && sameTemplate(found.spec.template, deployment.spec.template)) {
      markRevision(deployment, String(revision))
      return found
    }
    deployment.status.collisionCount = (deployment.status.collisionCount ?? 0) + 1
    throw error
  }
}

function failed(cluster: DeploymentCluster, deployment: Marked, { name, error }: { name: string; error: unknown }): unknown {
  if (isNamespaceTerminating(error)) return error
  const reason = 'ReplicaSetCreateError'
  const message = `Failed to create new replica set "${name}": ${messageOf(error)}`
  if (deadlineOf(deployment) !== undefined) mark(cluster, deployment, { reason, message, status: 'False' })
  cluster.event(deployment, { type: 'Warning', reason, message })
  return error
}

/** The ReplicaSet for the Deployment's template, of the size that the rollout may begin with. */
export function planReplicaSet(deployment: Deployment, sets: Sets, revision: number): Draft<ReplicaSet> {
  const { metadata, spec, status } = deployment
  const hash = templateHash(spec.template, status.collisionCount)
  const labels = { ...spec.template.metadata?.labels, [hashLabel]: hash }
  return {
    metadata: {
      name: `${metadata.name}-${hash}`,
      namespace: metadata.namespace,
      labels,
      annotations: withSizes(withRevision(undefined, deployment, revision), deployment),
    },
    spec: {
      replicas: newSize(deployment, 0, sum.wanted(allOf(sets))),
      ...(spec.minReadySeconds && { minReadySeconds: spec.minReadySeconds }),
      selector: { ...spec.selector, matchLabels: { ...spec.selector?.matchLabels, [hashLabel]: hash } },
      template: { ...spec.template, metadata: { ...spec.template.metadata, labels } },
    },
  }
}

/** Old ReplicaSets beyond the history limit, oldest first, if they have come to rest. */
export function planCleanup({ spec }: Deployment, old: readonly ReplicaSet[]): readonly ReplicaSet[] {
  const limit = spec.revisionHistoryLimit
  if (limit === undefined || limit === 2 ** 31 - 1) return []
  const alive = old.filter(({ metadata }) => !metadata.deletionTimestamp)
  const surplus = alive.toSorted(lowerRevisionFirst).slice(0, Math.max(0, alive.length - limit))
  return surplus.filter(
    (rs) => sizeOf(rs) === 0 && rs.status.replicas === 0 && (rs.metadata.generation ?? 0) <= (rs.status.observedGeneration ?? 0),
  )
}

export function scaled(
  cluster: DeploymentCluster,
  deployment: Deployment,
  { name, from, to }: { name: string; from: number; to: number },
): void {
  const message = `Scaled ${from < to ? 'up' : 'down'} replica set ${name} from ${from} to ${to}`
  cluster.event(deployment, { type: 'Normal', reason: 'ScalingReplicaSet', message })
}

function mark(
  { clock }: DeploymentCluster,
  { status }: Marked,
  { reason, message, status: state = 'True' }: { reason: string; message: string; status?: 'True' | 'False' },
): void {
  status.conditions = withCondition(status.conditions, condition('Progressing', state, { reason, message, now: clock.now() }))
}

function markRevision({ metadata }: Marked, revision: string | undefined): void {
  if (revision === undefined || metadata.annotations?.[revisionKey] === revision) return
  metadata.annotations = { ...metadata.annotations, [revisionKey]: revision }
}
