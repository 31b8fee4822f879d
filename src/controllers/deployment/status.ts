/** The status of a Deployment: counts, availability, and whether its rollout gets on. */
import type { Deployment, DeploymentCondition, DeploymentStatus } from '#api/apps/v1/deployment.ts'
import type { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import { maxUnavailable, replicasOf } from './budget.ts'
import { condition, conditionOf, withCondition, withoutCondition } from './conditions.ts'
import { allOf, type Sets, sum } from './replica-sets.ts'

const unlimited = 2 ** 31 - 1

/** Seconds that a rollout may stand still, unless it is not watched. */
export function deadlineOf({ spec }: Deployment): number | undefined {
  return spec.progressDeadlineSeconds === unlimited ? undefined : spec.progressDeadlineSeconds
}

/** Counts and availability; all other conditions as they were. */
export function planStatus(deployment: Deployment, sets: Sets, now: number): DeploymentStatus {
  const all = allOf(sets)
  const available = sum.available(all)
  const enough = available >= replicasOf(deployment) - maxUnavailable(deployment)
  const terminating = all.map(({ status }) => status.terminatingReplicas)
  const { collisionCount, conditions } = deployment.status
  const availability = enough
    ? { reason: 'MinimumReplicasAvailable', message: 'Deployment has minimum availability.' }
    : { reason: 'MinimumReplicasUnavailable', message: 'Deployment does not have minimum availability.' }
  return {
    observedGeneration: deployment.metadata.generation,
    replicas: sum.actual(all),
    updatedReplicas: sets.current?.status.replicas ?? 0,
    readyReplicas: sum.ready(all),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, sum.wanted(all) - available),
    ...(terminating.every((count) => count !== undefined) && { terminatingReplicas: terminating.reduce((a, b) => a + b, 0) }),
    ...(collisionCount !== undefined && { collisionCount }),
    conditions: withCondition(conditions, condition('Available', enough ? 'True' : 'False', { ...availability, now })),
  }
}

/** `planStatus`, and what there is to say about the rollout. */
export function planRolloutStatus(deployment: Deployment, sets: Sets, now: number): DeploymentStatus {
  const status = planStatus(deployment, sets, now)
  const failure = failureOf(sets)
  const told = progress(deployment, { status, current: sets.current, now })
  return { ...status, conditions: failure ? withCondition(told, failure) : withoutCondition(told, 'ReplicaFailure') }
}

/** All pods are of the new template and available. */
export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const want = replicasOf(deployment)
  const { updatedReplicas = 0, replicas = 0, availableReplicas = 0, observedGeneration = 0 } = status
  const all = updatedReplicas === want && replicas === want && availableReplicas === want
  return all && observedGeneration >= (deployment.metadata.generation ?? 0)
}

/** Seconds until the rollout would be late; undefined when nothing is to be watched. */
export function planDeadline(deployment: Deployment, status: DeploymentStatus, now: number): number | undefined {
  const deadline = deadlineOf(deployment)
  const current = conditionOf(status, 'Progressing')
  if (deadline === undefined || !current) return undefined
  if (isComplete(deployment, status) || current.reason === 'ProgressDeadlineExceeded') return undefined
  const left = Date.parse(current.lastUpdateTime) / 1000 + deadline - now / 1000
  // A second more, so that the next look surely finds it late.
  return Math.max(0, left) + 1
}

interface Rollout {
  readonly status: DeploymentStatus
  readonly current: ReplicaSet | undefined
  readonly now: number
}

function progress(deployment: Deployment, { status, current, now }: Rollout): DeploymentCondition[] {
  const conditions = status.conditions ?? []
  if (deadlineOf(deployment) === undefined) return withoutCondition(conditions, 'Progressing')
  const before = conditionOf(deployment.status, 'Progressing')
  const settled = status.replicas === status.updatedReplicas && before?.reason === 'NewReplicaSetAvailable'
  if (settled) return [...conditions]
  const subject = current ? `ReplicaSet "${current.metadata.name}"` : `Deployment "${deployment.metadata.name}"`
  const say = (state: 'True' | 'False', reason: string, message: string) =>
    condition('Progressing', state, { reason, message, now })
  if (isComplete(deployment, status)) {
    return withCondition(conditions, say('True', 'NewReplicaSetAvailable', `${subject} has successfully progressed.`))
  }
  if (hasProgressed(deployment.status, status)) {
    const moved = say('True', 'ReplicaSetUpdated', `${subject} is progressing.`)
    const since = before?.status === 'True' ? before.lastTransitionTime : moved.lastTransitionTime
    return [...withoutCondition(conditions, 'Progressing'), { ...moved, lastTransitionTime: since }]
  }
  if (isLate(deployment, status, now)) {
    return withCondition(conditions, say('False', 'ProgressDeadlineExceeded', `${subject} has timed out progressing.`))
  }
  return [...conditions]
}

/** More new pods, fewer old ones, more ready or more available ones than before. */
function hasProgressed(before: DeploymentStatus, after: DeploymentStatus): boolean {
  const old = ({ replicas = 0, updatedReplicas = 0 }: DeploymentStatus) => replicas - updatedReplicas
  return (
    (after.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    old(after) < old(before) ||
    (after.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (after.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  )
}

function isLate(deployment: Deployment, status: DeploymentStatus, now: number): boolean {
  const deadline = deadlineOf(deployment)
  const current = conditionOf(status, 'Progressing')
  if (deadline === undefined || !current || current.reason === 'NewReplicaSetAvailable') return false
  if (current.reason === 'ProgressDeadlineExceeded') return true
  return Date.parse(current.lastUpdateTime) + deadline * 1000 < now
}

/** Why the new ReplicaSet, or else any other, could not make its pods. */
function failureOf(sets: Sets): DeploymentCondition | undefined {
  const failures = [sets.current, ...allOf(sets)].flatMap((rs) => rs?.status.conditions ?? [])
  const found = failures.find(({ type }) => type === 'ReplicaFailure')
  if (!found) return undefined
  const { type, status, lastTransitionTime, reason, message } = found
  return { type, status, lastTransitionTime, lastUpdateTime: lastTransitionTime, reason, message }
}
