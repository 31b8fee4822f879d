/**
 * Decides what a pod needs next, purely: from the pod, what the runtime holds of it, what the probes say and the restarts so
 * far, to a plan that `pod-worker.ts` carries out. Upstream's `computePodActions`, 1.36.
 */
import type { Pod } from '#api/core/v1/pod.ts'
import { type BackOff, backOffLeft, durationText } from './containers/back-off.ts'
import { containerHash } from './containers/container-hash.ts'
import { type Container, ephemeralContainers, findContainer, isSidecar, podText, restarts } from './containers/pod-names.ts'
import { begunSince, restartAllAt, runningSince } from './containers/restart-all.ts'
import { latest, type RuntimeContainer, type RuntimePod } from './containers/runtime-pod.ts'
import { type Requirements, resizeOf } from './lifecycle/resize.ts'

export type ProbeResult = 'unknown' | 'success' | 'failure'

export interface SyncInput {
  readonly pod: Pod
  readonly status: RuntimePod
  /** By container id; undefined: no such probe, or it has not begun. */
  readonly probes: {
    startup(containerId: string): ProbeResult | undefined
    liveness(containerId: string): ProbeResult | undefined
  }
  /** What a running container was given, by its id; undefined: not known. Absent: nothing is resized now. */
  readonly applied?: ((containerId: string) => Requirements | undefined) | undefined
  /** By container name. */
  readonly backOff: ReadonlyMap<string, BackOff>
  readonly now: number
}

export type KillReason = 'startup' | 'liveness' | 'unknown' | 'changed' | 'resize' | 'restartAll'

export interface Kill {
  readonly id: string
  readonly name: string
  /** Of the Killing event. */
  readonly message: string
  readonly reason: KillReason
}

export interface Waiting {
  readonly name: string
  /** When it may start. */
  readonly until: number
  readonly message: string
}

export interface PodPlan {
  /** Everything that runs is stopped, and the sandbox with it. */
  readonly killPod: boolean
  readonly createSandbox: boolean
  /** The newest sandbox; '' when there is none. */
  readonly sandboxId: string
  /** Of the sandbox to use or to create. */
  readonly attempt: number
  readonly kill: readonly Kill[]
  /** Running containers whose resources are to be changed. */
  readonly resize: readonly { readonly id: string; readonly container: Container }[]
  /** Containers to start, in this order. */
  readonly ephemeral: readonly Container[]
  readonly init: readonly Container[]
  readonly containers: readonly Container[]
  /** Those of the above that must wait. */
  readonly waiting: readonly Waiting[]
  /** The earliest end of a wait. */
  readonly nextAt: number | undefined
}

export function planPod(input: SyncInput): PodPlan {
  const sandbox = planSandbox(input.pod, input.status)
  const draft: Draft = {
    ...sandbox,
    killPod: sandbox.createSandbox,
    kill: [],
    resize: [],
    ephemeral: [],
    init: [],
    containers: [],
  }
  const { pod, status } = input
  const begun = restartAllAt(pod, status)
  const current = { ...input, status: begunSince(pod, status, begun) }
  const over = begun > 0 ? runningSince(pod, status, begun) : []
  if (sandbox.createSandbox) planAnew(current, draft)
  else if (over.length > 0) draft.kill.push(...over.map(restartKill))
  else planPresent(current, draft)
  const waiting = waits(input, draft)
  const nextAt = waiting.length > 0 ? Math.min(...waiting.map(({ until }) => until)) : undefined
  return { ...draft, waiting, nextAt }
}

interface Draft {
  killPod: boolean
  createSandbox: boolean
  sandboxId: string
  attempt: number
  kill: Kill[]
  resize: { id: string; container: Container }[]
  ephemeral: Container[]
  init: Container[]
  containers: Container[]
}

/** Whether the pod needs a (new) sandbox (`PodSandboxChanged`). */
export function planSandbox(pod: Pod, status: RuntimePod): { createSandbox: boolean; sandboxId: string; attempt: number } {
  const [newest] = status.sandboxes
  if (!newest) return { createSandbox: true, sandboxId: '', attempt: 0 }
  const anew = { createSandbox: true, sandboxId: newest.id, attempt: newest.metadata.attempt + 1 }
  const ready = status.sandboxes.filter(({ state }) => state === 'ready')
  if (ready.length > 1 || newest.state !== 'ready') return anew
  if (newest.hostNetwork !== Boolean(pod.spec.hostNetwork)) return { ...anew, sandboxId: '' }
  if (!pod.spec.hostNetwork && newest.ips.length === 0) return anew
  return { createSandbox: false, sandboxId: newest.id, attempt: newest.metadata.attempt }
}

/** With a new sandbox everything begins again, unless all the work is already done. */
function planAnew({ pod, status }: SyncInput, draft: Draft): void {
  const started = status.containers.length > 0
  if (!anyRestarts(pod) && draft.attempt !== 0 && started) {
    draft.createSandbox = false
    return
  }
  const toStart = pod.spec.containers.filter((container) => {
    const last = latest(status, container.name)
    return !(last?.state === 'exited' && !restarts(container, pod, last.exitCode))
  })
  if (toStart.length === 0 && hasCreatedRegular(pod, status)) {
    draft.createSandbox = false
    return
  }
  const [firstInit] = pod.spec.initContainers ?? []
  if (firstInit) draft.init = [firstInit]
  else draft.containers = toStart
}

function planPresent(input: SyncInput, draft: Draft): void {
  const { pod, status } = input
  draft.ephemeral = ephemeralContainers(pod).filter(({ name }) => !latest(status, name))
  const initialized = planInit(input, draft)
  if (draft.killPod || !initialized) return
  let kept = 0
  for (const container of pod.spec.containers) if (planRegular(input, draft, container)) kept++
  if (kept > 0 || draft.containers.length > 0) return
  draft.killPod = true
  draft.init = []
}

/** Answers whether the container runs and stays. */
function planRegular({ pod, status, probes, applied }: SyncInput, draft: Draft, container: Container): boolean {
  const last = latest(status, container.name)
  if (last?.state !== 'running') {
    if (!shouldStart(container, pod, last)) return false
    draft.containers.push(container)
    if (last?.state === 'unknown') draft.kill.push(unknownKill(last, 'Container'))
    return false
  }
  const failed = containerChanged(container, last)
    ? ({ message: `Container ${container.name} definition changed`, reason: 'changed' } as const)
    : probes.liveness(last.id) === 'failure'
      ? ({ message: `Container ${container.name} failed liveness probe`, reason: 'liveness' } as const)
      : probes.startup(last.id) === 'failure'
        ? ({ message: `Container ${container.name} failed startup probe`, reason: 'startup' } as const)
        : undefined
  if (!failed) return planResize(draft, container, { run: last, applied: applied?.(last.id) })
  const again = failed.reason === 'changed' || restartsAfterKill(container, pod)
  if (again) draft.containers.push(container)
  const message = again ? `${failed.message}, will be restarted` : failed.message
  draft.kill.push({ id: last.id, name: container.name, message, reason: failed.reason })
  return false
}

/** Answers whether the container runs on; one whose policy asks for it starts again with its new resources. */
function planResize(
  draft: Draft,
  container: Container,
  { run, applied }: { run: RuntimeContainer; applied: Requirements | undefined },
): boolean {
  const resize = resizeOf(container, applied)
  if (resize === 'update') draft.resize.push({ id: run.id, container })
  if (resize !== 'restart') return true
  draft.containers.push(container)
  draft.kill.push({ id: run.id, name: run.name, message: `Container ${run.name} resize requires restart`, reason: 'resize' })
  return false
}

/**
 * Goes through the init containers from the last to the first, since those that completed early may have been collected: the
 * last one that is known tells how far initialization came. What stands before it matters only if it is a sidecar.
 * Answers whether the regular containers may be looked at.
 */
function planInit(input: SyncInput, draft: Draft): boolean {
  const { pod, status } = input
  const containers = pod.spec.initContainers ?? []
  if (containers.length === 0) return true
  let initialized = hasCreatedRegular(pod, status)
  let known = initialized
  const start = new Set<number>()
  for (let index = containers.length - 1; index >= 0; index--) {
    const container = containers[index] as Container
    const last = latest(status, container.name)
    if (!last) {
      if (known && isSidecar(container)) start.add(index)
      continue
    }
    if (known && !isSidecar(container)) continue
    const complete = planInitContainer(input, draft, { container, last, again: () => start.add(index) })
    if (draft.killPod) return false
    if (complete && !known) {
      if (index === containers.length - 1) initialized = true
      else start.add(index + 1)
    }
    known = true
  }
  if (!known) start.add(0)
  draft.init = [...start].toSorted((a, b) => a - b).map((index) => containers[index] as Container)
  return initialized
}

/** Answers whether this container no longer holds up the next one. */
function planInitContainer(
  { pod, probes }: SyncInput,
  draft: Draft,
  { container, last, again }: { container: Container; last: RuntimeContainer; again: () => void },
): boolean {
  const kill = (what: string, reason: KillReason) => {
    draft.kill.push({ id: last.id, name: container.name, message: `Init container ${container.name} ${what}`, reason })
    again()
  }
  switch (last.state) {
    case 'created':
      again()
      return false
    case 'running': {
      if (!isSidecar(container)) return false
      if (container.startupProbe) {
        const startup = probes.startup(last.id)
        if (startup === 'failure') kill('failed startup probe', 'startup')
        if (startup !== 'success') return false
      }
      if (containerChanged(container, last)) kill('definition changed', 'changed')
      else if (probes.liveness(last.id) === 'failure') kill('failed liveness probe', 'liveness')
      return true
    }
    case 'exited':
      if (isSidecar(container)) {
        again()
        return false
      }
      if (last.exitCode === 0 && last.reason !== 'OOMKilled') return true
      if (restarts(container, pod, last.exitCode || 1)) again()
      else draft.killPod = true
      return false
    case 'unknown':
      if (!isSidecar(container) && pod.spec.restartPolicy === 'Never') draft.killPod = true
      else {
        draft.kill.push(unknownKill(last, 'Init container'))
        again()
      }
      return false
  }
}

function unknownKill({ id, name }: RuntimeContainer, what: string): Kill {
  return { id, name, message: `${what} is in "unknown" state, try killing it before restart`, reason: 'unknown' }
}

function restartKill({ id, name }: RuntimeContainer): Kill {
  return { id, name, message: `Container ${name} will be restarted with all containers of the pod`, reason: 'restartAll' }
}

/** A container that does not run (`ShouldContainerBeRestarted`). */
function shouldStart(container: Container, pod: Pod, last: RuntimeContainer | undefined): boolean {
  if (pod.metadata.deletionTimestamp) return false
  if (last?.state !== 'exited') return true
  return restarts(container, pod, last.exitCode)
}

/** A killed container ends with a failure; the exit code is not known yet, so rules on codes count as possible. */
function restartsAfterKill(container: Container, pod: Pod): boolean {
  return (container.restartPolicy ?? pod.spec.restartPolicy) !== 'Never' || Boolean(container.restartPolicyRules?.length)
}

function anyRestarts(pod: Pod): boolean {
  return pod.spec.restartPolicy !== 'Never' || pod.spec.containers.some((container) => restartsAfterKill(container, pod))
}

function containerChanged(container: Container, last: RuntimeContainer): boolean {
  return last.hash !== '' && last.hash !== containerHash(container)
}

function hasCreatedRegular(pod: Pod, status: RuntimePod): boolean {
  return pod.spec.containers.some(({ name }) => latest(status, name))
}

/** A container whose newest run has ended waits for its back-off; one that is killed in this plan ends only now. */
function waits({ pod, status, backOff, now }: SyncInput, draft: Draft): Waiting[] {
  return [...draft.init, ...draft.containers].flatMap(({ name }) => {
    const last = status.containers.find((container) => container.name === name && container.state === 'exited')
    const entry = backOff.get(name)
    if (!last || !entry || !findContainer(pod, name)) return []
    const left = backOffLeft(entry, last.finishedAt, now)
    if (left === 0) return []
    const message = `back-off ${durationText(entry.delay)} restarting failed container=${name} pod=${podText(pod)}`
    return [{ name, until: now + left, message }]
  })
}
