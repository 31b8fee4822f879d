/** Endpoints of a Service, as they have to be: packed into subsets of like ports, sorted, at most 1000 addresses. */
import type { EndpointAddress, EndpointPort, EndpointSubset } from '#api/core/v1/endpoints.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import type { Service, ServicePort } from '#api/core/v1/service.ts'
import { findPort, hostnameIn, isHeadless, isIpv6 } from '../service-backends.ts'
import type { Addresses, PortGroup } from './service-places.ts'

export const mostAddresses = 1000

/** The ports that the pod has of the Service's; none for headless Services without ports, undefined where it takes no part. */
export function portsOf(service: Service, pod: Pod): EndpointPort[] | undefined {
  const ports = service.spec.ports ?? []
  if (ports.length === 0) return isHeadless(service) ? [] : undefined
  const found = ports.flatMap((servicePort) => {
    const port = findPort(pod, servicePort)
    return port === undefined ? [] : [endpointPort(servicePort, port)]
  })
  return found.length > 0 ? found : undefined
}

function endpointPort({ name, protocol, appProtocol }: ServicePort, port: number): EndpointPort {
  return { ...(name && { name }), port, protocol: protocol ?? 'TCP', ...(appProtocol !== undefined && { appProtocol }) }
}

/** The pod's address of the Service's first family. */
export function addressOf(service: Service, pod: Pod): EndpointAddress | undefined {
  const { clusterIP, ipFamilies } = service.spec
  const wantsIpv6 = ipFamilies?.[0] ? ipFamilies[0] === 'IPv6' : Boolean(clusterIP && clusterIP !== 'None' && isIpv6(clusterIP))
  const all = pod.status.podIPs?.length ? pod.status.podIPs.map(({ ip }) => ip) : [pod.status.podIP ?? '']
  const ip = all.find((candidate) => candidate && isIpv6(candidate) === wantsIpv6)
  if (!ip) return undefined
  const hostname = hostnameIn(service, pod)
  const { name, namespace, uid } = pod.metadata
  const { nodeName } = pod.spec
  return {
    ip,
    ...(hostname && { hostname }),
    ...(nodeName && { nodeName }),
    targetRef: { kind: 'Pod', ...(namespace && { namespace }), name, uid },
  }
}

/** One subset for each set of addresses that share all their ports (`RepackSubsets`). */
export function subsetsOf(groups: readonly PortGroup[]): EndpointSubset[] {
  const byPort = new Map<string, { readonly port: EndpointPort | undefined; readonly groups: number[] }>()
  for (const [at, { ports }] of groups.entries()) {
    for (const port of ports.length > 0 ? ports : [undefined]) {
      const key = port ? portKey(port) : ''
      const entry = byPort.get(key) ?? { port, groups: [] }
      if (!entry.groups.includes(at)) entry.groups.push(at)
      byPort.set(key, entry)
    }
  }
  const byGroups = Map.groupBy(byPort.values(), ({ groups }) => groups.join())
  const subsets = [...byGroups.values()].map((entries) => {
    const found = (entries[0]?.groups ?? []).map((at) => groups[at] as PortGroup)
    return subsetOf(
      entries.flatMap(({ port }) => port ?? []),
      found,
    )
  })
  return subsets.sort((a, b) => (subsetKey(a) < subsetKey(b) ? -1 : 1))
}

function subsetOf(ports: readonly EndpointPort[], groups: readonly PortGroup[]): EndpointSubset {
  const addresses = merged(groups.map(({ ready }) => ready))
  const notReadyAddresses = merged(groups.map(({ notReady }) => notReady))
  return {
    ...(addresses.length > 0 && { addresses }),
    ...(notReadyAddresses.length > 0 && { notReadyAddresses }),
    ...(ports.length > 0 && { ports: ports.toSorted((a, b) => (portKey(a) < portKey(b) ? -1 : 1)) }),
  }
}

function merged(lists: readonly Addresses[]): EndpointAddress[] {
  const [first, ...others] = lists.filter(({ keys }) => keys.length > 0)
  if (others.length === 0) return [...(first?.values ?? [])]
  const all = lists.flatMap(({ keys, values }) => keys.map((key, at) => [key, values[at] as EndpointAddress] as const))
  return all.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value)
}

export const portKey = ({ name = '', port, protocol, appProtocol = '' }: EndpointPort) =>
  `${name}|${port}|${protocol}|${appProtocol}`
const subsetKey = ({ ports = [] }: EndpointSubset) => ports.map(portKey).join(',')

/** The same with at most 1000 addresses, ready ones before others, subsets in proportion; undefined where it fits. */
export function truncate(subsets: readonly EndpointSubset[]): EndpointSubset[] | undefined {
  const ready = subsets.reduce((sum, { addresses = [] }) => sum + addresses.length, 0)
  const notReady = subsets.reduce((sum, { notReadyAddresses = [] }) => sum + notReadyAddresses.length, 0)
  if (ready + notReady <= mostAddresses) return undefined
  const cutsReady = ready > mostAddresses
  const most = cutsReady ? mostAddresses : mostAddresses - ready
  const total = cutsReady ? ready : notReady
  let left = most
  return subsets.map((subset) => {
    const { addresses = [], notReadyAddresses = [], ports } = subset
    const cut = cutsReady ? addresses : notReadyAddresses
    const kept = cut.slice(0, Math.min(left, Math.ceil((cut.length / total) * most)))
    left -= kept.length
    if (cutsReady) return { addresses: kept, ...(ports && { ports }) }
    return { ...(addresses.length > 0 && { addresses }), notReadyAddresses: kept, ...(ports && { ports }) }
  })
}
