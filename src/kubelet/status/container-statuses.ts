/** What a pod's status says of each container, from the runtime and the waits that the worker noted (upstream: `convertToAPIContainerStatuses`). */
import type { ContainerState, ContainerStatus } from '#api/core/v1/container-status.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { formatTime } from '#lib/clock.ts'
import { type Container, type ContainerType, ephemeralContainers, isSidecar, restarts } from '../containers/pod-names.ts'
import type { RuntimeContainer, RuntimePod } from '../containers/runtime-pod.ts'
import type { Requirements } from '../lifecycle/resize.ts'
import type { ProbeResult } from '../sync-pod.ts'

/** Why a container could not be started: reason and message of its waiting state. */
export interface StartFailure {
  readonly reason: string
  readonly message: string
}

export interface ContainerStatusInputs {
  readonly pod: Pod
  readonly status: RuntimePod
  /** The statuses as they were last reported. */
  readonly old: readonly ContainerStatus[]
  readonly failures: ReadonlyMap<string, StartFailure>
  /** Container id -> its last words. */
  readonly messages: ReadonlyMap<string, string>
  readonly runtimeName: string
  /** Container id -> what it was given, which lags behind the pod during a resize. */
  readonly applied: ReadonlyMap<string, Requirements>
  result(type: 'startup' | 'readiness', containerId: string): ProbeResult | undefined
}

export interface PodContainerStatuses {
  readonly init: readonly ContainerStatus[]
  readonly regular: readonly ContainerStatus[]
  readonly ephemeral: readonly ContainerStatus[]
}

export function containerStatuses(inputs: ContainerStatusInputs): PodContainerStatuses {
  const { pod } = inputs
  const hasInit = (pod.spec.initContainers?.length ?? 0) > 0
  const all = (containers: readonly Container[], type: ContainerType) =>
    containers.map((container) =>
      statusOf(inputs, container, { type, waiting: hasInit ? 'PodInitializing' : 'ContainerCreating' }),
    )
  return {
    init: all(pod.spec.initContainers ?? [], 'init'),
    regular: all(pod.spec.containers, 'container').toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    ephemeral: all(ephemeralContainers(pod), 'ephemeral').toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  }
}

function statusOf(
  inputs: ContainerStatusInputs,
  container: Container,
  { type, waiting }: { type: ContainerType; waiting: string },
): ContainerStatus {
  const runs = inputs.status.containers.filter(({ name }) => name === container.name)
  const old = inputs.old.find(({ name }) => name === container.name)
  const [run] = runs
  const status = run
    ? presentStatus(inputs, container, { run, before: runs[1], old })
    : absentStatus(inputs, container, old, waiting)
  applyFailure(inputs, container, { status, run })
  applyReadiness(inputs, container, { status, run, type })
  return status
}

/** Nothing of the container is left in the runtime, or it was never there. */
function absentStatus(
  { pod }: ContainerStatusInputs,
  container: Container,
  old: ContainerStatus | undefined,
  waiting: string,
): ContainerStatus {
  if (old?.state.terminated) return structuredClone(old)
  const status: ContainerStatus = {
    name: container.name,
    image: container.image ?? '',
    imageID: '',
    ready: false,
    restartCount: old?.restartCount ?? 0,
    state: { waiting: { reason: waiting } },
    lastState: old?.lastState ?? {},
  }
  if (!old?.state.running || pod.spec.restartPolicy !== 'Always') return status
  status.lastState = { terminated: lostRun('deleted', old) }
  if (!pod.metadata.deletionTimestamp) status.restartCount++
  return status
}

/** A run that nobody knows the end of. */
export function lostRun(
  what: 'deleted' | 'terminated',
  old: ContainerStatus | undefined,
): NonNullable<ContainerState['terminated']> {
  const was = what === 'deleted' ? '.  The container used to be Running' : ''
  return {
    exitCode: 137,
    reason: 'ContainerStatusUnknown',
    message: `The container could not be located when the pod was ${what}${was}`,
    startedAt: old?.state.running?.startedAt ?? (null as unknown as string),
    finishedAt: null as unknown as string,
  }
}

function presentStatus(
  inputs: ContainerStatusInputs,
  container: Container,
  { run, before, old }: { run: RuntimeContainer; before: RuntimeContainer | undefined; old: ContainerStatus | undefined },
): ContainerStatus {
  const { requests, limits } = inputs.applied.get(run.id) ?? container.resources
  const lastState: ContainerState = before ? { terminated: terminated(inputs, before) } : (old?.lastState ?? {})
  const mounts = container.volumeMounts ?? []
  return {
    name: container.name,
    state: stateOf(inputs, run, old),
    lastState: run.restartCount === 0 ? {} : lastState,
    ready: false,
    restartCount: run.restartCount,
    image: run.image && !run.image.startsWith('sha256:') ? run.image : (container.image ?? ''),
    imageID: run.imageRef,
    containerID: `${inputs.runtimeName}://${run.id}`,
    ...(requests && { allocatedResources: requests }),
    ...((requests || limits) && { resources: { ...(limits && { limits }), ...(requests && { requests }) } }),
    ...(run.state === 'running' && run.user && { user: { linux: userOf(run.user) } }),
    ...(mounts.length > 0 && {
      volumeMounts: mounts.map(({ name, mountPath, readOnly, recursiveReadOnly }) => ({
        name,
        mountPath,
        ...(readOnly && { readOnly, recursiveReadOnly: recursiveReadOnly === 'Enabled' ? 'Enabled' : 'Disabled' }),
      })),
    }),
  }
}

function userOf({ uid, gid, supplementalGroups }: NonNullable<RuntimeContainer['user']>) {
  return { uid, gid, ...(supplementalGroups.length > 0 && { supplementalGroups: [...supplementalGroups] }) }
}

function stateOf(inputs: ContainerStatusInputs, run: RuntimeContainer, old: ContainerStatus | undefined): ContainerState {
  switch (run.state) {
    case 'running':
      return { running: { startedAt: formatTime(run.startedAt) } }
    case 'exited':
      return { terminated: terminated(inputs, run) }
    case 'created':
      return { waiting: {} }
    case 'unknown':
      return old?.state.waiting ? { waiting: old.state.waiting } : { terminated: lostRun('terminated', old) }
  }
}

function terminated({ messages, runtimeName }: ContainerStatusInputs, run: RuntimeContainer) {
  const message = messages.get(run.id) || run.message
  return {
    exitCode: run.exitCode,
    ...(run.reason && { reason: run.reason }),
    ...(message && { message }),
    startedAt: timeOf(run.startedAt),
    finishedAt: timeOf(run.finishedAt),
    containerID: `${runtimeName}://${run.id}`,
  }
}

/** Go's zero time stands as null. */
function timeOf(at: number): string {
  return at > 0 ? formatTime(at) : (null as unknown as string)
}

/** A container that is to run and could not be started waits with the reason; its last run moves to `lastState`. */
function applyFailure(
  { pod, failures }: ContainerStatusInputs,
  container: Container,
  { status, run }: { status: ContainerStatus; run: RuntimeContainer | undefined },
): void {
  const failure = failures.get(container.name)
  if (!failure || run?.state === 'running' || pod.metadata.deletionTimestamp) return
  if (run?.state === 'exited' && !restarts(container, pod, run.exitCode)) return
  if (status.state.terminated) status.lastState = { terminated: status.state.terminated }
  status.state = { waiting: { reason: failure.reason, ...(failure.message && { message: failure.message }) } }
}

function applyReadiness(
  { result }: ContainerStatusInputs,
  container: Container,
  { status, run, type }: { status: ContainerStatus; run: RuntimeContainer | undefined; type: ContainerType },
): void {
  const running = run?.state === 'running' && Boolean(status.state.running)
  const started = running && (!container.startupProbe || result('startup', run.id) === 'success')
  if (type !== 'ephemeral') status.started = started
  if (type === 'ephemeral') return
  if (type === 'init' && !isSidecar(container)) {
    status.ready = status.state.terminated?.exitCode === 0
    return
  }
  status.ready = started && (!container.readinessProbe || result('readiness', run.id) === 'success')
}
