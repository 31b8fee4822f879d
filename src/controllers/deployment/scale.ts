/** Sizes of ReplicaSets when the Deployment itself is scaled, in the midst of a rollout proportionally. */
import type { Deployment } from '#api/apps/v1/deployment.ts'
import type { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import { desiredReplicas, maxReplicas } from './annotations.ts'
import { isRolling, maxSurge, replicasOf } from './budget.ts'
import { allOf, hasPods, olderFirst, type Sets, sizeOf, sum } from './replica-sets.ts'

/** A ReplicaSet and the size it is to have. */
export interface Scaling {
  readonly set: ReplicaSet
  readonly replicas: number
}

/** Whether the Deployment has been scaled since its ReplicaSets were last sized. */
export function isScaled(deployment: Deployment, sets: Sets): boolean {
  return allOf(sets)
    .filter(hasPods)
    .map(desiredReplicas)
    .some((desired) => desired !== undefined && desired !== replicasOf(deployment))
}

export function planScale(deployment: Deployment, sets: Sets): readonly Scaling[] {
  const replicas = replicasOf(deployment)
  const only = activeOrLatest(sets)
  if (only) return sizeOf(only) === replicas ? [] : [{ set: only, replicas }]
  if (isSaturated(deployment, sets.current)) return sets.old.filter(hasPods).map((set) => ({ set, replicas: 0 }))
  return isRolling(deployment) ? planProportion(deployment, allOf(sets).filter(hasPods)) : []
}

/** The one ReplicaSet that has pods; when none has, the one that will have them. */
function activeOrLatest({ current, old }: Sets): ReplicaSet | undefined {
  const newest = old.toSorted((a, b) => olderFirst(b, a))
  const active = allOf({ current, old: newest }).filter(hasPods)
  if (active.length === 0) return current ?? newest[0]
  return active.length === 1 ? active[0] : undefined
}

/** The new ReplicaSet has all pods, was sized for as many, and they are available. */
function isSaturated(deployment: Deployment, rs: ReplicaSet | undefined): boolean {
  const replicas = replicasOf(deployment)
  if (!rs || sizeOf(rs) !== replicas || desiredReplicas(rs) !== replicas) return false
  return (rs.status.availableReplicas ?? 0) === replicas
}

/**
 * Shares out what is to be added or taken by size, larger ones first; what rounding leaves goes to the largest.
 * Every ReplicaSet is listed, since its annotations need the new sizes also where it keeps its own.
 */
function planProportion(deployment: Deployment, sets: readonly ReplicaSet[]): readonly Scaling[] {
  const replicas = replicasOf(deployment)
  const allowed = replicas > 0 ? replicas + maxSurge(deployment) : 0
  const missing = allowed - sum.wanted(sets)
  const newerFirst = missing > 0
  const sorted = sets.toSorted((a, b) => sizeOf(b) - sizeOf(a) || (newerFirst ? olderFirst(b, a) : olderFirst(a, b)))
  let added = 0
  const sizes = sorted.map((rs) => {
    const share = missing === 0 ? 0 : proportion(deployment, rs, { missing, added })
    added += share
    return sizeOf(rs) + share
  })
  return sorted.map((set, at) => {
    const leftover = at === 0 ? missing - added : 0
    return { set, replicas: Math.max(0, (sizes[at] as number) + leftover) }
  })
}

function proportion(deployment: Deployment, rs: ReplicaSet, { missing, added }: { missing: number; added: number }): number {
  if (missing === added) return 0
  const share = fraction(deployment, rs)
  return missing > 0 ? Math.min(share, missing - added) : Math.max(share, missing - added)
}

function fraction(deployment: Deployment, rs: ReplicaSet): number {
  const replicas = replicasOf(deployment)
  if (replicas === 0) return -sizeOf(rs)
  const before = maxReplicas(rs) || deployment.status.replicas
  if (!before) return 0
  const size = (sizeOf(rs) * (replicas + maxSurge(deployment))) / before
  return Math.trunc(size + 0.5) - sizeOf(rs)
}
