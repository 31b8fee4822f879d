/** Sandbox and container configurations for tests of runtimes. */
import type { ContainerConfig, SandboxConfig } from './runtime.ts'

export function sandboxConfig(name: string, changes: Partial<SandboxConfig> = {}): SandboxConfig {
  const uid = `uid-${name}`
  return {
    metadata: { name, uid, namespace: 'default', attempt: 0 },
    hostname: name,
    logDirectory: `/var/log/pods/default_${name}_${uid}`,
    portMappings: [],
    labels: { 'io.kubernetes.pod.name': name, 'io.kubernetes.pod.namespace': 'default', 'io.kubernetes.pod.uid': uid },
    annotations: {},
    cgroupParent: '',
    sysctls: {},
    namespaces: { network: 'pod', pid: 'container', ipc: 'pod' },
    security: { privileged: false, readonlyRootfs: false, supplementalGroups: [] },
    ...changes,
  }
}

export function containerConfig(
  name: string,
  { image, attempt = 0, ...changes }: Partial<ContainerConfig> & { image: string; attempt?: number },
): ContainerConfig {
  return {
    metadata: { name, attempt },
    image,
    userSpecifiedImage: image,
    command: [],
    args: [],
    workingDir: '',
    envs: [],
    mounts: [],
    devices: [],
    labels: { 'io.kubernetes.container.name': name },
    annotations: {},
    logPath: `${name}/${attempt}.log`,
    stdin: false,
    stdinOnce: false,
    tty: false,
    resources: {},
    security: {
      privileged: false,
      readonlyRootfs: false,
      noNewPrivs: false,
      supplementalGroups: [],
      addCapabilities: [],
      dropCapabilities: [],
      maskedPaths: [],
      readonlyPaths: [],
      namespaces: { network: 'pod', pid: 'container', ipc: 'pod' },
    },
    ...changes,
  }
}
