/** What the runtime holds of one pod: its sandboxes and containers, read back from labels and annotations alone. */
import type { ContainerStatus, Runtime, SandboxStatus } from '../cri/runtime.ts'
import { labels } from '../cri/runtime.ts'
import { annotationNames } from './annotations.ts'

export interface RuntimeContainer extends ContainerStatus {
  readonly name: string
  /** Of the container's specification when it was created. */
  readonly hash: string
  readonly restartCount: number
}

/**
 * Guarantees: both lists are ordered newest first, so the first container of a name is its present or last run. Everything
 * the agent needs to go on after its own restart stands here or in the API.
 */
export interface RuntimePod {
  readonly uid: string
  readonly sandboxes: readonly SandboxStatus[]
  readonly containers: readonly RuntimeContainer[]
}

export async function readRuntimePod(runtime: Runtime, uid: string): Promise<RuntimePod> {
  const filter = { labels: { [labels.podUid]: uid } }
  const [sandboxes, containers] = await Promise.all([runtime.listPodSandboxes(filter), runtime.listContainers(filter)])
  const [sandboxStatuses, containerStatuses] = await Promise.all([
    Promise.all(sandboxes.map(({ id }) => runtime.podSandboxStatus(id))),
    Promise.all(containers.map(({ id }) => runtime.containerStatus(id))),
  ])
  return runtimePod(uid, present(sandboxStatuses), present(containerStatuses))
}

/** Puts statuses in order; exported for tests and for callers that have listed all pods at once. */
export function runtimePod(uid: string, sandboxes: readonly SandboxStatus[], containers: readonly ContainerStatus[]): RuntimePod {
  return {
    uid,
    sandboxes: sandboxes.toSorted((a, b) => b.createdAt - a.createdAt || b.metadata.attempt - a.metadata.attempt),
    containers: containers
      .map((status) => ({
        ...status,
        name: status.labels[labels.containerName] ?? status.metadata.name,
        hash: status.annotations[annotationNames.hash] ?? '',
        restartCount: Number(status.annotations[annotationNames.restartCount] ?? status.metadata.attempt),
      }))
      .toSorted((a, b) => b.createdAt - a.createdAt || b.restartCount - a.restartCount),
  }
}

export function latest(status: RuntimePod, name: string): RuntimeContainer | undefined {
  return status.containers.find((container) => container.name === name)
}

/** Addresses of the newest sandbox, if it is ready. */
export function addressesOf(status: RuntimePod): readonly string[] {
  const sandbox = status.sandboxes[0]
  return sandbox?.state === 'ready' ? sandbox.ips : []
}

function present<T>(items: readonly (T | undefined)[]): T[] {
  return items.filter((item) => item !== undefined)
}
