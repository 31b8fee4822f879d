/** What a simulated node says of a pod, purely (upstream `kubelet_pods.go`, `status/generate.go`). */
import type { Container } from '#api/core/v1/container.ts'
import type { ContainerState, ContainerStatus } from '#api/core/v1/container-status.ts'
import type { Pod, PodStatus } from '#api/core/v1/pod.ts'
import { isSidecar } from '#api/core/v1/pod-resources.ts'
import { formatTime } from '#lib/clock.ts'
import type { Draft } from '#schema/words.ts'

/** What its containers do. */
export type Activity =
  /** Bound, and not yet begun. */
  | { readonly state: 'creating' }
  | { readonly state: 'running' }
  /** Ended, and not to be run again. */
  | { readonly state: 'ended'; readonly exitCode: number }
  /** Ended badly, and to be run again after a pause. */
  | { readonly state: 'backingOff'; readonly exitCode: number; readonly pause: number }

export interface PodView {
  readonly activity: Activity
  readonly hostAddress: string
  /** Of the pod; '' before it has one. */
  readonly address: string
  readonly restarts: number
  /** Of the run before. */
  readonly lastExitCode?: number | undefined
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  readonly now: number
  /** Why the node itself ended it. */
  readonly verdict?: { readonly reason: string; readonly message: string } | undefined
}

type Status = Draft<PodStatus>

export function statusOf(pod: Pod, view: PodView): Status {
  const { activity, hostAddress, address } = view
  const phase = phaseOf(view)
  const isEnded = phase === 'Succeeded' || phase === 'Failed'
  return {
    ...(pod.metadata.generation !== undefined && { observedGeneration: pod.metadata.generation }),
    phase,
    ...view.verdict,
    conditions: conditionsOf(pod, view, phase),
    hostIP: hostAddress,
    hostIPs: [{ ip: hostAddress }],
    ...(address && activity.state !== 'creating' && { podIP: address, podIPs: [{ ip: address }] }),
    startTime: pod.status.startTime ?? formatTime(view.startedAt),
    ...(pod.spec.initContainers?.length && {
      initContainerStatuses: pod.spec.initContainers.map((container) => initStatus(pod, container, { view, isEnded })),
    }),
    containerStatuses: pod.spec.containers.map((container) => containerStatus(pod, container, view)),
  }
}

function phaseOf({ activity, verdict }: PodView): 'Pending' | 'Running' | 'Succeeded' | 'Failed' {
  if (verdict) return 'Failed'
  if (activity.state === 'creating') return 'Pending'
  if (activity.state === 'ended') return activity.exitCode === 0 ? 'Succeeded' : 'Failed'
  return 'Running'
}

type Phase = ReturnType<typeof phaseOf>
type Claim = { type: string; status: 'True' | 'False'; reason?: string; message?: string }

function conditionsOf(pod: Pod, { activity, now }: PodView, phase: Phase): Status['conditions'] {
  const instant = formatTime(now)
  const { generation } = pod.metadata
  const isCreated = activity.state === 'running' || activity.state === 'backingOff'
  const ready = readiness(pod, activity, phase)
  const claims: Claim[] = [
    { type: 'PodReadyToStartContainers', status: isCreated ? 'True' : 'False' },
    initialized(pod, activity, phase),
    ready.status === 'True' ? gated(pod) : { type: 'Ready', ...ready },
    { type: 'ContainersReady', ...ready },
    { type: 'PodScheduled', status: 'True' },
  ]
  return claims.map((claim) => {
    const before = pod.status.conditions?.find(({ type }) => type === claim.type)
    const lastTransitionTime = before?.status === claim.status ? before.lastTransitionTime : instant
    // An earlier reason would stay where a patch leaves it out.
    const cleared = { ...(before?.reason && { reason: null }), ...(before?.message && { message: null }) }
    return {
      ...cleared,
      ...claim,
      ...(generation && { observedGeneration: generation }),
      lastProbeTime: null,
      lastTransitionTime,
    }
  }) as unknown as Status['conditions']
}

function readiness({ spec }: Pod, activity: Activity, phase: Phase): Omit<Claim, 'type'> {
  if (activity.state === 'running' && phase === 'Running') return { status: 'True' }
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' }
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' }
  const names = spec.containers.map(({ name }) => name).join(' ')
  return { status: 'False', reason: 'ContainersNotReady', message: `containers with unready status: [${names}]` }
}

/** Readiness gates are for others to open. */
function gated({ spec, status }: Pod): Claim {
  const messages = (spec.readinessGates ?? []).flatMap(({ conditionType }) => {
    const condition = status.conditions?.find(({ type }) => type === conditionType)
    if (condition?.status === 'True') return []
    if (!condition) return [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`]
    return [`the status of pod readiness gate "${conditionType}" is not "True", but ${condition.status}`]
  })
  if (messages.length === 0) return { type: 'Ready', status: 'True' }
  return { type: 'Ready', status: 'False', reason: 'ReadinessGatesNotReady', message: messages.join(', ') }
}

function initialized({ spec }: Pod, { state }: Activity, phase: Phase): Claim {
  const type = 'Initialized'
  const names = (spec.initContainers ?? []).map(({ name }) => name)
  if (state === 'creating' && names.length > 0) {
    const message = `containers with incomplete status: [${names.join(' ')}]`
    return { type, status: 'False', reason: 'ContainersNotInitialized', message }
  }
  return phase === 'Succeeded' ? { type, status: 'True', reason: 'PodCompleted' } : { type, status: 'True' }
}

function containerStatus(pod: Pod, container: Container, view: PodView): Draft<ContainerStatus> {
  const { activity, restarts } = view
  const isRunning = activity.state === 'running'
  const badly = activity.state === 'backingOff' || restarts > 0
  const waits = pod.spec.initContainers?.length ? 'PodInitializing' : 'ContainerCreating'
  return {
    ...identity(pod, container, { restarts, isThere: activity.state !== 'creating' }),
    state: nulled(stateOf(pod, container, { view, waits })),
    lastState: badly ? { terminated: terminated(pod, container, view) } : {},
    ready: isRunning,
    started: isRunning,
  } as unknown as Draft<ContainerStatus>
}

function stateOf(pod: Pod, container: Container, { view, waits }: { view: PodView; waits: string }): Draft<ContainerState> {
  const { activity, startedAt } = view
  switch (activity.state) {
    case 'creating':
      return { waiting: { reason: waits } }
    case 'running':
      return { running: { startedAt: formatTime(startedAt) } }
    case 'ended':
      return { terminated: terminated(pod, container, view) }
    case 'backingOff': {
      const { name, namespace, uid } = pod.metadata
      const where = `container=${container.name} pod=${name}_${namespace}(${uid})`
      const message = `back-off ${goSeconds(activity.pause)} restarting failed ${where}`
      return { waiting: { reason: 'CrashLoopBackOff', message } }
    }
  }
}

/** A patch merges: the states that are no longer true are taken out by name. */
function nulled(state: Draft<ContainerState>): object {
  return { waiting: null, running: null, terminated: null, ...state }
}

function terminated(pod: Pod, container: Container, { activity, startedAt, restarts, lastExitCode = 1, now }: PodView) {
  const exitCode = 'exitCode' in activity ? activity.exitCode : lastExitCode
  const before = activity.state === 'running' ? restarts - 1 : restarts
  return {
    exitCode,
    reason: exitCode === 0 ? 'Completed' : 'Error',
    startedAt: formatTime(startedAt),
    finishedAt: formatTime(activity.state === 'running' ? startedAt : now),
    containerID: containerId(pod, container, before),
  }
}

function initStatus(pod: Pod, container: Container, { view, isEnded }: { view: PodView; isEnded: boolean }) {
  const { activity, startedAt } = view
  const instant = formatTime(startedAt)
  const sidecar = isSidecar(container)
  const isRunning = sidecar && !isEnded
  const isThere = activity.state !== 'creating'
  const ended = { exitCode: 0, reason: 'Completed', startedAt: instant, finishedAt: instant }
  const state = !isThere
    ? { waiting: { reason: 'PodInitializing' } }
    : isRunning
      ? { running: { startedAt: instant } }
      : { terminated: { ...ended, containerID: containerId(pod, container, 0) } }
  return {
    ...identity(pod, container, { restarts: 0, isThere }),
    state: nulled(state),
    lastState: {},
    ready: isThere && (sidecar ? isRunning : true),
    started: isThere && isRunning,
  } as unknown as Draft<ContainerStatus>
}

function identity(pod: Pod, container: Container, { restarts, isThere }: { restarts: number; isThere: boolean }) {
  const { requests, limits } = container.resources ?? {}
  const image = container.image ?? ''
  return {
    name: container.name,
    image,
    imageID: isThere ? `simulated://${image}` : '',
    restartCount: restarts,
    ...(isThere && { containerID: containerId(pod, container, restarts) }),
    ...(isThere && requests && { allocatedResources: requests }),
    ...(isThere && (requests || limits) && { resources: { ...(limits && { limits }), ...(requests && { requests }) } }),
  }
}

function containerId({ metadata }: Pod, { name }: Container, run: number): string {
  return `simulated://${metadata.uid}/${name}/${run}`
}

/** As Go prints a duration of whole seconds. */
function goSeconds(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000)
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`
}
