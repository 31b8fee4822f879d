/** The status of a DaemonSet, counted by nodes. */
import type { DaemonSetStatus } from '#api/apps/v1/daemon-set.ts'
import { isAvailable, isReady } from '../pod-state.ts'
import { fitOf, isUpdated } from './node-fit.ts'
import { podsByNode, type View } from './plan.ts'

export function planStatus(view: View, collisionCount: number | undefined): DaemonSetStatus {
  const { set, hash, nodes, pods, now } = view
  const byNode = podsByNode(pods)
  const running = nodes.filter(({ metadata }) => byNode.has(metadata.name))
  const starting = nodes.filter((node) => fitOf(set, node).starts)
  const oldest = starting.flatMap(({ metadata }) => byNode.get(metadata.name)?.slice(0, 1) ?? [])
  const available = oldest.filter((pod) => isAvailable(pod, set.spec.minReadySeconds ?? 0, now)).length
  return {
    ...(set.status.conditions && { conditions: set.status.conditions }),
    ...(collisionCount !== undefined && { collisionCount }),
    observedGeneration: set.metadata.generation,
    desiredNumberScheduled: starting.length,
    currentNumberScheduled: oldest.length,
    numberMisscheduled: running.length - oldest.length,
    numberReady: oldest.filter(isReady).length,
    numberAvailable: available,
    numberUnavailable: starting.length - available,
    updatedNumberScheduled: oldest.filter((pod) => isUpdated(set, pod, hash)).length,
  }
}
