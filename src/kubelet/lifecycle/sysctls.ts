/** Which kernel settings a pod may have on this node: those that concern nobody else (upstream: `pkg/kubelet/sysctl`). */
import type { Pod } from '#api/core/v1/pod.ts'

const safe: ReadonlySet<string> = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
])

export function forbiddenSysctl({ spec }: Pod): { reason: string; message: string } | undefined {
  const refuse = (name: string, why: string) => ({
    reason: 'SysctlForbidden',
    message: `forbidden sysctl: ${JSON.stringify(name)} ${why}`,
  })
  for (const { name } of spec.securityContext?.sysctls ?? []) {
    const dotted = name.replaceAll('/', '.')
    if (!safe.has(dotted)) return refuse(name, 'not allowlisted')
    if (dotted.startsWith('net.') && spec.hostNetwork) return refuse(name, 'not allowed with host net enabled')
    if (dotted.startsWith('kernel.shm') && spec.hostIPC) return refuse(name, 'not allowed with host ipc enabled')
  }
  return undefined
}
