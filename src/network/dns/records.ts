/**
 * Names to records, purely: what cluster DNS answers for services, their endpoints and pods
 * (Kubernetes DNS-Based Service Discovery, schema 1.1.0).
 */
import type { Service } from '#api/core/v1/service.ts'
import type { EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'

/** What the cluster looks like to DNS. Lookups are by exact name and cheap. */
export interface ClusterNames {
  service(namespace: string, name: string): Service | undefined
  slices(namespace: string, service: string): readonly EndpointSlice[]
  hasNamespace(name: string): boolean
  /** Services whose cluster IP this is, and slices with an endpoint of this address. */
  serviceByIp(ip: string): Service | undefined
  slicesByIp(ip: string): readonly EndpointSlice[]
}

export type RecordType = 'A' | 'AAAA' | 'SRV' | 'PTR' | 'CNAME' | 'TXT' | 'SOA' | 'NS'

export type DnsRecord =
  | { readonly name: string; readonly type: 'A' | 'AAAA' | 'CNAME' | 'PTR'; readonly data: string }
  | {
      readonly name: string
      readonly type: 'SRV'
      readonly data: { priority: number; weight: number; port: number; target: string }
    }
  | { readonly name: string; readonly type: 'TXT'; readonly data: string }

/** `exists` without records is NODATA; not `exists` is NXDOMAIN. */
export interface Answer {
  readonly exists: boolean
  readonly records: readonly DnsRecord[]
  /** Addresses of SRV targets. */
  readonly additional: readonly DnsRecord[]
}

const nothing: Answer = { exists: false, records: [], additional: [] }
const noData: Answer = { exists: true, records: [], additional: [] }

const familyOf = (ip: string) => (ip.includes(':') ? 'AAAA' : 'A')

/** Answers for a name at or below the cluster's domain, in lower case and without the last dot. Undefined: not ours. */
export function lookUp(
  name: string,
  type: string,
  { names, domain }: { names: ClusterNames; domain: string },
): Answer | undefined {
  if (name.endsWith('.in-addr.arpa') || name.endsWith('.ip6.arpa')) return reverse(name, type, names, domain)
  if (name === domain) return noData
  if (!name.endsWith(`.${domain}`)) return undefined
  const labels = name.slice(0, -domain.length - 1).split('.')
  const kind = labels.pop()
  if (labels.length === 0) {
    if (kind === 'dns-version') return { ...noData, records: type === 'TXT' ? [{ name, type: 'TXT', data: '1.1.0' }] : [] }
    return kind === 'svc' || kind === 'pod' ? noData : nothing
  }
  const namespace = labels.pop() as string
  if (kind === 'pod') return podAddress(name, type, labels, names.hasNamespace(namespace))
  if (kind !== 'svc') return nothing
  if (labels.length === 0) return names.hasNamespace(namespace) ? noData : nothing
  return serviceAnswer({ name, type, namespace, labels, names, domain })
}

/** `1-2-3-4.ns.pod.cluster.local`: says what it was asked, for certificates with such names. */
function podAddress(name: string, type: string, labels: readonly string[], hasNamespace: boolean): Answer {
  const [label = ''] = labels
  if (labels.length === 0) return hasNamespace ? noData : nothing
  if (labels.length > 1 || !hasNamespace) return nothing
  const ip = /^\d{1,3}(-\d{1,3}){3}$/.test(label) ? label.replaceAll('-', '.') : ''
  if (!ip || ip.split('.').some((part) => Number(part) > 255)) return nothing
  return { ...noData, records: type === 'A' ? [{ name, type: 'A', data: ip }] : [] }
}

interface ServiceQuestion {
  readonly name: string
  readonly type: string
  readonly namespace: string
  /** What stands before the namespace, the service's name last. */
  readonly labels: readonly string[]
  readonly names: ClusterNames
  readonly domain: string
}

function serviceAnswer({ name, type, namespace, labels, names, domain }: ServiceQuestion): Answer {
  const serviceName = labels.at(-1) as string
  const before = labels.slice(0, -1)
  const service = names.service(namespace, serviceName)
  if (!service) return nothing
  const base = `${serviceName}.${namespace}.svc.${domain}`
  const { spec } = service
  if (spec.type === 'ExternalName') {
    if (before.length > 0) return nothing
    const target = (spec.externalName ?? '').replace(/\.$/, '')
    return { ...noData, records: [{ name, type: familyOfName(target) ?? 'CNAME', data: target }] }
  }
  const isHeadless = spec.clusterIP === 'None' || !spec.clusterIP
  const slices = isHeadless ? names.slices(namespace, serviceName) : []
  const question = { name, type, base }
  if (before.length === 0) {
    const ips = isHeadless
      ? readyEndpoints(slices, service).flatMap(({ addresses }) => addresses)
      : (spec.clusterIPs ?? [spec.clusterIP ?? ''])
    if (isHeadless && ips.length === 0) return nothing
    if (type === 'SRV') return isHeadless ? headlessPorts(question, slices, service) : clusterPorts(question, service)
    return addresses(name, type, ips)
  }
  if (before.length === 2 && before.every((label) => label.startsWith('_'))) {
    const [port, protocol] = before.map((label) => label.slice(1)) as [string, string]
    const chosen = { port, protocol: protocol.toUpperCase() }
    const answer = isHeadless ? headlessPorts(question, slices, service, chosen) : clusterPorts(question, service, chosen)
    if (answer.records.length === 0) return nothing
    return type === 'SRV' ? answer : noData
  }
  if (before.length === 1 && isHeadless) return oneEndpoint(question, before[0] as string, readyEndpoints(slices, service))
  return nothing
}

function familyOfName(target: string): 'A' | undefined {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(target) ? 'A' : undefined
}

function addresses(name: string, type: string, ips: readonly string[]): Answer {
  const records = [...new Set(ips)]
    .filter((ip) => ip && familyOf(ip) === type)
    .map((data) => ({ name, type: familyOf(data), data }) as const)
  return { ...noData, records }
}

interface Endpoint {
  readonly host: string
  readonly addresses: readonly string[]
}

function readyEndpoints(slices: readonly EndpointSlice[], service: Service): Endpoint[] {
  return slices.flatMap((slice) => endpointsOf(slice, service))
}

/** An endpoint is named by its hostname, or by its address with dashes. */
function endpointsOf({ endpoints }: EndpointSlice, service: Service): Endpoint[] {
  return (endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready !== false || service.spec.publishNotReadyAddresses)
    .map(({ hostname, addresses }) => ({ host: hostname || hostOf(addresses[0] ?? ''), addresses }))
}

const hostOf = (ip: string) => ip.replaceAll(/[.:]/g, '-')

function oneEndpoint({ name, type }: { name: string; type: string }, host: string, endpoints: readonly Endpoint[]): Answer {
  const found = endpoints.filter((endpoint) => endpoint.host === host)
  if (found.length === 0) return nothing
  return addresses(
    name,
    type,
    found.flatMap((endpoint) => endpoint.addresses),
  )
}

interface PortChoice {
  readonly port: string
  readonly protocol: string
}

interface SrvQuestion {
  readonly name: string
  readonly base: string
}

function clusterPorts({ name, base }: SrvQuestion, { spec }: Service, choice?: PortChoice): Answer {
  const ports = (spec.ports ?? []).filter(
    (port) => !choice || (port.name?.toLowerCase() === choice.port && (port.protocol ?? 'TCP') === choice.protocol),
  )
  const records = ports.map(({ port }) => srv(name, port, base, ports.length))
  const ips = spec.clusterIPs ?? [spec.clusterIP ?? '']
  return {
    exists: true,
    records,
    additional: records.length > 0 ? ips.map((data) => ({ name: base, type: familyOf(data), data }) as const) : [],
  }
}

function headlessPorts(
  { name, base }: SrvQuestion,
  slices: readonly EndpointSlice[],
  service: Service,
  choice?: PortChoice,
): Answer {
  const pairs = slices.flatMap((slice) =>
    (slice.ports ?? [])
      .filter(
        ({ name: portName, protocol }) =>
          !choice || (portName?.toLowerCase() === choice.port && (protocol ?? 'TCP') === choice.protocol),
      )
      .flatMap(({ port }) => endpointsOf(slice, service).map((endpoint) => ({ port: port ?? 0, endpoint }))),
  )
  const records = pairs.map(({ port, endpoint }) => srv(name, port, `${endpoint.host}.${base}`, pairs.length))
  const additional = pairs.flatMap(({ endpoint }) =>
    endpoint.addresses.map((data) => ({ name: `${endpoint.host}.${base}`, type: familyOf(data), data }) as const),
  )
  return { exists: true, records, additional }
}

function srv(name: string, port: number, target: string, count: number): DnsRecord {
  return { name, type: 'SRV', data: { priority: 0, weight: Math.max(1, Math.trunc(100 / count)), port, target } }
}

/** Undefined for addresses that are not the cluster's, so that they are asked for elsewhere. */
function reverse(name: string, type: string, names: ClusterNames, domain: string): Answer | undefined {
  const ip = addressOf(name)
  if (!ip) return undefined
  const service = names.serviceByIp(ip)
  const targets = service
    ? [`${service.metadata.name}.${service.metadata.namespace}.svc.${domain}`]
    : endpointNames(ip, names, domain)
  if (targets.length === 0) return undefined
  return { ...noData, records: type === 'PTR' ? targets.map((data) => ({ name, type: 'PTR', data }) as const) : [] }
}

function endpointNames(ip: string, names: ClusterNames, domain: string): string[] {
  return names.slicesByIp(ip).flatMap(({ metadata, endpoints }) => {
    const service = metadata.labels?.['kubernetes.io/service-name']
    if (!service) return []
    return (endpoints ?? [])
      .filter(({ addresses }) => addresses.includes(ip))
      .map(({ hostname }) => `${hostname || hostOf(ip)}.${service}.${metadata.namespace}.svc.${domain}`)
  })
}

function addressOf(name: string): string | undefined {
  const labels = name.split('.').slice(0, -2).reverse()
  if (name.endsWith('.in-addr.arpa')) return labels.length === 4 ? labels.join('.') : undefined
  if (labels.length !== 32) return undefined
  return labels
    .join('')
    .match(/.{4}/g)
    ?.map((part) => part.replace(/^0{1,3}/, ''))
    .join(':')
}
