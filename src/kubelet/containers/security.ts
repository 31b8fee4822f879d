/** Pod and container security contexts merged into what the runtime is told (upstream: `pkg/securitycontext`, `security_context.go`). */
import type { Pod } from '#api/core/v1/pod.ts'
import type { SeccompProfile, SecurityContext } from '#api/core/v1/security-context.ts'
import type { ContainerSecurity, IdRange, Namespaces, SandboxSecurity, SecurityProfile } from '../cri/runtime.ts'
import { type Container, containersOf, podText } from './pod-names.ts'

/** Whom the image runs as where the pod does not say. */
export interface ImageUser {
  readonly uid?: number | undefined
  readonly username?: string | undefined
}

const maskedPaths = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
]
const readonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger']

/** The container's own context over what it shares with the pod's. */
export function effectiveContext(pod: Pod, container: Container): SecurityContext {
  const { runAsUser, runAsGroup, runAsNonRoot, seLinuxOptions, seccompProfile, appArmorProfile } = pod.spec.securityContext ?? {}
  const shared = { runAsUser, runAsGroup, runAsNonRoot, seLinuxOptions, seccompProfile, appArmorProfile }
  const own = Object.entries(container.securityContext ?? {}).filter(([, value]) => value !== undefined)
  return { ...shared, ...Object.fromEntries(own) }
}

export function containerSecurity(
  pod: Pod,
  container: Container,
  options: { image: ImageUser; seccompRoot: string; targetId?: string | undefined; users?: IdRange | undefined },
): ContainerSecurity {
  const context = effectiveContext(pod, container)
  const { image } = options
  const unmasked = context.procMount === 'Unmasked'
  const runAsUser = context.runAsUser ?? (image.username ? undefined : image.uid)
  return {
    privileged: context.privileged ?? false,
    readonlyRootfs: context.readOnlyRootFilesystem ?? false,
    noNewPrivs: context.allowPrivilegeEscalation === false,
    ...(runAsUser !== undefined && { runAsUser }),
    ...(context.runAsUser === undefined && image.username && { runAsUsername: image.username }),
    ...(context.runAsGroup !== undefined && { runAsGroup: context.runAsGroup }),
    ...groupsOf(pod),
    addCapabilities: context.capabilities?.add ?? [],
    dropCapabilities: context.capabilities?.drop ?? [],
    maskedPaths: unmasked ? [] : maskedPaths,
    readonlyPaths: unmasked ? [] : readonlyPaths,
    seccomp: seccompOf(context.seccompProfile, options.seccompRoot),
    namespaces: { ...namespacesOf(pod, options.users), ...(options.targetId && { targetId: options.targetId }) },
  }
}

/** Refuses, with upstream's texts, a container that must not run as root but would. */
export function verifyNonRoot(pod: Pod, container: Container, { uid, username }: ImageUser): string | undefined {
  const context = effectiveContext(pod, container)
  if (!context.runAsNonRoot) return undefined
  const where = `(pod: "${podText(pod)}", container: ${container.name})`
  if (context.runAsUser !== undefined) {
    return context.runAsUser === 0 ? `container's runAsUser breaks non-root policy ${where}` : undefined
  }
  if (username) {
    return `container has runAsNonRoot and image has non-numeric user (${username}), cannot verify user is non-root ${where}`
  }
  return uid === undefined || uid === 0 ? `container has runAsNonRoot and image will run as root ${where}` : undefined
}

export function sandboxSecurity(pod: Pod): SandboxSecurity {
  const context = pod.spec.securityContext
  return {
    privileged: [...containersOf(pod)].some(({ container }) => container.securityContext?.privileged === true),
    readonlyRootfs: false,
    ...(context?.runAsUser !== undefined && { runAsUser: context.runAsUser }),
    ...(context?.runAsGroup !== undefined && { runAsGroup: context.runAsGroup }),
    ...groupsOf(pod),
    seccomp: { type: 'RuntimeDefault' },
  }
}

export function namespacesOf(pod: Pod, users?: IdRange): Namespaces {
  const { hostNetwork, hostPID, hostIPC, shareProcessNamespace } = pod.spec
  return {
    ...(users && { users }),
    network: hostNetwork ? 'node' : 'pod',
    ipc: hostIPC ? 'node' : 'pod',
    pid: hostPID ? 'node' : shareProcessNamespace ? 'pod' : 'container',
  }
}

function groupsOf(pod: Pod): Pick<SandboxSecurity, 'supplementalGroups' | 'strictGroups'> {
  const { fsGroup, supplementalGroups = [], supplementalGroupsPolicy } = pod.spec.securityContext ?? {}
  return {
    supplementalGroups: fsGroup === undefined ? [...supplementalGroups] : [fsGroup, ...supplementalGroups],
    ...(supplementalGroupsPolicy === 'Strict' && { strictGroups: true }),
  }
}

/** Without a profile: unconfined, as the agent runs with `seccompDefault: false`. */
function seccompOf(profile: SeccompProfile | undefined, root: string): SecurityProfile {
  if (profile?.type !== 'Localhost') return { type: profile?.type ?? 'Unconfined' }
  return { type: 'Localhost', localhostRef: `${root}/${profile.localhostProfile ?? ''}` }
}
