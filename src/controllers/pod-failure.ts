/** Marking a pod as disturbed from outside before it is deleted (KEP-3329), so that a Job can tell that from a failure. */
import { Pod, type PodCondition } from '#api/core/v1/pod.ts'
import { formatTime } from '#lib/clock.ts'
import { isFinished, podCondition } from './pod-state.ts'
import type { Cluster } from './runtime/controller.ts'

export interface Disruption {
  readonly reason: string
  readonly message: string
  /** Also end the pod's life: nobody else will. */
  readonly fails?: boolean
}

export async function markDisrupted(cluster: Cluster<typeof Pod, typeof Pod>, pod: Pod, disruption: Disruption): Promise<Pod> {
  const { reason, message, fails } = disruption
  const known = podCondition(pod, 'DisruptionTarget')
  const lastTransitionTime = known?.status === 'True' ? known.lastTransitionTime : formatTime(cluster.clock.now())
  const { generation } = pod.metadata
  const condition = {
    type: 'DisruptionTarget',
    status: 'True',
    lastTransitionTime,
    reason,
    message,
    ...(generation && { observedGeneration: generation }),
  } as PodCondition
  const others = (pod.status.conditions ?? []).filter(({ type }) => type !== 'DisruptionTarget')
  const phase = fails && !isFinished(pod) ? ('Failed' as const) : pod.status.phase
  return cluster.status(Pod, pod, { ...pod.status, ...(phase && { phase }), conditions: [...others, condition] })
}
