/** A rolling update, one step at a time: pods of the new template come as the surge allows, old ones go as availability allows. */
import type { Deployment } from '#api/apps/v1/deployment.ts'
import type { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import { isRolling, maxSurge, maxUnavailable, replicasOf } from './budget.ts'
import { hasPods, olderFirst, sizeOf, sum } from './replica-sets.ts'
import type { Scaling } from './scale.ts'

export interface RollingSets {
  readonly current: ReplicaSet
  readonly old: readonly ReplicaSet[]
}

/** First the new ReplicaSet; only when that has its size for now, the old ones. Empty when there is nothing to do yet. */
export function planRolling(deployment: Deployment, sets: RollingSets): readonly Scaling[] {
  const { current, old } = sets
  const replicas = newSize(deployment, sizeOf(current), sum.wanted([...old, current]))
  if (replicas !== sizeOf(current)) return [{ set: current, replicas }]
  return planOld(deployment, sets)
}

/** The size of the new ReplicaSet, of `have` pods among `total` of all ReplicaSets. */
export function newSize(deployment: Deployment, have: number, total: number): number {
  const want = replicasOf(deployment)
  if (!isRolling(deployment) || have >= want) return want
  const room = want + maxSurge(deployment) - total
  return room <= 0 ? have : have + Math.min(room, want - have)
}

/** Pods that are not available go first, since they help nobody; then others, while enough stay available. */
function planOld(deployment: Deployment, { current, old }: RollingSets): readonly Scaling[] {
  const active = old.filter(hasPods).toSorted(olderFirst)
  const least = replicasOf(deployment) - maxUnavailable(deployment)
  const notYet = sizeOf(current) - (current.status.availableReplicas ?? 0)
  const most = sum.wanted([...active, current]) - least - notYet
  if (active.length === 0 || most <= 0) return []
  const sizes = new Map(active.map((rs) => [rs, sizeOf(rs)]))
  const plan: Scaling[] = []
  const take = (set: ReplicaSet, count: number) => {
    const replicas = (sizes.get(set) as number) - count
    sizes.set(set, replicas)
    plan.push({ set, replicas })
    return count
  }
  let taken = 0
  for (const set of active) {
    const unhealthy = sizeOf(set) - (set.status.availableReplicas ?? 0)
    const count = Math.min(most - taken, unhealthy)
    if (count > 0) taken += take(set, count)
  }
  let spare = sum.available([...active, current]) - least
  for (const set of active) {
    const count = Math.min(spare, sizes.get(set) as number)
    if (count > 0) spare -= take(set, count)
  }
  return plan
}
