/** Which container of a pod a request to the agent means, with upstream's words for those that are not there. */
import type { Pod } from '#api/core/v1/pod.ts'

type ContainerStatus = NonNullable<Pod['status']['containerStatuses']>[number]

/** An answer other than 200; the API server hands `message` on to the user. */
export class AgentError extends Error {
  readonly code: number

  constructor(code: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'AgentError'
    this.code = code
  }
}

export interface PodLookup {
  /** Pods of this node with their newest status. */
  pods(): readonly Pod[]
  /** The present run of a container as the runtime has it. */
  readonly containerId?:
    | ((at: { readonly namespace: string; readonly name: string; readonly container: string }) => string | undefined)
    | undefined
}

export function findPod(lookup: PodLookup, namespace: string, name: string): Pod {
  const pod = lookup.pods().find(({ metadata }) => metadata.name === name && (metadata.namespace ?? '') === namespace)
  if (!pod) throw new AgentError(404, `pod "${name}" does not exist`)
  return pod
}

export function checkContainerName(pod: Pod, name: string): void {
  const { initContainers = [], containers, ephemeralContainers = [] } = pod.spec
  if ([...initContainers, ...containers, ...ephemeralContainers].some((container) => container.name === name)) return
  throw new AgentError(404, `container "${name}" not found in pod "${pod.metadata.name}"`)
}

export function statusOf(pod: Pod, container: string): ContainerStatus | undefined {
  const { initContainerStatuses = [], containerStatuses = [], ephemeralContainerStatuses = [] } = pod.status
  return [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses].find(({ name }) => name === container)
}

/** The id of the container whose log is asked for (upstream's `validateContainerLogStatus`). */
export function containerForLogs(pod: Pod, container: string, previous: boolean): string {
  const { name } = pod.metadata
  const refuse = (text: string) => new AgentError(400, `container "${container}" in pod "${name}" ${text}`)
  const status = statusOf(pod, container)
  if (!status) throw refuse('is not available')
  const { running, terminated, waiting } = status.state ?? {}
  const last = status.lastState?.terminated
  if (previous) {
    if (!last?.containerID) {
      throw new AgentError(400, `previous terminated container "${container}" in pod "${name}" not found`)
    }
    return bareId(last.containerID)
  }
  if (running) return bareId(status.containerID ?? '')
  if (terminated) {
    // A container that could not be made has no log of its own; the run before may have.
    if (terminated.containerID) return bareId(terminated.containerID)
    if (last?.containerID) return bareId(last.containerID)
    throw refuse('is terminated')
  }
  if (last?.containerID) return bareId(last.containerID)
  if (!waiting) throw refuse('is waiting to start - no logs yet')
  const texts: Readonly<Record<string, string>> = {
    ErrImagePull: `image can't be pulled`,
    ImagePullBackOff: 'trying and failing to pull image',
  }
  throw refuse(`is waiting to start: ${texts[waiting.reason ?? ''] ?? waiting.reason}`)
}

/** The id of a running container, for exec and attach. */
export function runningContainer(lookup: PodLookup, pod: Pod, container: string): string {
  const { name, namespace = '' } = pod.metadata
  const known = lookup.containerId?.({ namespace, name, container })
  if (known) return known
  const status = statusOf(pod, container)
  if (!status?.containerID) throw new AgentError(500, `container not found ("${container}")`)
  return bareId(status.containerID)
}

/** `containerd://abc` without its scheme. */
function bareId(id: string): string {
  return id.slice(id.indexOf('://') + 3)
}
