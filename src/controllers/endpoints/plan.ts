/** Endpoints of a Service, as they have to be: packed into subsets of like ports, sorted, at most 1000 addresses. */
import type { EndpointAddress, EndpointPort, EndpointSubset } from '#api/core/v1/endpoints.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import type { Service, ServicePort } from '#api/core/v1/service.ts'
import { isReady } from '../pod-state.ts'
import { findPort, hostnameIn, isBackend, isHeadless, isIpv6 } from '../service-backends.ts'

export const mostAddresses = 1000

/** Subsets for these pods, before truncation. */
export function planSubsets(service: Service, pods: readonly Pod[]): EndpointSubset[] {
  const all = Boolean(service.spec.publishNotReadyAddresses)
  const places = pods
    .filter((pod) => isBackend(pod, { terminating: all }))
    .flatMap((pod) => {
      const address = addressOf(service, pod)
      if (!address) return []
      return portsOf(service, pod).map((port) => ({ address, port, ready: all || isReady(pod) }))
    })
  return pack(places)
}

interface Place {
  readonly address: EndpointAddress
  /** Absent for headless Services without ports. */
  readonly port: EndpointPort | undefined
  readonly ready: boolean
}

function portsOf(service: Service, pod: Pod): (EndpointPort | undefined)[] {
  const ports = service.spec.ports ?? []
  if (ports.length === 0) return isHeadless(service) ? [undefined] : []
  return ports.flatMap((servicePort) => {
    const port = findPort(pod, servicePort)
    return port === undefined ? [] : [endpointPort(servicePort, port)]
  })
}

function endpointPort({ name, protocol, appProtocol }: ServicePort, port: number): EndpointPort {
  return { ...(name && { name }), port, protocol: protocol ?? 'TCP', ...(appProtocol !== undefined && { appProtocol }) }
}

/** The pod's address of the Service's first family. */
function addressOf(service: Service, pod: Pod): EndpointAddress | undefined {
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
function pack(places: readonly Place[]): EndpointSubset[] {
  const byPort = new Map<string, { port: EndpointPort | undefined; addresses: Map<string, Place> }>()
  for (const place of places) {
    const key = place.port ? portKey(place.port) : ''
    const entry = byPort.get(key) ?? { port: place.port, addresses: new Map<string, Place>() }
    entry.addresses.set(addressKey(place.address), place)
    byPort.set(key, entry)
  }
  const byAddresses = new Map<string, { ports: EndpointPort[]; places: Place[] }>()
  for (const { port, addresses } of byPort.values()) {
    const sorted = [...addresses].sort(([a], [b]) => (a < b ? -1 : 1))
    const key = sorted.map(([address, { ready }]) => `${address} ${ready}`).join(',')
    const entry = byAddresses.get(key) ?? { ports: [], places: sorted.map(([, place]) => place) }
    if (port) entry.ports.push(port)
    byAddresses.set(key, entry)
  }
  const subsets = [...byAddresses.values()].map(({ ports, places }) => subsetOf(ports, places))
  return subsets.sort((a, b) => (subsetKey(a) < subsetKey(b) ? -1 : 1))
}

function subsetOf(ports: readonly EndpointPort[], places: readonly Place[]): EndpointSubset {
  const addresses = places.filter(({ ready }) => ready).map(({ address }) => address)
  const notReadyAddresses = places.filter(({ ready }) => !ready).map(({ address }) => address)
  return {
    ...(addresses.length > 0 && { addresses }),
    ...(notReadyAddresses.length > 0 && { notReadyAddresses }),
    ...(ports.length > 0 && { ports: ports.toSorted((a, b) => (portKey(a) < portKey(b) ? -1 : 1)) }),
  }
}

const portKey = ({ name = '', port, protocol, appProtocol = '' }: EndpointPort) => `${name}|${port}|${protocol}|${appProtocol}`
const addressKey = ({ ip, targetRef }: EndpointAddress) => `${ip}|${targetRef?.uid ?? ''}`
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
