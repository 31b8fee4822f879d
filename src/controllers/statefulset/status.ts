/** The status of a StatefulSet, counted from its pods. */
import type { StatefulSetStatus } from '#api/apps/v1/stateful-set.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { isAvailable, isReady } from '../pod-state.ts'
import { replicasOf, revisionLabel } from './identity.ts'
import type { View } from './plan.ts'

/** `removed`: pods of the old revision that this visit has removed for an update. */
export function planStatus(
  view: View,
  { removed, collisionCount }: { removed: number; collisionCount: number | undefined },
): StatefulSetStatus {
  const { set, current, update, pods, now } = view
  const ready = pods.filter((pod) => pod.status.phase === 'Running' && isReady(pod))
  const at = (revision: string) =>
    pods.filter(({ metadata }) => !metadata.deletionTimestamp && metadata.labels?.[revisionLabel] === revision).length
  const status = {
    ...(set.status.conditions && { conditions: set.status.conditions }),
    observedGeneration: set.metadata.generation,
    replicas: pods.length,
    readyReplicas: ready.length,
    availableReplicas: ready.filter((pod) => isAvailable(pod, set.spec.minReadySeconds ?? 0, now)).length,
    currentReplicas: Math.max(0, at(current) - removed),
    updatedReplicas: at(update),
    currentRevision: current,
    updateRevision: update,
    collisionCount: collisionCount ?? 0,
  }
  const whole = [status.updatedReplicas, status.readyReplicas, status.replicas].every((count) => count === replicasOf(set))
  if (set.spec.updateStrategy.type !== 'RollingUpdate' || !whole) return status
  return { ...status, currentReplicas: status.updatedReplicas, currentRevision: update }
}

/** Revisions that some pod still has. */
export function revisionsOf(pods: readonly Pod[]): ReadonlySet<string | undefined> {
  return new Set(pods.map(({ metadata }) => metadata.labels?.[revisionLabel]))
}
