/** The configuration of a pod's sandbox, from the pod alone. */
import type { Pod } from '#api/core/v1/pod.ts'
import type { IdRange, PortMapping, SandboxConfig } from '../cri/runtime.ts'
import { sandboxAnnotations, sandboxLabels } from './annotations.ts'
import { type DnsFacts, podDns } from './dns.ts'
import { kernelHostname, podHostname } from './hosts-file.ts'
import { namespacesOf, sandboxSecurity } from './security.ts'

export interface SandboxFacts extends DnsFacts {
  readonly logDirectory: string
}

interface SandboxParts {
  readonly attempt: number
  readonly cgroupParent: string
  readonly runtimeHandler?: string | undefined
  /** Of a pod that has users of its own. */
  readonly users?: IdRange | undefined
}

export function sandboxConfig(
  pod: Pod,
  facts: SandboxFacts,
  { attempt, cgroupParent, runtimeHandler, users }: SandboxParts,
): SandboxConfig {
  const { name, namespace = '', uid } = pod.metadata
  const { servers, searches, options } = podDns(pod, facts)
  return {
    metadata: { name, namespace, uid, attempt },
    hostname: pod.spec.hostNetwork ? '' : kernelHostname(pod, podHostname(pod, facts.clusterDomain)),
    logDirectory: podLogDirectory(pod, facts.logDirectory),
    dns: { servers, searches, options },
    portMappings: portMappings(pod),
    labels: sandboxLabels(pod),
    annotations: sandboxAnnotations(pod),
    cgroupParent,
    sysctls: Object.fromEntries((pod.spec.securityContext?.sysctls ?? []).map((s) => [s.name.replaceAll('/', '.'), s.value])),
    namespaces: namespacesOf(pod, users),
    security: sandboxSecurity(pod),
    ...(runtimeHandler && { runtimeHandler }),
  }
}

export function podLogDirectory(pod: Pod, root: string): string {
  const { name, namespace = '', uid } = pod.metadata
  return `${root}/${namespace}_${name}_${uid}`
}

/** Relative to the pod's log directory. */
export function containerLogPath(name: string, restartCount: number): string {
  return `${name}/${restartCount}.log`
}

function portMappings(pod: Pod): PortMapping[] {
  if (pod.spec.hostNetwork) return []
  const ports = [...(pod.spec.initContainers ?? []), ...pod.spec.containers].flatMap((container) => container.ports ?? [])
  return ports
    .filter(({ hostPort }) => hostPort)
    .map(({ protocol, containerPort, hostPort = 0, hostIP = '' }) => ({ protocol, containerPort, hostPort, hostIp: hostIP }))
}
