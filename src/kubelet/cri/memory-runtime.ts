/** A container runtime of memory: containers are scripts on a Clock. The agent's tests and simulated nodes run on it. */
import type { Clock } from '#lib/clock.ts'
import { EventQueue } from './event-queue.ts'
import {
  createdStatus,
  hasLabels,
  inFilter,
  isLive,
  type MemoryContainer,
  type MemorySandbox,
  notFound,
} from './memory-containers.ts'
import { type Call, type FailOptions, MemoryFaults, withDeadline } from './memory-faults.ts'
import { MemoryImages } from './memory-images.ts'
import { execResult, type Match, matches, type Script } from './memory-script.ts'
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
  type RuntimeCondition,
  RuntimeError,
  type RuntimeEvent,
  type RuntimeStatus,
  type Sandbox,
  type SandboxConfig,
  type SandboxStatus,
} from './runtime.ts'

export interface MemoryRuntimeOptions {
  readonly clock: Clock
  /** First three bytes of sandbox addresses. Default `10.88.0`. */
  readonly network?: string
  /** References that exist beside those given to `addImage`: default all. */
  readonly pullable?: (image: string) => boolean
}

/**
 * Guarantees
 * - Ids are counters (`sandbox1`, `container1`), addresses are given out in order: runs with the same calls are identical.
 * - Semantics are containerd's: stopping a sandbox kills its containers and frees its address, removing one removes its
 *   containers, a removed id answers undefined, an exited container keeps its status until it is removed.
 */
export class MemoryRuntime implements Runtime {
  readonly #clock: Clock
  readonly #network: string
  readonly #pullable: (image: string) => boolean
  readonly #sandboxes = new Map<string, MemorySandbox>()
  readonly #containers = new Map<string, MemoryContainer>()
  readonly #images = new MemoryImages()
  readonly #scripts: { match: Match; script: Script }[] = []
  readonly #faults: MemoryFaults
  readonly #subscribers = new Set<EventQueue<RuntimeEvent>>()
  #ids = 0
  #addresses = 1
  /** What `status` answers; replace to make the node not ready. */
  conditions: readonly RuntimeCondition[] = [
    { type: 'RuntimeReady', status: true, reason: '', message: '' },
    { type: 'NetworkReady', status: true, reason: '', message: '' },
  ]
  /** The newest 10,000 calls as `method argument`, in order: `pullImage nginx:1`, `stopContainer container1`. */
  readonly calls: string[] = []

  constructor({ clock, network = '10.88.0', pullable = () => true }: MemoryRuntimeOptions) {
    this.#clock = clock
    this.#faults = new MemoryFaults(clock)
    this.#network = network
    this.#pullable = pullable
  }

  /** Scripts the containers that match and are created from now on; of several the newest wins. */
  script(match: Match, script: Script): void {
    this.#scripts.unshift({ match, script })
  }

  /** The next `times` calls of a method (whose argument is `when`, if given) fail. */
  fail(call: Call, message: string, options: FailOptions = {}): void {
    this.#faults.fail(call, message, options)
  }

  /** Calls of this method take so many milliseconds. */
  delay(call: Call, milliseconds: number): void {
    this.#faults.delay(call, milliseconds)
  }

  addImage(reference: string, image: Partial<Image> = {}): Image {
    return this.#images.add(reference, image)
  }

  /** Ends a container's main process from the outside, as a crash or the OOM killer would. */
  exit(containerId: string, exitCode: number, reason?: string): void {
    const container = this.#containers.get(containerId)
    if (container?.status.state === 'running') this.#end(containerId, container, exitCode, reason)
  }

  /** What happens to a node's sandboxes when the machine restarts, or somebody kills a pause process. */
  loseSandbox(sandboxId: string): void {
    const sandbox = this.#sandboxes.get(sandboxId)
    if (sandbox?.status.state !== 'ready') return
    for (const [id, container] of this.#inSandbox(sandboxId)) if (isLive(container)) this.#end(id, container, 137)
    sandbox.status = { ...sandbox.status, state: 'notReady', ips: [] }
    this.#emit({ type: 'stopped', containerId: sandboxId, at: this.#clock.now() })
  }

  /** A gap in the events, as after a restart of the runtime. */
  resync(): void {
    this.#emit({ type: 'resync' })
  }

  log(containerId: string): readonly string[] {
    return this.#containers.get(containerId)?.log ?? []
  }

  configOf(containerId: string): ContainerConfig | undefined {
    return this.#containers.get(containerId)?.config
  }

  /** Of the container's sandbox. */
  sandboxConfigOf(containerId: string): SandboxConfig | undefined {
    return this.#containers.get(containerId)?.sandbox
  }

  resourcesOf(containerId: string): LinuxResources | undefined {
    return this.#containers.get(containerId)?.resources
  }

  async version(): Promise<{ name: string; version: string }> {
    await this.#called('version')
    return { name: 'memory', version: '1.0.0' }
  }

  /** What `status` answers; a test may set it. */
  handlers: RuntimeStatus['handlers'] = []

  async status(): Promise<RuntimeStatus> {
    await this.#called('status')
    return { conditions: this.conditions, hasStrictGroups: true, handlers: this.handlers }
  }

  async runPodSandbox(config: SandboxConfig): Promise<string> {
    await this.#called('runPodSandbox', config.metadata.name)
    const id = `sandbox${++this.#ids}`
    const hostNetwork = config.namespaces.network === 'node'
    const ips = hostNetwork ? [] : [`${this.#network}.${++this.#addresses}`]
    const { metadata, labels, annotations } = config
    const createdAt = this.#clock.now()
    this.#sandboxes.set(id, {
      config,
      status: { id, metadata, labels, annotations, createdAt, state: 'ready', ips, hostNetwork },
    })
    this.#emit({ type: 'started', containerId: id, at: createdAt })
    return id
  }

  async stopPodSandbox(id: string): Promise<void> {
    await this.#called('stopPodSandbox', id)
    this.loseSandbox(id)
  }

  async removePodSandbox(id: string): Promise<void> {
    await this.#called('removePodSandbox', id)
    if (!this.#sandboxes.has(id)) return
    this.loseSandbox(id)
    for (const [containerId] of this.#inSandbox(id)) this.#drop(containerId)
    this.#sandboxes.delete(id)
    this.#emit({ type: 'deleted', containerId: id, at: this.#clock.now() })
  }

  async listPodSandboxes(filter: { readonly id?: string; readonly labels?: Labels } = {}): Promise<readonly Sandbox[]> {
    await this.#called('listPodSandboxes')
    return [...this.#sandboxes.values()]
      .map(({ status }) => status)
      .filter((sandbox) => (filter.id === undefined || sandbox.id === filter.id) && hasLabels(sandbox.labels, filter.labels))
  }

  async podSandboxStatus(id: string): Promise<SandboxStatus | undefined> {
    await this.#called('podSandboxStatus', id)
    return this.#sandboxes.get(id)?.status
  }

  async createContainer(sandboxId: string, config: ContainerConfig, sandbox: SandboxConfig): Promise<string> {
    await this.#called('createContainer', config.metadata.name)
    const owner = this.#sandboxes.get(sandboxId)
    if (!owner) throw notFound(`failed to find sandbox id "${sandboxId}": not found`)
    if (owner.status.state !== 'ready')
      throw notFound(`failed to get sandbox container task: no running task found: task ${sandboxId} not found: not found`)
    const image = this.#images.find(config.image)
    if (!image) throw notFound(`failed to resolve image "${config.image}": not found`)
    const id = `container${++this.#ids}`
    this.#containers.set(id, {
      config,
      sandbox,
      script: this.#scripts.find(({ match }) => matches(match, config, sandbox))?.script ?? {},
      log: [],
      resources: config.resources,
      timer: undefined,
      waiting: [],
      status: createdStatus(id, this.#clock.now(), { sandboxId, config, sandbox, image }),
    })
    return id
  }

  async startContainer(id: string): Promise<void> {
    await this.#called('startContainer', id)
    const container = this.#containers.get(id)
    if (!container) throw notFound(`an error occurred when try to find container "${id}": not found`)
    if (container.status.state !== 'created')
      throw new RuntimeError('Unknown', `container "${id}" is in CONTAINER_${container.status.state.toUpperCase()} state`)
    const { script, config, sandbox } = container
    const at = this.#clock.now()
    if (script.startError !== undefined) {
      const failed = { reason: 'StartError', message: script.startError, exitCode: 128, startedAt: at, finishedAt: at }
      container.status = { ...container.status, ...failed, state: 'exited' }
      throw new RuntimeError('Unknown', script.startError)
    }
    container.status = { ...container.status, state: 'running', startedAt: at }
    container.log.push(...(script.output ?? []))
    script.onStart?.({ id, config, sandbox })
    this.#emit({ type: 'started', containerId: id, at })
    if (script.runFor !== undefined) {
      container.timer = this.#clock.after(script.runFor, () => this.#end(id, container, script.exitCode ?? 0, script.reason))
    }
  }

  async stopContainer(id: string, graceSeconds: number): Promise<void> {
    await this.#called('stopContainer', id)
    const container = this.#containers.get(id)
    if (container?.status.state !== 'running') return
    const { stopAfter = 0, stopCode = 143 } = container.script
    const grace = Math.max(0, graceSeconds) * 1000
    const obeys = grace > 0 && stopAfter <= grace
    const wait = obeys ? stopAfter : grace
    if (wait === 0) return this.#end(id, container, obeys ? stopCode : 137)
    await new Promise<void>((resolve) => {
      container.waiting.push(resolve)
      this.#clock.after(wait, () => isLive(container) && this.#end(id, container, obeys ? stopCode : 137))
    })
  }

  async removeContainer(id: string): Promise<void> {
    await this.#called('removeContainer', id)
    this.#drop(id)
  }

  async listContainers(filter: { readonly sandboxId?: string; readonly labels?: Labels } = {}): Promise<readonly Container[]> {
    await this.#called('listContainers')
    return [...this.#containers.values()].map(({ status }) => status).filter((container) => inFilter(container, filter))
  }

  async containerStatus(id: string): Promise<ContainerStatus | undefined> {
    await this.#called('containerStatus', id)
    return this.#containers.get(id)?.status
  }

  async updateContainerResources(id: string, resources: LinuxResources): Promise<void> {
    await this.#called('updateContainerResources', id)
    const container = this.#containers.get(id)
    if (!container) throw notFound(`failed to find container: container "${id}" in namespace "k8s.io": not found`)
    container.resources = { ...container.resources, ...resources }
  }

  async reopenContainerLog(id: string): Promise<void> {
    await this.#called('reopenContainerLog', id)
    const state = this.#containers.get(id)?.status.state
    if (state === undefined) throw notFound(`an error occurred when try to find container "${id}": not found`)
    if (state !== 'running') throw new RuntimeError('Unknown', 'container is not running')
  }

  async containerStats(filter: { readonly sandboxId?: string } = {}): Promise<readonly ContainerStats[]> {
    await this.#called('containerStats')
    const at = this.#clock.now()
    return [...this.#containers.values()]
      .map(({ status }) => status)
      .filter((status) => status.state === 'running' && inFilter(status, filter))
      .map(({ id, labels }) => ({
        id,
        labels,
        at,
        cpuUsageNanos: 0,
        memoryWorkingSetBytes: 0,
        memory: {},
        writableLayerBytes: 0,
      }))
  }

  async execSync(id: string, command: readonly string[], timeoutSeconds: number): Promise<ExecResult> {
    await this.#called('execSync', `${id} ${command.join(' ')}`)
    const container = this.#containers.get(id)
    if (!container) throw notFound(`an error occurred when try to find container "${id}": not found`)
    if (container.status.state !== 'running') throw new RuntimeError('Unknown', 'container is in CONTAINER_EXITED state')
    const { config, sandbox } = container
    const answer = Promise.resolve(container.script.exec?.(command, { id, config, sandbox }) ?? {})
    return execResult(await withDeadline(this.#clock, timeoutSeconds, answer))
  }

  async exec(id: string): Promise<string> {
    await this.#called('exec', id)
    return `http://127.0.0.1:0/exec/${++this.#ids}`
  }

  async attach(id: string): Promise<string> {
    await this.#called('attach', id)
    return `http://127.0.0.1:0/attach/${++this.#ids}`
  }

  async portForward(sandboxId: string): Promise<string> {
    await this.#called('portForward', sandboxId)
    return `http://127.0.0.1:0/portforward/${++this.#ids}`
  }

  async pullImage(image: string, _options: { readonly auth?: RegistryAuth } = {}): Promise<string> {
    await this.#called('pullImage', image)
    const known = this.#images.find(image)
    if (known) return known.id
    if (!this.#pullable(image)) {
      const text = `failed to pull and unpack image "${image}": failed to resolve reference "${image}": ${image}: not found`
      throw notFound(text)
    }
    return this.#images.add(image).id
  }

  async imageStatus(image: string): Promise<Image | undefined> {
    await this.#called('imageStatus', image)
    return this.#images.find(image)
  }

  async listImages(): Promise<readonly Image[]> {
    await this.#called('listImages')
    return this.#images.list()
  }

  async removeImage(image: string): Promise<void> {
    await this.#called('removeImage', image)
    this.#images.remove(image)
  }

  async imageMounts(image: string, key: string): Promise<readonly ImageMount[]> {
    await this.#called('imageMounts', `${image} ${key}`)
    return []
  }

  async releaseImage(key: string): Promise<void> {
    await this.#called('releaseImage', key)
  }

  async imageFsInfo(): Promise<{ usedBytes: number; mountpoint: string }> {
    await this.#called('imageFsInfo')
    return { usedBytes: this.#images.usedBytes(), mountpoint: '/' }
  }

  events(signal: AbortSignal): AsyncIterable<RuntimeEvent> {
    const queue = new EventQueue<RuntimeEvent>(signal)
    this.#subscribers.add(queue)
    signal.addEventListener('abort', () => this.#subscribers.delete(queue), { once: true })
    return queue
  }

  async close(): Promise<void> {
    for (const queue of this.#subscribers) queue.close()
    this.#subscribers.clear()
  }

  async #called(call: Call, argument = ''): Promise<void> {
    this.calls.push(argument ? `${call} ${argument}` : call)
    if (this.calls.length > 10_000) this.calls.splice(0, 5000)
    await this.#faults.pass(call, argument)
  }

  #emit(event: RuntimeEvent): void {
    for (const queue of this.#subscribers) queue.push(event)
  }

  #end(id: string, container: MemoryContainer, exitCode: number, reason?: string): void {
    container.timer?.cancel()
    const at = this.#clock.now()
    const why = reason ?? (exitCode === 0 ? 'Completed' : 'Error')
    container.status = { ...container.status, state: 'exited', finishedAt: at, exitCode, reason: why }
    this.#emit({ type: 'stopped', containerId: id, at })
    for (const resolve of container.waiting.splice(0)) resolve()
  }

  #drop(id: string): void {
    const container = this.#containers.get(id)
    if (!container) return
    if (container.status.state === 'running') this.#end(id, container, 137)
    this.#containers.delete(id)
    this.#emit({ type: 'deleted', containerId: id, at: this.#clock.now() })
  }

  #inSandbox(sandboxId: string): [string, MemoryContainer][] {
    return [...this.#containers].filter(([, { status }]) => status.sandboxId === sandboxId)
  }
}
