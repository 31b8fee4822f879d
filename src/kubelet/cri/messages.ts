/** Our words for sandboxes, containers and images, to CRI's messages and back. Pure. */
import type {
  Container,
  ContainerConfig,
  ContainerStats,
  ContainerStatus,
  IdRange,
  Image,
  Labels,
  LinuxResources,
  MemoryDetails,
  NamespaceMode,
  RuntimeHandler,
  Sandbox,
  SandboxConfig,
  SandboxStatus,
  SecurityProfile,
} from './runtime.ts'

type Message = Record<string, any>

export function toSandboxConfig(config: SandboxConfig): Message {
  const { security, namespaces } = config
  return {
    metadata: config.metadata,
    hostname: config.hostname,
    log_directory: config.logDirectory,
    ...(config.dns && { dns_config: config.dns }),
    port_mappings: config.portMappings.map((port) => ({
      protocol: port.protocol,
      container_port: port.containerPort,
      host_port: port.hostPort,
      host_ip: port.hostIp,
    })),
    labels: config.labels,
    annotations: config.annotations,
    linux: {
      cgroup_parent: config.cgroupParent,
      sysctls: config.sysctls,
      security_context: {
        namespace_options: toNamespaces(namespaces),
        ...int64('run_as_user', security.runAsUser),
        ...int64('run_as_group', security.runAsGroup),
        readonly_rootfs: security.readonlyRootfs,
        supplemental_groups: security.supplementalGroups,
        supplemental_groups_policy: security.strictGroups ? 'Strict' : 'Merge',
        privileged: security.privileged,
        ...toSeccomp(security.seccomp),
      },
    },
  }
}

export function toContainerConfig(config: ContainerConfig): Message {
  return {
    metadata: config.metadata,
    image: { image: config.image, user_specified_image: config.userSpecifiedImage },
    command: config.command,
    args: config.args,
    working_dir: config.workingDir,
    envs: config.envs,
    mounts: config.mounts.map((mount) => ({
      container_path: mount.containerPath,
      host_path: mount.hostPath,
      readonly: mount.readonly,
      recursive_read_only: mount.recursiveReadOnly ?? false,
      propagation: propagations[mount.propagation],
      ...(config.security.namespaces.users && {
        uidMappings: toMappings(config.security.namespaces.users),
        gidMappings: toMappings(config.security.namespaces.users),
      }),
    })),
    devices: config.devices.map(({ containerPath, hostPath, permissions }) => ({
      container_path: containerPath,
      host_path: hostPath,
      permissions,
    })),
    CDI_devices: (config.cdiDevices ?? []).map((name) => ({ name })),
    labels: config.labels,
    annotations: config.annotations,
    log_path: config.logPath,
    stdin: config.stdin,
    stdin_once: config.stdinOnce,
    tty: config.tty,
    linux: { resources: toResources(config.resources), security_context: toContainerSecurity(config.security) },
  }
}

function toContainerSecurity(security: ContainerConfig['security']): Message {
  return {
    capabilities: { add_capabilities: security.addCapabilities, drop_capabilities: security.dropCapabilities },
    privileged: security.privileged,
    namespace_options: toNamespaces(security.namespaces),
    ...int64('run_as_user', security.runAsUser),
    ...int64('run_as_group', security.runAsGroup),
    ...(security.runAsUsername !== undefined && { run_as_username: security.runAsUsername }),
    readonly_rootfs: security.readonlyRootfs,
    supplemental_groups: security.supplementalGroups,
    supplemental_groups_policy: security.strictGroups ? 'Strict' : 'Merge',
    no_new_privs: security.noNewPrivs,
    masked_paths: security.maskedPaths,
    readonly_paths: security.readonlyPaths,
    ...toSeccomp(security.seccomp),
  }
}

export function toResources(resources: LinuxResources): Message {
  return {
    cpu_period: resources.cpuPeriod ?? 0,
    cpu_quota: resources.cpuQuota ?? 0,
    cpu_shares: resources.cpuShares ?? 0,
    memory_limit_in_bytes: resources.memoryLimitBytes ?? 0,
    memory_swap_limit_in_bytes: resources.memorySwapLimitBytes ?? 0,
    oom_score_adj: resources.oomScoreAdj ?? 0,
    cpuset_cpus: resources.cpusetCpus ?? '',
    hugepage_limits: (resources.hugepageLimits ?? []).map(({ pageSize, limit }) => ({ page_size: pageSize, limit })),
    unified: resources.unified ?? {},
  }
}

const propagations = {
  private: 'PROPAGATION_PRIVATE',
  hostToContainer: 'PROPAGATION_HOST_TO_CONTAINER',
  bidirectional: 'PROPAGATION_BIDIRECTIONAL',
} as const

const modes: Record<NamespaceMode, string> = { pod: 'POD', container: 'CONTAINER', node: 'NODE' }

/** A container that joins another's process namespace (`targetId`) has mode TARGET. */
function toNamespaces(namespaces: ContainerConfig['security']['namespaces']): Message {
  const { network, pid, ipc, targetId, users } = namespaces
  const own = users && { mode: 'POD', uids: toMappings(users), gids: toMappings(users) }
  return {
    ...(own && { userns_options: own }),
    network: modes[network],
    pid: targetId ? 'TARGET' : modes[pid],
    ipc: modes[ipc],
    target_id: targetId ?? '',
  }
}

function toSeccomp(profile: SecurityProfile | undefined): Message {
  return profile ? { seccomp: { profile_type: profile.type, localhost_ref: profile.localhostRef ?? '' } } : {}
}

function int64(name: string, value: number | undefined): Message {
  return value === undefined ? {} : { [name]: { value } }
}

export function fromSandbox(message: Message): Sandbox {
  return {
    id: message.id,
    metadata: message.metadata,
    state: message.state === 'SANDBOX_READY' ? 'ready' : 'notReady',
    createdAt: milliseconds(message.created_at),
    labels: message.labels as Labels,
    annotations: message.annotations as Labels,
  }
}

export function fromSandboxStatus(message: Message): SandboxStatus {
  const { ip = '', additional_ips = [] } = message.network ?? {}
  const others = additional_ips.map((other: Message) => other.ip)
  return {
    ...fromSandbox(message),
    ips: [ip, ...others].filter((address) => address !== ''),
    hostNetwork: message.linux?.namespaces?.options?.network === 'NODE',
  }
}

const states: Record<string, Container['state']> = {
  CONTAINER_CREATED: 'created',
  CONTAINER_RUNNING: 'running',
  CONTAINER_EXITED: 'exited',
}

export function fromContainer(message: Message): Container {
  return {
    id: message.id,
    sandboxId: message.pod_sandbox_id ?? '',
    metadata: message.metadata,
    image: message.image?.image ?? '',
    imageRef: message.image_ref,
    state: states[message.state] ?? 'unknown',
    createdAt: milliseconds(message.created_at),
    labels: message.labels as Labels,
    annotations: message.annotations as Labels,
  }
}

/** CRI's status does not name the sandbox: the caller knows it from the list. */
export function fromContainerStatus(message: Message, sandboxId: string): ContainerStatus {
  const user = message.user?.linux
  return {
    ...fromContainer(message),
    sandboxId,
    startedAt: milliseconds(message.started_at),
    finishedAt: milliseconds(message.finished_at),
    exitCode: message.exit_code,
    reason: message.reason,
    message: message.message,
    logPath: message.log_path,
    ...(user && {
      user: { uid: Number(user.uid), gid: Number(user.gid), supplementalGroups: user.supplemental_groups.map(Number) },
    }),
  }
}

export function fromImage(message: Message): Image {
  return {
    id: message.id,
    repoTags: message.repo_tags,
    repoDigests: message.repo_digests,
    size: Number(message.size),
    ...(message.uid && { uid: Number(message.uid.value) }),
    ...(message.username && { username: message.username as string }),
    pinned: message.pinned,
  }
}

function toMappings({ hostId, length }: IdRange): Message[] {
  return [{ host_id: hostId, container_id: 0, length }]
}

export function fromHandler({ name, features }: Message): RuntimeHandler {
  const { user_namespaces = false, recursive_read_only_mounts = false } = features ?? {}
  return { name, hasUserNamespaces: user_namespaces, hasRecursiveReadOnly: recursive_read_only_mounts }
}

export function fromStats(message: Message): ContainerStats {
  const { attributes, cpu, memory, writable_layer: layer } = message
  return {
    id: attributes.id,
    labels: attributes.labels,
    at: milliseconds(cpu?.timestamp ?? memory?.timestamp ?? '0'),
    cpuUsageNanos: Number(cpu?.usage_core_nano_seconds?.value ?? 0),
    memoryWorkingSetBytes: Number(memory?.working_set_bytes?.value ?? 0),
    memory: fromMemory(memory ?? {}),
    writableLayerBytes: Number(layer?.used_bytes?.value ?? 0),
  }
}

function fromMemory(memory: Message): MemoryDetails {
  const number = (field: string) => (memory[field] ? Number(memory[field].value) : undefined)
  return {
    availableBytes: number('available_bytes'),
    usageBytes: number('usage_bytes'),
    rssBytes: number('rss_bytes'),
    pageFaults: number('page_faults'),
    majorPageFaults: number('major_page_faults'),
  }
}

/** Nanoseconds as text, beyond 2^53; a time that never was is 0 or negative (Go's zero time). */
export function milliseconds(nanoseconds: string): number {
  return Math.max(0, Number(BigInt(nanoseconds) / 1_000_000n))
}
