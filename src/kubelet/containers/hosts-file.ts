/** A pod's host name and the /etc/hosts that the agent keeps for it. */
import type { Pod } from '#api/core/v1/pod.ts'

export interface PodHostname {
  readonly hostname: string
  /** '' without a subdomain. */
  readonly domain: string
}

const maxLabel = 63
const maxFqdn = 64

export function podHostname(pod: Pod, clusterDomain: string): PodHostname {
  const { hostname, subdomain, hostnameOverride } = pod.spec
  if (hostnameOverride) return { hostname: hostnameOverride, domain: '' }
  return {
    hostname: hostname || pod.metadata.name.slice(0, maxLabel).replace(/[-.]+$/, ''),
    domain: subdomain ? `${subdomain}.${pod.metadata.namespace}.svc.${clusterDomain}` : '',
  }
}

/** What `hostname` prints in the pod. Throws with upstream's text when the full name is longer than the kernel takes. */
export function kernelHostname(pod: Pod, { hostname, domain }: PodHostname): string {
  if (!pod.spec.setHostnameAsFQDN || !domain) return hostname
  const fqdn = `${hostname}.${domain}`
  if (fqdn.length <= maxFqdn) return fqdn
  throw new Error(
    `failed to construct FQDN from pod hostname and cluster domain, FQDN ${fqdn} is too long (${maxFqdn} characters is the max, ${fqdn.length} characters requested)`,
  )
}

const fixed = `# Kubernetes-managed hosts file.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
`

/** `nodeHosts` is the machine's own file, which pods in its network see too. */
export function hostsFile(
  pod: Pod,
  { ips, nodeHosts, clusterDomain }: { ips: readonly string[]; nodeHosts: string; clusterDomain: string },
): string {
  const aliases = aliasLines(pod)
  if (pod.spec.hostNetwork) return `# Kubernetes-managed hosts file (host network).\n${nodeHosts}${aliases}`
  const { hostname, domain } = podHostname(pod, clusterDomain)
  const names = domain ? `${hostname}.${domain}\t${hostname}` : hostname
  return `${fixed}${ips.map((ip) => `${ip}\t${names}\n`).join('')}${aliases}`
}

function aliasLines(pod: Pod): string {
  const aliases = pod.spec.hostAliases ?? []
  if (aliases.length === 0) return ''
  const lines = aliases.map(({ ip, hostnames = [] }) => `${ip}\t${hostnames.join('\t')}\n`)
  return `\n# Entries added by HostAliases.\n${lines.join('')}`
}
