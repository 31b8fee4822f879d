/** A pod's phase, from the statuses of its containers (upstream: `getPhase`). */
import type { ContainerStatus } from '#api/core/v1/container-status.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { type Container, isSidecar, restarts } from '../containers/pod-names.ts'

export type Phase = NonNullable<Pod['status']['phase']>

/** `isTerminal`: nothing of the pod runs any more or will, whatever its restart policy says. */
export function phaseOf(pod: Pod, statuses: readonly ContainerStatus[], { isTerminal }: { isTerminal: boolean }): Phase {
  const byName = new Map(statuses.map((status) => [status.name, status]))
  const init = countInit(pod, byName)
  if (init.failedForGood) return 'Failed'
  const count = countRunning(pod, byName)
  const holdsUp = init.pending || (count.pendingSidecars && !hasStartedRegular(pod, byName))
  if (holdsUp || count.waiting > 0) return 'Pending'
  if (count.unknown > 0) return 'Pending'
  if (count.running > 0) return 'Running'
  if (count.stopped === 0) return 'Pending'
  if (isTerminal || count.restarting === 0) return count.stopped === count.succeeded ? 'Succeeded' : 'Failed'
  return 'Running'
}

export function hasStartedRegular(pod: Pod, byName: ReadonlyMap<string, ContainerStatus>): boolean {
  return pod.spec.containers.some(({ name }) => {
    const status = byName.get(name)
    return Boolean(status?.started || status?.state.running || status?.state.terminated || status?.lastState.terminated)
  })
}

/** The end that a container's status tells of, also while it waits for its next run. */
function endOf(status: ContainerStatus | undefined): { exitCode: number } | undefined {
  return status?.state.terminated ?? (status?.state.waiting ? status.lastState.terminated : undefined)
}

function countInit(pod: Pod, byName: ReadonlyMap<string, ContainerStatus>) {
  let pending = false
  let failedForGood = false
  for (const container of pod.spec.initContainers ?? []) {
    if (isSidecar(container)) continue
    const end = endOf(byName.get(container.name))
    if (!end) pending = true
    else if (end.exitCode !== 0) {
      if (restarts(container, pod, end.exitCode)) pending = true
      else failedForGood = true
    }
  }
  return { pending, failedForGood }
}

function countRunning(pod: Pod, byName: ReadonlyMap<string, ContainerStatus>) {
  const count = { unknown: 0, running: 0, waiting: 0, stopped: 0, succeeded: 0, restarting: 0, pendingSidecars: false }
  for (const container of (pod.spec.initContainers ?? []).filter(isSidecar)) countSidecar(count, byName.get(container.name))
  for (const container of pod.spec.containers) countRegular(count, { pod, container, status: byName.get(container.name) })
  return count
}

type Count = ReturnType<typeof countRunning>

/** Sidecars that have ended do not count: they never keep a pod from being done. */
function countSidecar(count: Count, status: ContainerStatus | undefined): void {
  if (!status) count.unknown++
  else if (status.state.running) {
    count.running++
    if (!status.started) count.pendingSidecars = true
  } else if (!endOf(status)) {
    count.waiting++
    count.pendingSidecars = true
  }
}

function countRegular(
  count: Count,
  { pod, container, status }: { pod: Pod; container: Container; status: ContainerStatus | undefined },
): void {
  const end = endOf(status)
  if (!status) count.unknown++
  else if (status.state.running) count.running++
  else if (!end) count.waiting++
  else {
    count.stopped++
    if (status.state.terminated?.exitCode === 0) count.succeeded++
    if (restarts(container, pod, end.exitCode)) count.restarting++
  }
}
