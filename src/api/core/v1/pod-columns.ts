/** What `kubectl get pods` shows (upstream `printPod`). */
import type { ContainerStatus } from '#api/core/v1/container-status.ts'
import type { PodParts } from '#api/core/v1/pod.ts'
import { isSidecar } from '#api/core/v1/pod-resources.ts'
import { age, type Column, humanDuration, type RowCondition } from '#schema/kind.ts'

export const podColumns: readonly Column<PodParts>[] = [
  { name: 'Ready', doc: 'Containers that are ready, of all containers.', value: (pod) => summarize(pod).ready },
  { name: 'Status', doc: 'What the containers are doing, in one word.', value: (pod) => summarize(pod).reason },
  { name: 'Restarts', doc: 'How often containers were restarted, and when it last happened.', value: restartsText },
  age,
  { name: 'IP', priority: 1, doc: 'First address of the pod.', value: ({ status }) => status.podIPs?.[0]?.ip || '<none>' },
  { name: 'Node', priority: 1, doc: 'Node that the pod runs on.', value: ({ spec }) => spec.nodeName || '<none>' },
  {
    name: 'Nominated Node',
    priority: 1,
    doc: 'Node on which room is being made for the pod.',
    value: ({ status }) => status.nominatedNodeName || '<none>',
  },
  { name: 'Readiness Gates', priority: 1, doc: 'Readiness gates that are open, of all.', value: readinessGates },
]

const ends: Readonly<Record<string, readonly RowCondition[]>> = {
  Succeeded: ended('Succeeded', 'The pod has completed successfully.'),
  Failed: ended('Failed', 'The pod failed.'),
}

function ended(reason: string, message: string): RowCondition[] {
  return [{ type: 'Completed', status: 'True', reason, message }]
}

export function podRowConditions({ status }: PodParts): readonly RowCondition[] | undefined {
  return ends[status.phase ?? '']
}

interface Summary {
  ready: string
  reason: string
  restarts: number
  /** Milliseconds since the epoch; 0 for never. */
  lastRestart: number
}

/** A row asks three times for the same pod. */
let last: { pod: PodParts; summary: Summary } | undefined

function summarize(pod: PodParts): Summary {
  if (last?.pod !== pod) last = { pod, summary: summaryOf(pod) }
  return last.summary
}

function restartsText(pod: PodParts, { now }: { now: number }): string {
  const { restarts, lastRestart } = summarize(pod)
  return restarts !== 0 && lastRestart > 0 ? `${restarts} (${humanDuration(now - lastRestart)} ago)` : String(restarts)
}

function summaryOf(pod: PodParts): Summary {
  const { spec, status } = pod
  const gated = status.conditions?.some(({ type, reason }) => type === 'PodScheduled' && reason === 'SchedulingGated')
  const before = gated ? 'SchedulingGated' : status.reason || status.phase || ''
  const init = initialization(pod, before)
  const isInitialized = isTrue(pod, 'Initialized')
  const run = !init.isPending || isInitialized ? running(pod, init.reason) : undefined

  const begun = (status.initContainerStatuses ?? []).slice(0, init.seen)
  const statuses = run ? [...begun.filter(({ name }) => isSidecarNamed(pod, name)), ...(status.containerStatuses ?? [])] : begun
  const sidecars = (spec.initContainers ?? []).filter(isSidecar).length
  return {
    ready: `${init.readySidecars + (run?.ready ?? 0)}/${spec.containers.length + sidecars}`,
    reason: ending(pod) ?? run?.reason ?? init.reason,
    restarts: statuses.reduce((sum, { restartCount }) => sum + restartCount, 0),
    lastRestart: Math.max(0, ...statuses.map(({ lastState }) => Date.parse(lastState.terminated?.finishedAt ?? '') || 0)),
  }
}

/** A deleted pod is ending, whatever its containers say. */
function ending({ metadata, status }: PodParts): string | undefined {
  if (!metadata.deletionTimestamp) return undefined
  if (status.reason === 'NodeLost') return 'Unknown'
  return status.phase === 'Succeeded' || status.phase === 'Failed' ? undefined : 'Terminating'
}

/** How far the init containers came: the first that is not done decides. */
function initialization(pod: PodParts, before: string) {
  let readySidecars = 0
  const statuses = pod.status.initContainerStatuses ?? []
  for (const [index, container] of statuses.entries()) {
    const { terminated, waiting } = container.state
    if (terminated?.exitCode === 0) continue
    if (isSidecarNamed(pod, container.name) && container.started) {
      if (container.ready) readySidecars++
      continue
    }
    const progress = `${index}/${pod.spec.initContainers?.length ?? 0}`
    const why = waiting?.reason && waiting.reason !== 'PodInitializing' ? waiting.reason : progress
    return { isPending: true, readySidecars, reason: `Init:${terminated ? endOf(terminated) : why}`, seen: index + 1 }
  }
  return { isPending: false, readySidecars, reason: before, seen: statuses.length }
}

function isSidecarNamed({ spec }: PodParts, name: string): boolean {
  const container = spec.initContainers?.findLast((candidate) => candidate.name === name)
  return container !== undefined && isSidecar(container)
}

function running(pod: PodParts, before: string): { ready: number; reason: string } {
  let reason = before
  let ready = 0
  let errorReason = ''
  for (const { state, ready: isReady } of (pod.status.containerStatuses ?? []).toReversed()) {
    if (state.waiting?.reason) {
      reason = state.waiting.reason
    } else if (state.terminated) {
      reason = endOf(state.terminated)
      if (state.terminated.exitCode !== 0) errorReason = reason
    } else if (isReady && state.running) {
      ready++
    }
  }
  if (reason === 'Completed') {
    if (ready > 0 && isTrue(pod, 'Ready')) reason = 'Running'
    else if (errorReason) reason = errorReason
    else if (ready > 0) reason = 'NotReady'
  }
  return { ready, reason }
}

function endOf({ reason, signal, exitCode }: NonNullable<ContainerStatus['state']['terminated']>): string {
  if (reason) return reason
  return signal ? `Signal:${signal}` : `ExitCode:${exitCode}`
}

function isTrue({ status }: PodParts, condition: string): boolean {
  return status.conditions?.find(({ type }) => type === condition)?.status === 'True'
}

function readinessGates({ spec, status }: PodParts): string {
  const gates = spec.readinessGates ?? []
  if (gates.length === 0) return '<none>'
  const isOpen = (gate: string) => status.conditions?.find(({ type }) => type === gate)?.status === 'True'
  return `${gates.filter(({ conditionType }) => isOpen(conditionType)).length}/${gates.length}`
}
