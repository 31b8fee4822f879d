/** The Runtime that speaks CRI v1 to containerd over its unix socket. */
import type { Clock } from '#lib/clock.ts'
import { containerdEvents } from './containerd-events.ts'
import { type CallLimits, GrpcChannel } from './grpc.ts'
import {
  fromContainer,
  fromContainerStatus,
  fromHandler,
  fromImage,
  fromSandbox,
  fromSandboxStatus,
  fromStats,
  toContainerConfig,
  toResources,
  toSandboxConfig,
} from './messages.ts'
import {
  type Container,
  type ContainerConfig,
  type ContainerStats,
  type ContainerStatus,
  type ExecResult,
  type Image,
  type ImageMount,
  type Labels,
  type LinuxResources,
  type RegistryAuth,
  type Runtime,
  RuntimeError,
  type RuntimeEvent,
  type RuntimeStatus,
  type Sandbox,
  type SandboxConfig,
  type SandboxStatus,
  type StreamOptions,
} from './runtime.ts'

type Message = Record<string, any>

export interface ContainerdOptions {
  readonly socket: string
  readonly clock: Clock
  /** Where it keeps the files of images. Default overlayfs. */
  readonly snapshotter?: string
  /** How long to wait for the socket, in milliseconds. Default 10 s. */
  readonly timeout?: number
}

/** Resolves when containerd answers; rejects with Unavailable when it does not in time. */
export async function connectContainerd({ timeout = 10_000, ...options }: ContainerdOptions): Promise<Runtime> {
  const runtime = new ContainerdRuntime(options)
  try {
    await runtime.ready(timeout)
    await runtime.version()
  } catch (error) {
    await runtime.close()
    throw error
  }
  return runtime
}

const requestTimeout = 120_000

class ContainerdRuntime implements Runtime {
  readonly #channel: GrpcChannel
  readonly #clock: Clock
  readonly #snapshotter: string
  /** Container to sandbox, because CRI's ContainerStatus does not say it. */
  readonly #sandboxOf = new Map<string, string>()

  constructor({ socket, clock, snapshotter = 'overlayfs' }: ContainerdOptions) {
    this.#clock = clock
    this.#snapshotter = snapshotter
    this.#channel = new GrpcChannel({ socket, clock })
  }

  ready(timeout: number): Promise<void> {
    return this.#channel.ready(timeout)
  }

  async version(): Promise<{ name: string; version: string }> {
    const { runtime_name, runtime_version } = await this.#call('Version', { version: '0.1.0' })
    return { name: runtime_name, version: runtime_version }
  }

  async status(): Promise<RuntimeStatus> {
    const { status, features, runtime_handlers } = await this.#call('Status', {})
    const handlers = runtime_handlers.map(fromHandler)
    return { conditions: status?.conditions ?? [], hasStrictGroups: features?.supplemental_groups_policy ?? false, handlers }
  }

  async runPodSandbox(config: SandboxConfig): Promise<string> {
    const request = { config: toSandboxConfig(config), runtime_handler: config.runtimeHandler ?? '' }
    const response = await this.#call('RunPodSandbox', request, { timeout: 2 * requestTimeout })
    return response.pod_sandbox_id
  }

  async stopPodSandbox(id: string): Promise<void> {
    await ignoreAbsent(this.#call('StopPodSandbox', { pod_sandbox_id: id }))
  }

  async removePodSandbox(id: string): Promise<void> {
    await ignoreAbsent(this.#call('RemovePodSandbox', { pod_sandbox_id: id }))
    for (const [container, sandbox] of this.#sandboxOf) if (sandbox === id) this.#sandboxOf.delete(container)
  }

  async listPodSandboxes({ id, labels }: { readonly id?: string; readonly labels?: Labels } = {}): Promise<readonly Sandbox[]> {
    const filter = { id: id ?? '', label_selector: labels ?? {} }
    const { items } = await this.#call('ListPodSandbox', { filter })
    return items.map(fromSandbox)
  }

  async podSandboxStatus(id: string): Promise<SandboxStatus | undefined> {
    const response = await ignoreAbsent(this.#call('PodSandboxStatus', { pod_sandbox_id: id }))
    return response?.status ? fromSandboxStatus(response.status) : undefined
  }

  async createContainer(sandboxId: string, config: ContainerConfig, sandbox: SandboxConfig): Promise<string> {
    const response = await this.#call('CreateContainer', {
      pod_sandbox_id: sandboxId,
      config: toContainerConfig(config),
      sandbox_config: toSandboxConfig(sandbox),
    })
    this.#sandboxOf.set(response.container_id, sandboxId)
    return response.container_id
  }

  async startContainer(id: string): Promise<void> {
    await this.#call('StartContainer', { container_id: id })
  }

  async stopContainer(id: string, graceSeconds: number): Promise<void> {
    const seconds = Math.max(0, Math.ceil(graceSeconds))
    const request = { container_id: id, timeout: seconds }
    await ignoreAbsent(this.#call('StopContainer', request, { timeout: requestTimeout + seconds * 1000 }))
  }

  async removeContainer(id: string): Promise<void> {
    await ignoreAbsent(this.#call('RemoveContainer', { container_id: id }))
    this.#sandboxOf.delete(id)
  }

  async listContainers(filter: { readonly sandboxId?: string; readonly labels?: Labels } = {}): Promise<readonly Container[]> {
    const { containers } = await this.#call('ListContainers', {
      filter: { pod_sandbox_id: filter.sandboxId ?? '', label_selector: filter.labels ?? {} },
    })
    const found: Container[] = containers.map(fromContainer)
    for (const { id, sandboxId } of found) this.#sandboxOf.set(id, sandboxId)
    return found
  }

  async containerStatus(id: string): Promise<ContainerStatus | undefined> {
    const response = await ignoreAbsent(this.#call('ContainerStatus', { container_id: id }))
    return response?.status ? fromContainerStatus(response.status, await this.#sandbox(id)) : undefined
  }

  async updateContainerResources(id: string, resources: LinuxResources): Promise<void> {
    await this.#call('UpdateContainerResources', { container_id: id, linux: toResources(resources) })
  }

  async reopenContainerLog(id: string): Promise<void> {
    await this.#call('ReopenContainerLog', { container_id: id })
  }

  async containerStats({ sandboxId }: { readonly sandboxId?: string } = {}): Promise<readonly ContainerStats[]> {
    const { stats } = await this.#call('ListContainerStats', { filter: { pod_sandbox_id: sandboxId ?? '' } })
    return stats.map(fromStats)
  }

  /** Upstream waits for a command with a timeout as long as the timeout plus that of any request, and else for ever. */
  async execSync(id: string, command: readonly string[], timeoutSeconds: number): Promise<ExecResult> {
    const seconds = Math.max(0, Math.ceil(timeoutSeconds))
    const timeout = seconds > 0 ? seconds * 1000 + requestTimeout : 0
    const request = { container_id: id, cmd: command, timeout: seconds }
    const { stdout, stderr, exit_code } = await this.#call('ExecSync', request, { timeout })
    return { stdout, stderr, exitCode: exit_code }
  }

  async exec(id: string, { command, ...streams }: StreamOptions & { readonly command: readonly string[] }): Promise<string> {
    return (await this.#call('Exec', { container_id: id, cmd: command, ...streams })).url
  }

  async attach(id: string, streams: StreamOptions): Promise<string> {
    return (await this.#call('Attach', { container_id: id, ...streams })).url
  }

  async portForward(sandboxId: string, ports: readonly number[]): Promise<string> {
    return (await this.#call('PortForward', { pod_sandbox_id: sandboxId, port: ports })).url
  }

  async pullImage(image: string, { auth, sandbox }: { auth?: RegistryAuth; sandbox?: SandboxConfig }): Promise<string> {
    const request = {
      image: { image },
      ...(auth && { auth: toAuth(auth) }),
      ...(sandbox && { sandbox_config: toSandboxConfig(sandbox) }),
    }
    return (await this.#callImages('PullImage', request, { timeout: 0 })).image_ref
  }

  async imageStatus(image: string): Promise<Image | undefined> {
    const response = await ignoreAbsent(this.#callImages('ImageStatus', { image: { image } }))
    return response?.image ? fromImage(response.image) : undefined
  }

  async listImages(): Promise<readonly Image[]> {
    return (await this.#callImages('ListImages', {})).images.map(fromImage)
  }

  async removeImage(image: string): Promise<void> {
    await ignoreAbsent(this.#callImages('RemoveImage', { image: { image } }))
  }

  /** A snapshot of its own holds on to the image's layers (`containerd.io/gc.root`). */
  async imageMounts(image: string, key: string): Promise<readonly ImageMount[]> {
    const { info } = await this.#callImages('ImageStatus', { image: { image }, verbose: true })
    const { chainID } = JSON.parse(info.info)
    const snapshot = { snapshotter: this.#snapshotter, key }
    const labels = { 'containerd.io/gc.root': 'nami' }
    const { mounts } = await this.#callSnapshots('View', { ...snapshot, parent: chainID, labels }).catch((error) => {
      if (error instanceof RuntimeError && error.status === 'AlreadyExists') return this.#callSnapshots('Mounts', snapshot)
      throw error
    })
    return mounts
  }

  async releaseImage(key: string): Promise<void> {
    await ignoreAbsent(this.#callSnapshots('Remove', { snapshotter: this.#snapshotter, key }))
  }

  async imageFsInfo(): Promise<{ usedBytes: number; mountpoint: string }> {
    const { image_filesystems } = await this.#callImages('ImageFsInfo', {})
    const [first] = image_filesystems as Message[]
    return { usedBytes: Number(first?.used_bytes?.value ?? 0), mountpoint: first?.fs_id?.mountpoint ?? '/' }
  }

  events(signal: AbortSignal): AsyncIterable<RuntimeEvent> {
    const source = { channel: this.#channel, clock: this.#clock }
    return containerdEvents({ ...source, hasEnded: (id) => this.#hasEnded(id) }, signal)
  }

  async close(): Promise<void> {
    this.#channel.close()
  }

  #call(method: string, request: Message, limits?: CallLimits): Promise<Message> {
    return this.#channel.call('runtime.v1.RuntimeService', method, request, limits)
  }

  #callImages(method: string, request: Message, limits?: CallLimits): Promise<Message> {
    return this.#channel.call('runtime.v1.ImageService', method, request, limits)
  }

  #callSnapshots(method: string, request: Message): Promise<Message> {
    return this.#channel.call('containerd.services.snapshots.v1.Snapshots', method, request)
  }

  async #hasEnded(id: string): Promise<boolean> {
    const response = await ignoreAbsent(this.#call('ContainerStatus', { container_id: id }))
    if (response?.status) return response.status.state === 'CONTAINER_EXITED' || response.status.state === 'CONTAINER_UNKNOWN'
    return (await this.podSandboxStatus(id))?.state !== 'ready'
  }

  async #sandbox(containerId: string): Promise<string> {
    if (!this.#sandboxOf.has(containerId)) await this.listContainers()
    return this.#sandboxOf.get(containerId) ?? ''
  }
}

function toAuth(auth: RegistryAuth): Message {
  return {
    username: auth.username ?? '',
    password: auth.password ?? '',
    auth: auth.auth ?? '',
    server_address: auth.serverAddress ?? '',
    identity_token: auth.identityToken ?? '',
    registry_token: auth.registryToken ?? '',
  }
}

async function ignoreAbsent<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call
  } catch (error) {
    if (error instanceof RuntimeError && error.code === 'NotFound') return undefined
    throw error
  }
}
