/**
 * Containers whose end makes all of the pod begin again in its sandbox (KEP-5532). What ended when is all that is known of it, so that it goes
 * on after a restart of the agent: runs from before that moment are over, whatever their state.
 */
import type { Pod } from '#api/core/v1/pod.ts'
import { findContainer, restartAction } from './pod-names.ts'
import { latest, type RuntimeContainer, type RuntimePod } from './runtime-pod.ts'

/** When all was last asked to begin again; 0: never. */
export function restartAllAt(pod: Pod, status: RuntimePod): number {
  const times = status.containers.map(({ name, state, exitCode, finishedAt }) => {
    const found = state === 'exited' ? findContainer(pod, name) : undefined
    return found && restartAction(found.container, exitCode) === 'RestartAllContainers' ? finishedAt : 0
  })
  return Math.max(0, ...times)
}

/** What has begun since; debuggers stay. */
export function begunSince(pod: Pod, status: RuntimePod, at: number): RuntimePod {
  if (at === 0) return status
  return { ...status, containers: status.containers.filter((run) => run.createdAt >= at || !isPart(pod, run)) }
}

/** What still runs from before. */
export function runningSince(pod: Pod, status: RuntimePod, at: number): RuntimeContainer[] {
  return status.containers.filter((run) => run.state === 'running' && run.createdAt < at && isPart(pod, run))
}

/** Whether some of it has yet to begin again. */
export function isRestartingAll(pod: Pod, status: RuntimePod): boolean {
  const at = restartAllAt(pod, status)
  return at > 0 && pod.spec.containers.some(({ name }) => (latest(status, name)?.createdAt ?? 0) < at)
}

function isPart(pod: Pod, { name }: RuntimeContainer): boolean {
  return findContainer(pod, name)?.type !== 'ephemeral'
}
