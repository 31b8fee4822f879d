/** The whole status of a pod, purely: from the runtime, the probes, the waits and what was reported before. */
import type { ContainerStatus } from '#api/core/v1/container-status.ts'
import type { PodCondition, PodStatus } from '#api/core/v1/pod.ts'
import { formatTime } from '#lib/clock.ts'
import { isRestartingAll } from '../containers/restart-all.ts'
import { addressesOf } from '../containers/runtime-pod.ts'
import type { ResizeRefusal } from '../lifecycle/resize.ts'
import { planSandbox } from '../sync-pod.ts'
import { type Claim, conditionsOf, ownConditions } from './conditions.ts'
import { type ContainerStatusInputs, containerStatuses, lostRun } from './container-statuses.ts'
import { type Phase, phaseOf } from './phase.ts'
import { computeQos } from './qos.ts'

export interface PodStatusInputs extends Omit<ContainerStatusInputs, 'old'> {
  /** As last reported; the API's where the agent has reported nothing yet. */
  readonly old: PodStatus
  readonly hostIps: readonly string[]
  readonly now: number
  /** Nothing runs any more and nothing will. */
  readonly isTerminal: boolean
  /** Why a resize cannot be done. */
  readonly refused?: ResizeRefusal | undefined
  /** Why the agent itself ended the pod: eviction, deadline. */
  readonly verdict?: { readonly reason: string; readonly message: string } | undefined
}

/** Most bytes of all termination messages of a pod together, and of one. */
const allMessages = 12 * 1024
const oneMessage = 4096

export function podStatus(inputs: PodStatusInputs): PodStatus {
  const { pod, old, verdict } = inputs
  const lists = listsOf(inputs)
  const statuses = [...lists.init, ...lists.regular]
  const phase = finalPhase(old.phase, verdict ? 'Failed' : phaseOf(pod, statuses, inputs), statuses)
  const cause = verdict ?? (phase === old.phase ? old : undefined)
  const others = pod.status.conditions?.filter(({ type }) => !ownConditions.has(type)) ?? []
  const hasSandbox = !planSandbox(pod, inputs.status).createSandbox
  const restartsAll = isRestartingAll(pod, inputs.status)
  const claims = conditionsOf({ pod, phase, statuses, hasSandbox, others, restartsAll, refused: inputs.refused })
  return {
    ...(pod.metadata.generation !== undefined && { observedGeneration: pod.metadata.generation }),
    phase,
    conditions: [...others, ...claims.map((claim) => timed(claim, inputs))],
    ...(cause?.message && { message: cause.message }),
    ...(cause?.reason && { reason: cause.reason }),
    ...addresses(inputs),
    startTime: old.startTime ?? pod.status.startTime ?? formatTime(inputs.now),
    ...(lists.init.length > 0 && { initContainerStatuses: [...lists.init] }),
    containerStatuses: [...lists.regular],
    qosClass: pod.status.qosClass ?? computeQos(pod),
    ...(lists.ephemeral.length > 0 && { ephemeralContainerStatuses: [...lists.ephemeral] }),
    ...kept(pod.status),
  }
}

/** Fields that others fill in and the agent hands on. */
function kept(status: PodStatus): Partial<PodStatus> {
  const { nominatedNodeName, resize, resourceClaimStatuses } = status
  const { extendedResourceClaimStatus, nodeAllocatableResourceClaimStatuses } = status
  return {
    ...(nominatedNodeName && { nominatedNodeName }),
    ...(resize && { resize }),
    ...(resourceClaimStatuses && { resourceClaimStatuses }),
    ...(extendedResourceClaimStatus && { extendedResourceClaimStatus }),
    ...(nodeAllocatableResourceClaimStatuses && { nodeAllocatableResourceClaimStatuses }),
  }
}

function listsOf(inputs: PodStatusInputs) {
  const { old, pod } = inputs
  const before = [
    ...(old.initContainerStatuses ?? []),
    ...(old.containerStatuses ?? []),
    ...(old.ephemeralContainerStatuses ?? []),
  ]
  const lists = containerStatuses({ ...inputs, old: before })
  const count = pod.spec.containers.length + (pod.spec.initContainers?.length ?? 0)
  const bytes = Math.min(oneMessage, Math.floor(allMessages / Math.max(1, count)))
  for (const status of [...lists.init, ...lists.regular, ...lists.ephemeral]) {
    trim(status.state.terminated, bytes)
    trim(status.lastState.terminated, bytes)
    if (inputs.isTerminal) closeOpen(status, before)
  }
  return lists
}

function trim(end: { message?: string | undefined } | undefined, bytes: number): void {
  if (end?.message && Buffer.byteLength(end.message) > bytes)
    end.message = Buffer.from(end.message).subarray(0, bytes).toString('utf8')
}

/** In a pod that is over, no container may seem to wait or to run (`TerminatePod`); one that never ran stays waiting. */
function closeOpen(status: ContainerStatus, before: readonly ContainerStatus[]): void {
  if (status.state.terminated) return
  status.ready = false
  status.started = false
  const old = before.find(({ name }) => name === status.name)
  if (!status.state.running && !status.containerID && !old?.containerID) return
  status.state = { terminated: lostRun('terminated', old) }
}

/** A pod that has ended never begins again, and it has not ended while something of it runs. */
function finalPhase(old: Phase | undefined, next: Phase, statuses: readonly ContainerStatus[]): Phase {
  if (old === 'Failed' || old === 'Succeeded') return old
  const ended = next === 'Failed' || next === 'Succeeded'
  if (ended && statuses.some(({ state }) => state.running)) return old ?? 'Pending'
  return next
}

function timed(claim: Claim, { pod, old, now }: PodStatusInputs): PodCondition {
  const before = old.conditions?.find(({ type }) => type === claim.type)
  const lastTransitionTime = before?.status === claim.status ? before.lastTransitionTime : formatTime(now)
  return {
    ...claim,
    ...(pod.metadata.generation !== undefined && { observedGeneration: pod.metadata.generation }),
    lastProbeTime: null as unknown as string,
    lastTransitionTime,
  }
}

function addresses({ pod, status, hostIps, old }: PodStatusInputs): Partial<PodStatus> {
  const known = pod.spec.hostNetwork ? hostIps : addressesOf(status)
  const ips = known.length > 0 ? known : (old.podIPs ?? []).map(({ ip }) => ip)
  return {
    ...(hostIps[0] && { hostIP: hostIps[0], hostIPs: hostIps.map((ip) => ({ ip })) }),
    ...(ips[0] && { podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) }),
  }
}
