/** The conditions that the node agent keeps in a pod's status (upstream: `pkg/kubelet/status/generate.go`). */
import type { ContainerStatus } from '#api/core/v1/container-status.ts'
import type { Pod, PodCondition } from '#api/core/v1/pod.ts'
import { isSidecar } from '../containers/pod-names.ts'
import type { ResizeRefusal } from '../lifecycle/resize.ts'
import { hasStartedRegular, type Phase } from './phase.ts'

export interface ConditionInputs {
  readonly pod: Pod
  readonly phase: Phase
  /** Of init and regular containers. */
  readonly statuses: readonly ContainerStatus[]
  /** A sandbox with a network is there. */
  readonly hasSandbox: boolean
  /** Conditions that others set, for readiness gates. */
  readonly others: readonly PodCondition[]
  readonly refused?: ResizeRefusal | undefined
  readonly restartsAll?: boolean | undefined
}

/** Without the times; in upstream's order. */
export type Claim = Pick<PodCondition, 'type' | 'status' | 'reason' | 'message'>

export const ownConditions: ReadonlySet<string> = new Set([
  'PodReadyToStartContainers',
  'Initialized',
  'Ready',
  'ContainersReady',
  'PodScheduled',
  'PodResizePending',
  'PodResizeInProgress',
  'AllContainersRestarting',
])

export function conditionsOf(inputs: ConditionInputs): readonly Claim[] {
  const containersReady = containersReadyCondition(inputs)
  return [
    { type: 'PodReadyToStartContainers', status: inputs.hasSandbox ? 'True' : 'False' },
    initializedCondition(inputs),
    readyCondition(inputs, containersReady),
    containersReady,
    { type: 'PodScheduled', status: 'True' },
    ...(inputs.restartsAll ? [{ type: 'AllContainersRestarting', status: 'True' } as const] : []),
    ...(inputs.refused ? [{ type: 'PodResizePending', status: 'True', ...inputs.refused }] : []),
  ]
}

/** Go's `%s` of a list of strings. */
const listText = (names: readonly string[]) => `[${names.join(' ')}]`

function unready(type: string, reason: string, message: string): Claim {
  return { type, status: 'False', reason, message }
}

function containersReadyCondition({ pod, phase, statuses }: ConditionInputs): Claim {
  const type = 'ContainersReady'
  const byName = new Map(statuses.map((status) => [status.name, status]))
  const counted = [...(pod.spec.initContainers ?? []).filter(isSidecar), ...pod.spec.containers].map(({ name }) => name)
  const unknown = counted.filter((name) => !byName.has(name))
  const waiting = counted.filter((name) => byName.get(name)?.ready === false)
  if (phase === 'Succeeded' && unknown.length === 0) return { type, status: 'False', reason: 'PodCompleted' }
  if (phase === 'Failed') return { type, status: 'False', reason: 'PodFailed' }
  const messages = [
    ...(unknown.length > 0 ? [`containers with unknown status: ${listText(unknown)}`] : []),
    ...(waiting.length > 0 ? [`containers with unready status: ${listText(waiting)}`] : []),
  ]
  if (messages.length > 0) return unready(type, 'ContainersNotReady', messages.join(', '))
  return { type, status: 'True' }
}

function readyCondition({ pod, others }: ConditionInputs, containersReady: Claim): Claim {
  if (containersReady.status !== 'True') return { ...containersReady, type: 'Ready' }
  const messages = (pod.spec.readinessGates ?? []).flatMap(({ conditionType }) => {
    const condition = others.find(({ type }) => type === conditionType)
    if (!condition) return [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`]
    if (condition.status === 'True') return []
    return [`the status of pod readiness gate "${conditionType}" is not "True", but ${condition.status}`]
  })
  if (messages.length > 0) return unready('Ready', 'ReadinessGatesNotReady', messages.join(', '))
  return { type: 'Ready', status: 'True' }
}

function initializedCondition({ pod, phase, statuses }: ConditionInputs): Claim {
  const type = 'Initialized'
  const byName = new Map(statuses.map((status) => [status.name, status]))
  const containers = pod.spec.initContainers ?? []
  const unknown = containers.filter(({ name }) => !byName.has(name)).map(({ name }) => name)
  const incomplete = containers
    .filter((container) => {
      const status = byName.get(container.name)
      return status && !(isSidecar(container) ? status.started : status.ready)
    })
    .map(({ name }) => name)
  if (phase === 'Succeeded' && unknown.length === 0) return { type, status: 'True', reason: 'PodCompleted' }
  if (hasStartedRegular(pod, byName)) return { type, status: 'True' }
  const messages = [
    ...(unknown.length > 0 ? [`containers with unknown status: ${listText(unknown)}`] : []),
    ...(incomplete.length > 0 ? [`containers with incomplete status: ${listText(incomplete)}`] : []),
  ]
  if (messages.length > 0) return unready(type, 'ContainersNotInitialized', messages.join(', '))
  return { type, status: 'True' }
}
