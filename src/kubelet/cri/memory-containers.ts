/** What the memory runtime keeps of a sandbox and of a container. */
import type { Timer } from '#lib/clock.ts'
import type { Script } from './memory-script.ts'
import {
  type Container,
  type ContainerConfig,
  type ContainerStatus,
  type Image,
  type Labels,
  type LinuxResources,
  RuntimeError,
  type SandboxConfig,
  type SandboxStatus,
} from './runtime.ts'

export interface MemorySandbox {
  readonly config: SandboxConfig
  status: SandboxStatus
}

export interface MemoryContainer {
  readonly config: ContainerConfig
  readonly sandbox: SandboxConfig
  readonly script: Script
  readonly log: string[]
  status: ContainerStatus
  resources: LinuxResources
  timer: Timer | undefined
  /** Those who wait for the end. */
  readonly waiting: (() => void)[]
}

export interface Creation {
  readonly sandboxId: string
  readonly config: ContainerConfig
  readonly sandbox: SandboxConfig
  readonly image: Image
}

/** The status of a container that was created and not started. */
export function createdStatus(id: string, createdAt: number, { sandboxId, config, sandbox, image }: Creation): ContainerStatus {
  const { metadata, labels, annotations } = config
  return {
    ...{ id, sandboxId, metadata, labels, annotations },
    image: config.userSpecifiedImage || config.image,
    imageRef: image.repoDigests[0] ?? image.id,
    state: 'created',
    createdAt,
    ...{ startedAt: 0, finishedAt: 0, exitCode: 0, reason: '', message: '' },
    logPath: `${sandbox.logDirectory}/${config.logPath}`,
  }
}

export function isLive({ status }: MemoryContainer): boolean {
  return status.state === 'running'
}

export function inFilter(container: Container, filter: { readonly sandboxId?: string; readonly labels?: Labels }): boolean {
  if (filter.sandboxId !== undefined && filter.sandboxId !== container.sandboxId) return false
  return hasLabels(container.labels, filter.labels)
}

export function hasLabels(labels: Labels, wanted: Labels = {}): boolean {
  return Object.entries(wanted).every(([key, value]) => labels[key] === value)
}

export function notFound(message: string): RuntimeError {
  return new RuntimeError('NotFound', message)
}
