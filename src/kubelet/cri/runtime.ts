/**
 * What the node agent needs of a container runtime: CRI v1 in our own spelling, so that the agent's decisions can be tested
 * against a runtime of memory and run against containerd. Source: `runtime.v1` of kubernetes/cri-api.
 *
 * Guarantees expected of an implementation
 * - `stopContainer` and `stopPodSandbox` are idempotent; an unknown id is no error. `removeX` likewise.
 * - `events` delivers at least a hint for every container start and exit; after a gap (reconnection) it delivers
 *   `{ type: 'resync' }`, and the agent lists again. Times are nanoseconds since the epoch as in CRI, here milliseconds.
 */

export interface Runtime {
  version(): Promise<{ readonly name: string; readonly version: string }>
  /** Conditions RuntimeReady and NetworkReady. */
  status(): Promise<RuntimeStatus>

  runPodSandbox(config: SandboxConfig): Promise<string>
  stopPodSandbox(id: string): Promise<void>
  removePodSandbox(id: string): Promise<void>
  listPodSandboxes(filter?: { readonly id?: string; readonly labels?: Labels }): Promise<readonly Sandbox[]>
  podSandboxStatus(id: string): Promise<SandboxStatus | undefined>

  createContainer(sandboxId: string, config: ContainerConfig, sandbox: SandboxConfig): Promise<string>
  startContainer(id: string): Promise<void>
  /** Asks the main process to end and kills it after `graceSeconds`. */
  stopContainer(id: string, graceSeconds: number): Promise<void>
  removeContainer(id: string): Promise<void>
  listContainers(filter?: { readonly sandboxId?: string; readonly labels?: Labels }): Promise<readonly Container[]>
  containerStatus(id: string): Promise<ContainerStatus | undefined>
  updateContainerResources(id: string, resources: LinuxResources): Promise<void>
  /** Tells the runtime to open the container's log file anew, after a rotation. */
  reopenContainerLog(id: string): Promise<void>
  containerStats(filter?: { readonly sandboxId?: string }): Promise<readonly ContainerStats[]>

  execSync(id: string, command: readonly string[], timeoutSeconds: number): Promise<ExecResult>
  /** URLs on the runtime's streaming server; each works once. */
  exec(id: string, options: StreamOptions & { readonly command: readonly string[] }): Promise<string>
  attach(id: string, options: StreamOptions): Promise<string>
  portForward(sandboxId: string, ports: readonly number[]): Promise<string>

  pullImage(image: string, options: { readonly auth?: RegistryAuth; readonly sandbox?: SandboxConfig }): Promise<string>
  imageStatus(image: string): Promise<Image | undefined>
  listImages(): Promise<readonly Image[]>
  removeImage(image: string): Promise<void>
  /** How to mount an image's files. They are kept under `key` until `releaseImage`, also when the image is removed. */
  imageMounts(image: string, key: string): Promise<readonly ImageMount[]>
  releaseImage(key: string): Promise<void>
  imageFsInfo(): Promise<{ readonly usedBytes: number; readonly mountpoint: string }>

  /** Ends with the signal. */
  events(signal: AbortSignal): AsyncIterable<RuntimeEvent>
  close(): Promise<void>
}

export type Labels = Readonly<Record<string, string>>

export interface RuntimeCondition {
  readonly type: 'RuntimeReady' | 'NetworkReady' | (string & {})
  readonly status: boolean
  readonly reason: string
  readonly message: string
}

export type RuntimeEvent =
  | { readonly type: 'started' | 'stopped' | 'deleted'; readonly containerId: string; readonly at: number }
  | { readonly type: 'resync' }

/** Labels under which the agent finds its sandboxes and containers again after a restart (upstream's names). */
export const labels = {
  podName: 'io.kubernetes.pod.name',
  podNamespace: 'io.kubernetes.pod.namespace',
  podUid: 'io.kubernetes.pod.uid',
  containerName: 'io.kubernetes.container.name',
} as const

export interface SandboxConfig {
  readonly metadata: { readonly name: string; readonly uid: string; readonly namespace: string; readonly attempt: number }
  /** Must be empty with the host's network. */
  readonly hostname: string
  readonly logDirectory: string
  readonly dns?: {
    readonly servers: readonly string[]
    readonly searches: readonly string[]
    readonly options: readonly string[]
  }
  readonly portMappings: readonly PortMapping[]
  readonly labels: Labels
  readonly annotations: Labels
  readonly cgroupParent: string
  readonly sysctls: Labels
  readonly namespaces: Namespaces
  readonly security: SandboxSecurity
  readonly runtimeHandler?: string
}

export interface Namespaces {
  readonly network: NamespaceMode
  readonly pid: NamespaceMode
  readonly ipc: NamespaceMode
  /** Users and groups of the node that the pod's are, from 0 on; absent: the same. */
  readonly users?: IdRange
}

export interface IdRange {
  readonly hostId: number
  readonly length: number
}

export type NamespaceMode = 'pod' | 'container' | 'node'

export interface SandboxSecurity {
  readonly privileged: boolean
  readonly readonlyRootfs: boolean
  readonly runAsUser?: number
  readonly runAsGroup?: number
  readonly supplementalGroups: readonly number[]
  /** Without the groups that the image knows of its user. */
  readonly strictGroups?: boolean
  readonly seccomp?: SecurityProfile
}

export interface SecurityProfile {
  readonly type: 'RuntimeDefault' | 'Unconfined' | 'Localhost'
  readonly localhostRef?: string
}

export interface PortMapping {
  readonly protocol: 'TCP' | 'UDP' | 'SCTP'
  readonly containerPort: number
  readonly hostPort: number
  readonly hostIp: string
}

export interface Sandbox {
  readonly id: string
  readonly metadata: SandboxConfig['metadata']
  readonly state: 'ready' | 'notReady'
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  readonly labels: Labels
  readonly annotations: Labels
}

export interface SandboxStatus extends Sandbox {
  /** Empty with the host's network. The first is the primary one. */
  readonly ips: readonly string[]
  readonly hostNetwork: boolean
}

export interface ContainerConfig {
  readonly metadata: { readonly name: string; readonly attempt: number }
  /** As pulled: `imageStatus().id`. */
  readonly image: string
  /** What the pod's author wrote. */
  readonly userSpecifiedImage: string
  readonly command: readonly string[]
  readonly args: readonly string[]
  readonly workingDir: string
  readonly envs: readonly { readonly key: string; readonly value: string }[]
  readonly mounts: readonly Mount[]
  readonly devices: readonly { readonly containerPath: string; readonly hostPath: string; readonly permissions: string }[]
  /** Devices that the runtime knows by name: `vendor.com/class=device`. */
  readonly cdiDevices?: readonly string[] | undefined
  readonly labels: Labels
  readonly annotations: Labels
  /** Relative to the sandbox's `logDirectory`. */
  readonly logPath: string
  readonly stdin: boolean
  readonly stdinOnce: boolean
  readonly tty: boolean
  readonly resources: LinuxResources
  readonly security: ContainerSecurity
}

export interface Mount {
  readonly containerPath: string
  readonly hostPath: string
  readonly readonly: boolean
  readonly recursiveReadOnly?: boolean
  readonly propagation: 'private' | 'hostToContainer' | 'bidirectional'
}

export interface LinuxResources {
  readonly cpuPeriod?: number
  readonly cpuQuota?: number
  readonly cpuShares?: number
  readonly memoryLimitBytes?: number
  readonly memorySwapLimitBytes?: number
  readonly oomScoreAdj?: number
  readonly cpusetCpus?: string
  readonly hugepageLimits?: readonly { readonly pageSize: string; readonly limit: number }[]
  /** cgroup v2 keys, such as `memory.oom.group`. */
  readonly unified?: Labels
}

export interface ContainerSecurity {
  readonly privileged: boolean
  readonly readonlyRootfs: boolean
  readonly noNewPrivs: boolean
  readonly runAsUser?: number
  readonly runAsUsername?: string
  readonly runAsGroup?: number
  readonly supplementalGroups: readonly number[]
  /** Without the groups that the image knows of its user. */
  readonly strictGroups?: boolean
  readonly addCapabilities: readonly string[]
  readonly dropCapabilities: readonly string[]
  readonly maskedPaths: readonly string[]
  readonly readonlyPaths: readonly string[]
  readonly seccomp?: SecurityProfile
  readonly namespaces: SandboxConfig['namespaces'] & { readonly targetId?: string }
}

export interface Container {
  readonly id: string
  readonly sandboxId: string
  readonly metadata: ContainerConfig['metadata']
  readonly image: string
  readonly imageRef: string
  readonly state: 'created' | 'running' | 'exited' | 'unknown'
  readonly createdAt: number
  readonly labels: Labels
  readonly annotations: Labels
}

export interface ContainerStatus extends Container {
  /** 0 until it happened. Milliseconds since the epoch. */
  readonly startedAt: number
  readonly finishedAt: number
  readonly exitCode: number
  /** `Completed`, `Error`, `OOMKilled`, ... */
  readonly reason: string
  readonly message: string
  readonly logPath: string
  readonly user?: { readonly uid: number; readonly gid: number; readonly supplementalGroups: readonly number[] }
}

export interface ContainerStats {
  readonly id: string
  readonly labels: Labels
  readonly at: number
  readonly cpuUsageNanos: number
  readonly memoryWorkingSetBytes: number
  /** As far as the runtime tells them. */
  readonly memory: MemoryDetails
  readonly writableLayerBytes: number
}

export interface MemoryDetails {
  readonly availableBytes?: number | undefined
  readonly usageBytes?: number | undefined
  readonly rssBytes?: number | undefined
  readonly pageFaults?: number | undefined
  readonly majorPageFaults?: number | undefined
}

export interface ExecResult {
  readonly stdout: Uint8Array
  readonly stderr: Uint8Array
  readonly exitCode: number
}

export interface StreamOptions {
  readonly stdin: boolean
  readonly stdout: boolean
  readonly stderr: boolean
  readonly tty: boolean
}

export interface RegistryAuth {
  readonly username?: string
  readonly password?: string
  readonly auth?: string
  readonly serverAddress?: string
  readonly identityToken?: string
  readonly registryToken?: string
}

/** As for mount(8); `bind` is no file system but a kind of mount. */
export interface ImageMount {
  readonly type: string
  readonly source: string
  readonly options: readonly string[]
}

export interface RuntimeStatus {
  readonly conditions: readonly RuntimeCondition[]
  /** Whether containers can be had with the pod's groups alone (KEP-3619). */
  readonly hasStrictGroups: boolean
  /** By name, '' for the default; none where the runtime does not tell. */
  readonly handlers: readonly RuntimeHandler[]
}

export interface RuntimeHandler {
  readonly name: string
  readonly hasUserNamespaces: boolean
  readonly hasRecursiveReadOnly: boolean
}

export interface Image {
  /** The configuration's digest, `sha256:...`. */
  readonly id: string
  readonly repoTags: readonly string[]
  readonly repoDigests: readonly string[]
  readonly size: number
  readonly uid?: number
  readonly username?: string
  readonly pinned: boolean
}

export type RuntimeErrorCode = 'NotFound' | 'Unavailable' | 'DeadlineExceeded' | 'Unknown'

/** `message` is the runtime's own text, which ends up in events and statuses. */
export class RuntimeError extends Error {
  readonly code: RuntimeErrorCode
  /** The gRPC status as Go names it: `Unknown`, `NotFound`, `InvalidArgument`, ... */
  readonly status: string

  constructor(code: RuntimeErrorCode, message: string, options: ErrorOptions & { readonly status?: string } = {}) {
    super(message, options)
    this.name = 'RuntimeError'
    this.code = code
    this.status = options.status ?? code
  }

  /** As Go prints the error: `rpc error: code = NotFound desc = ...`. */
  get rpcText(): string {
    return `rpc error: code = ${this.status} desc = ${this.message}`
  }
}
