/** What stands in a pod's resolv.conf (upstream: `pkg/kubelet/network/dns`). */
import type { Pod } from '#api/core/v1/pod.ts'

export interface ResolverConfig {
  readonly servers: readonly string[]
  readonly searches: readonly string[]
  readonly options: readonly string[]
}

export interface PodDns extends ResolverConfig {
  /** Messages of Warning events, with their reasons. */
  readonly warnings: readonly { readonly reason: string; readonly message: string }[]
}

export interface DnsFacts {
  readonly clusterDns: readonly string[]
  readonly clusterDomain: string
  readonly resolver: ResolverConfig
}

const maxServers = 3
const maxSearches = 32
const maxSearchLength = 2048

export function podDns(pod: Pod, facts: DnsFacts): PodDns {
  const warnings: { reason: string; message: string }[] = []
  const base = baseConfig(pod, facts, warnings)
  const own = pod.spec.dnsConfig
  const servers = unique([...base.servers, ...(own?.nameservers ?? [])])
  const searches = unique([...base.searches, ...(own?.searches ?? [])])
  const options = mergeOptions(base.options, own?.options ?? [])
  return { servers: fitServers(servers, warnings), searches: fitSearches(searches, warnings), options, warnings }
}

type Warnings = { reason: string; message: string }[]

function baseConfig(pod: Pod, { clusterDns, clusterDomain, resolver }: DnsFacts, warnings: Warnings): ResolverConfig {
  const policy = pod.spec.dnsPolicy ?? 'ClusterFirst'
  if (policy === 'None') return { servers: [], searches: [], options: [] }
  const cluster = policy === 'ClusterFirstWithHostNet' || (policy === 'ClusterFirst' && !pod.spec.hostNetwork)
  if (!cluster) return resolver
  if (clusterDns.length === 0) {
    const message = `kubelet does not have ClusterDNS IP configured and cannot create Pod using "${policy}" policy. Falling back to "Default" policy.`
    warnings.push({ reason: 'MissingClusterDNS', message })
    return resolver
  }
  const namespace = pod.metadata.namespace ?? ''
  const searches = clusterDomain ? [`${namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain] : []
  return { servers: clusterDns, searches: unique([...searches, ...resolver.searches]), options: ['ndots:5'] }
}

/** The pod's options replace those of the same name; the others keep their order. */
function mergeOptions(
  base: readonly string[],
  own: readonly { name?: string | undefined; value?: string | undefined }[],
): string[] {
  const merged = new Map(base.map((option) => [option.split(':')[0] ?? '', option]))
  for (const { name = '', value } of own) merged.set(name, value ? `${name}:${value}` : name)
  return [...merged.values()]
}

function fitServers(servers: readonly string[], warnings: Warnings): readonly string[] {
  if (servers.length <= maxServers) return servers
  const kept = servers.slice(0, maxServers)
  const message = `Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ${kept.join(' ')}`
  warnings.push({ reason: 'DNSConfigForming', message })
  return kept
}

function fitSearches(searches: readonly string[], warnings: Warnings): readonly string[] {
  const kept = searches.slice(0, maxSearches)
  while (kept.join(' ').length > maxSearchLength) kept.pop()
  if (kept.length === searches.length) return searches
  const message = `Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${kept.join(' ')}`
  warnings.push({ reason: 'DNSConfigForming', message })
  return kept
}

/** resolv.conf(5): the last `search` and `options` lines count. */
export function parseResolvConf(text: string): ResolverConfig {
  const servers: string[] = []
  let searches: string[] = []
  let options: string[] = []
  for (const line of text.split('\n')) {
    const [word, ...rest] = line.trim().split(/\s+/)
    if (word === 'nameserver' && rest[0]) servers.push(rest[0])
    else if (word === 'search') searches = rest.map((name) => (name === '.' ? name : name.replace(/\.$/, '')))
    else if (word === 'options') options = rest
  }
  return { servers, searches, options }
}

function unique(items: readonly string[]): string[] {
  return [...new Set(items)]
}
