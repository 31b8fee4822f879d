/** The baseline: what keeps a pod from known ways to more rights (upstream `pod-security-admission/policy/check_*.go`). */
import type { SELinuxOptions } from '#api/core/v1/security-context.ts'
import {
  allContainers,
  type Check,
  containersWhere,
  type Finding,
  hasOwnUsers,
  named,
  type PodSpec,
  plural,
  quoted,
  setters,
  sortedSet,
} from './check.ts'

export const baselineChecks: readonly Check[] = [
  { id: 'appArmorProfile', since: [[0, appArmorProfile]] },
  { id: 'capabilities_baseline', since: [[0, capabilities]] },
  { id: 'hostNamespaces', since: [[0, hostNamespaces]] },
  { id: 'hostPathVolumes', since: [[0, hostPathVolumes]] },
  { id: 'hostPorts', since: [[0, hostPorts]] },
  { id: 'hostProbesAndHostLifecycle', since: [[34, hostsOfHandlers]] },
  { id: 'privileged', since: [[0, privileged]] },
  {
    id: 'procMount',
    since: [
      [0, procMount],
      [35, (spec) => (hasOwnUsers(spec) ? undefined : procMount(spec))],
    ],
  },
  {
    id: 'seLinuxOptions',
    since: [
      [0, (spec) => seLinuxOptions(spec, seLinuxTypes)],
      [31, (spec) => seLinuxOptions(spec, [...seLinuxTypes, 'container_engine_t'])],
    ],
  },
  {
    id: 'seccompProfile_baseline',
    since: [
      [0, seccompAnnotations],
      [19, seccompProfile],
    ],
  },
  { id: 'sysctls', since: sysctlChecks() },
  { id: 'windowsHostProcess', since: [[0, hostProcess]] },
]

type Annotations = Readonly<Record<string, string>>

const appArmorPrefix = 'container.apparmor.security.beta.kubernetes.io/'

function appArmorProfile(spec: PodSpec, annotations: Annotations): Finding | undefined {
  const isWrong = (type: string | undefined) => type !== undefined && type !== 'RuntimeDefault' && type !== 'Localhost'
  const typeOf = (context: { appArmorProfile?: { type: string } | undefined } | undefined) => context?.appArmorProfile?.type
  const ofPod = typeOf(spec.securityContext)
  const containers = allContainers(spec).filter(({ securityContext }) => isWrong(typeOf(securityContext)))
  const types = [...(isWrong(ofPod) ? [ofPod] : []), ...containers.map(({ securityContext }) => typeOf(securityContext))]
  const wrong = Object.entries(annotations)
    .filter(([key, value]) => key.startsWith(appArmorPrefix) && !isAppArmorAnnotation(value))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .sort()
  const who = setters(
    isWrong(ofPod),
    containers.map(({ name }) => name),
  )
  const values = [...sortedSet(types as string[]), ...wrong]
  if (values.length === 0) return undefined
  const all = [who, wrong.length > 0 ? plural('annotation', wrong.length) : ''].filter(Boolean).join(' and ')
  return {
    reason: plural('forbidden AppArmor profile', values.length),
    detail: `${all} must not set AppArmor profile type to ${quoted(values)}`,
  }
}

function isAppArmorAnnotation(value: string): boolean {
  return value === '' || value === 'runtime/default' || value.startsWith('localhost/')
}

const usualCapabilities: ReadonlySet<string> = new Set([
  ...['AUDIT_WRITE', 'CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'MKNOD', 'NET_BIND_SERVICE'],
  ...['SETFCAP', 'SETGID', 'SETPCAP', 'SETUID', 'SYS_CHROOT'],
])

function capabilities(spec: PodSpec): Finding | undefined {
  const unusual = (container: ReturnType<typeof allContainers>[number]) =>
    (container.securityContext?.capabilities?.add ?? []).filter((name) => !usualCapabilities.has(name))
  const bad = containersWhere(spec, (container) => unusual(container).length > 0)
  if (bad.length === 0) return undefined
  const names = sortedSet(allContainers(spec).flatMap(unusual))
  return {
    reason: 'non-default capabilities',
    detail: `${named('container', bad)} must not include ${quoted(names)} in securityContext.capabilities.add`,
  }
}

function hostNamespaces({ hostNetwork, hostPID, hostIPC }: PodSpec): Finding | undefined {
  const found = [hostNetwork && 'hostNetwork=true', hostPID && 'hostPID=true', hostIPC && 'hostIPC=true'].filter(Boolean)
  return found.length === 0 ? undefined : { reason: 'host namespaces', detail: found.join(', ') }
}

function hostPathVolumes({ volumes = [] }: PodSpec): Finding | undefined {
  const found = volumes.filter(({ hostPath }) => hostPath).map(({ name }) => name)
  return found.length === 0 ? undefined : { reason: 'hostPath volumes', detail: named('volume', found) }
}

function hostPorts(spec: PodSpec): Finding | undefined {
  const portsOf = ({ ports = [] }: ReturnType<typeof allContainers>[number]) =>
    ports.flatMap(({ hostPort }) => (hostPort ? [String(hostPort)] : []))
  const bad = containersWhere(spec, (container) => portsOf(container).length > 0)
  if (bad.length === 0) return undefined
  const ports = sortedSet(allContainers(spec).flatMap(portsOf))
  const verb = bad.length === 1 ? 'uses' : 'use'
  return {
    reason: 'hostPort',
    detail: `${named('container', bad)} ${verb} ${plural('hostPort', ports.length)} ${ports.join(', ')}`,
  }
}

/** Probes and hooks that the node would send elsewhere than to the pod (KEP-4940). */
function hostsOfHandlers(spec: PodSpec): Finding | undefined {
  const hostsOf = (container: ReturnType<typeof allContainers>[number]) => {
    const { livenessProbe, readinessProbe, startupProbe, lifecycle } = container
    return [livenessProbe, readinessProbe, startupProbe, lifecycle?.postStart, lifecycle?.preStop].flatMap((handler) =>
      [handler?.httpGet?.host, handler?.tcpSocket?.host].filter((host): host is string => Boolean(host)),
    )
  }
  const bad = sortedSet(containersWhere(spec, (container) => hostsOf(container).length > 0))
  if (bad.length === 0) return undefined
  const hosts = sortedSet(allContainers(spec).flatMap(hostsOf))
  const verb = bad.length === 1 ? 'uses' : 'use'
  return {
    reason: 'probe or lifecycle host',
    detail: `${named('container', bad)} ${verb} ${named('probe or lifecycle host', hosts)}`,
  }
}

function privileged(spec: PodSpec): Finding | undefined {
  const bad = containersWhere(spec, ({ securityContext }) => securityContext?.privileged === true)
  if (bad.length === 0) return undefined
  return { reason: 'privileged', detail: `${named('container', bad)} must not set securityContext.privileged=true` }
}

export function procMount(spec: PodSpec): Finding | undefined {
  const bad = allContainers(spec).filter(({ securityContext }) => (securityContext?.procMount ?? 'Default') !== 'Default')
  if (bad.length === 0) return undefined
  const types = sortedSet(bad.map(({ securityContext }) => String(securityContext?.procMount)))
  const who = bad.map(({ name }) => name)
  return { reason: 'procMount', detail: `${named('container', who)} must not set securityContext.procMount to ${quoted(types)}` }
}

const seLinuxTypes = ['', 'container_t', 'container_init_t', 'container_kvm_t']

function seLinuxOptions(spec: PodSpec, allowed: readonly string[]): Finding | undefined {
  const wrong = (options: SELinuxOptions | undefined) =>
    options !== undefined && (!allowed.includes(options.type ?? '') || Boolean(options.user) || Boolean(options.role))
  const ofPod = spec.securityContext?.seLinuxOptions
  const bad = allContainers(spec).filter(({ securityContext }) => wrong(securityContext?.seLinuxOptions))
  if (!wrong(ofPod) && bad.length === 0) return undefined
  const options = [...(wrong(ofPod) ? [ofPod] : []), ...bad.map(({ securityContext }) => securityContext?.seLinuxOptions)]
  const types = sortedSet(options.map((one) => one?.type ?? '').filter((type) => !allowed.includes(type)))
  const data = [
    ...(types.length > 0 ? [named('type', types)] : []),
    ...(options.some((one) => one?.user) ? ['user may not be set'] : []),
    ...(options.some((one) => one?.role) ? ['role may not be set'] : []),
  ]
  const who = setters(
    wrong(ofPod),
    bad.map(({ name }) => name),
  )
  return { reason: 'seLinuxOptions', detail: `${who} set forbidden securityContext.seLinuxOptions: ${data.join('; ')}` }
}

const seccompPod = 'seccomp.security.alpha.kubernetes.io/pod'
const seccompContainer = 'container.seccomp.security.alpha.kubernetes.io/'

function seccompAnnotations(spec: PodSpec, annotations: Annotations): Finding | undefined {
  const isFine = (value: string) => value === 'runtime/default' || value === 'docker/default' || value.startsWith('localhost/')
  const keys = [seccompPod, ...allContainers(spec).map(({ name }) => seccompContainer + name)]
  const wrong = sortedSet(
    keys.flatMap((key) => {
      const value = annotations[key]
      return value === undefined || isFine(value) ? [] : [`${key}=${JSON.stringify(value)}`]
    }),
  )
  if (wrong.length === 0) return undefined
  return { reason: 'seccompProfile', detail: `forbidden ${plural('annotation', wrong.length)} ${wrong.join(', ')}` }
}

export function isSeccompType(type: string): boolean {
  return type === 'Localhost' || type === 'RuntimeDefault'
}

export function seccompProfile(spec: PodSpec): Finding | undefined {
  const wrong = (type: string | undefined) => type !== undefined && !isSeccompType(type)
  const ofPod = spec.securityContext?.seccompProfile?.type
  const bad = allContainers(spec).filter(({ securityContext }) => wrong(securityContext?.seccompProfile?.type))
  if (!wrong(ofPod) && bad.length === 0) return undefined
  const types = [...(wrong(ofPod) ? [ofPod] : []), ...bad.map(({ securityContext }) => securityContext?.seccompProfile?.type)]
  const who = setters(
    wrong(ofPod),
    bad.map(({ name }) => name),
  )
  const detail = `${who} must not set securityContext.seccompProfile.type to ${quoted(sortedSet(types as string[]))}`
  return { reason: 'seccompProfile', detail }
}

/** Sysctls of the pod's own namespaces, by the version that added them. */
function sysctlChecks(): Check['since'] {
  const added: readonly (readonly [number, readonly string[]])[] = [
    [
      0,
      [
        'kernel.shm_rmid_forced',
        ...['ip_local_port_range', 'tcp_syncookies', 'ping_group_range', 'ip_unprivileged_port_start'].map(ipv4),
      ],
    ],
    [27, [ipv4('ip_local_reserved_ports')]],
    [29, ['tcp_keepalive_time', 'tcp_fin_timeout', 'tcp_keepalive_intvl', 'tcp_keepalive_probes'].map(ipv4)],
    [32, ['tcp_rmem', 'tcp_wmem'].map(ipv4)],
  ]
  return added.map(([minor]) => {
    const allowed = new Set(added.filter(([since]) => since <= minor).flatMap(([, names]) => names))
    return [minor, (spec) => sysctls(spec, allowed)]
  })
}

function ipv4(name: string): string {
  return `net.ipv4.${name}`
}

function sysctls({ securityContext }: PodSpec, allowed: ReadonlySet<string>): Finding | undefined {
  const wrong = (securityContext?.sysctls ?? []).map(({ name }) => name).filter((name) => !allowed.has(name))
  return wrong.length === 0 ? undefined : { reason: 'forbidden sysctls', detail: wrong.join(', ') }
}

function hostProcess(spec: PodSpec): Finding | undefined {
  const ofPod = spec.securityContext?.windowsOptions?.hostProcess === true
  const bad = containersWhere(spec, ({ securityContext }) => securityContext?.windowsOptions?.hostProcess === true)
  if (!ofPod && bad.length === 0) return undefined
  return { reason: 'hostProcess', detail: `${setters(ofPod, bad)} must not set securityContext.windowsOptions.hostProcess=true` }
}
