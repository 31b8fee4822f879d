/** What a pod of a stack is doing, in Compose's terms. */
import type { Pod } from '#api/core/v1/pod.ts'

export interface PodState {
  readonly isStarted: boolean
  readonly isReady: boolean
  /** Once it has ended for good. */
  readonly exitCode: number | undefined
  /** Why it ended, where its output does not say so: its program does not exist, its memory was not enough. */
  readonly reason: string | undefined
  /** For people: `running (healthy)`, `exited (1)`. */
  readonly text: string
}

export function stateOf({ spec, status, metadata }: Pod): PodState {
  const [container] = status.containerStatuses ?? []
  const { running, terminated, waiting } = container?.state ?? {}
  const hasEnded = status.phase === 'Succeeded' || status.phase === 'Failed'
  const exitCode = hasEnded ? (terminated?.exitCode ?? 1) : undefined
  const isSaidReady = status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false
  const isReady = isSaidReady && running !== undefined
  const isStarted = running !== undefined || terminated !== undefined || (container?.restartCount ?? 0) > 0 || hasEnded
  const hasCheck = spec.containers[0]?.readinessProbe !== undefined
  const health = hasCheck ? (isReady ? ' (healthy)' : ' (not healthy)') : ''
  const isTold = terminated?.reason === 'Completed' || terminated?.reason === 'Error'
  const reason = terminated && !isTold ? (terminated.message ?? terminated.reason) : undefined
  return { isStarted, isReady, exitCode, reason, text: textOf() }

  function textOf(): string {
    if (metadata.deletionTimestamp) return 'stopping'
    if (exitCode !== undefined) return `exited (${exitCode})`
    if (running) return `running${health}`
    return waiting?.reason ?? status.phase ?? 'Pending'
  }
}

const fatal =
  /^(ErrImageNeverPull|InvalidImageName|CreateContainerConfigError|CreateContainerError|RunContainerError|ImagePullBackOff|ErrImagePull)$/

/** Why it will not start by waiting. */
export function podProblem({ status }: Pod): string | undefined {
  for (const { name, image, state, restartCount } of [
    ...(status.initContainerStatuses ?? []),
    ...(status.containerStatuses ?? []),
  ]) {
    const { waiting } = state ?? {}
    if (waiting && fatal.test(waiting.reason ?? '')) return `${waiting.reason}: ${waiting.message ?? image}`
    if (waiting?.reason === 'CrashLoopBackOff' && (restartCount ?? 0) > 3) return `${name} ends again and again`
  }
  if (status.phase === 'Failed' && !status.containerStatuses) return status.message ?? status.reason
  return undefined
}
