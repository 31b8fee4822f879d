/** What one pod contributes to the EndpointSlices of a Service (`endpointslice/utils.go`). */
import type { Node } from '#api/core/v1/node.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import type { Service } from '#api/core/v1/service.ts'
import type { Endpoint, EndpointPort } from '#api/discovery/v1/endpoint-slice.ts'
import { isReady } from '../pod-state.ts'
import { findPort, hostnameIn, isHeadless, isIpv6 } from '../service-backends.ts'

export type AddressType = 'IPv4' | 'IPv6'

/** The pod as an endpoint; without addresses where it has none of this family. */
export function endpointOf(
  service: Service,
  pod: Pod,
  { node, family }: { node: Node | undefined; family: AddressType },
): Endpoint {
  const serving = isReady(pod)
  const terminating = Boolean(pod.metadata.deletionTimestamp)
  const ready = Boolean(service.spec.publishNotReadyAddresses) || (serving && !terminating)
  const hostname = hostnameIn(service, pod)
  const zone = node?.metadata.labels?.['topology.kubernetes.io/zone']
  const { nodeName } = pod.spec
  const hints = ready ? hintsFor(service, { zone, nodeName }) : undefined
  const { name, namespace, uid } = pod.metadata
  return {
    addresses: addressesOf(pod, family),
    conditions: { ready, serving, terminating },
    targetRef: { kind: 'Pod', ...(namespace && { namespace }), name, uid },
    ...(hostname && { hostname }),
    ...(nodeName && { nodeName }),
    ...(zone && { zone }),
    ...(hints && { hints }),
  }
}

/** `trafficDistribution` (KEP-4444, KEP-3015) says whom an endpoint is for. */
function hintsFor({ spec }: Service, { zone, nodeName }: { zone: string | undefined; nodeName: string | undefined }) {
  const forZones = zone ? [{ name: zone }] : undefined
  switch (spec.trafficDistribution) {
    case 'PreferClose':
    case 'PreferSameZone':
      return forZones && { forZones }
    case 'PreferSameNode':
      return nodeName ? { ...(forZones && { forZones }), forNodes: [{ name: nodeName }] } : undefined
    default:
      return undefined
  }
}

function addressesOf({ status }: Pod, family: AddressType): string[] {
  const all = status.podIPs?.length ? status.podIPs.map(({ ip }) => ip) : [status.podIP ?? '']
  return all.filter((ip) => ip && isIpv6(ip) === (family === 'IPv6'))
}

/** The Service's ports as this pod has them; a port that it lacks is left out. */
export function portsOf(service: Service, pod: Pod): EndpointPort[] {
  const ports = service.spec.ports ?? []
  if (ports.length === 0 && isHeadless(service)) return []
  return ports.flatMap((servicePort) => {
    const port = findPort(pod, servicePort)
    if (port === undefined) return []
    const { name = '', protocol = 'TCP', appProtocol } = servicePort
    return [{ name, port, protocol, ...(appProtocol !== undefined && { appProtocol }) }]
  })
}

/** Alike for the same ports in any order. */
export function portsKey(ports: readonly EndpointPort[]): string {
  return keyed(ports, () =>
    ports
      .map(({ name = '', port, protocol = 'TCP', appProtocol = '' }) => `${name}|${protocol}|${port}|${appProtocol}`)
      .sort()
      .join(','),
  )
}

/** Alike for the same backend, whatever its state (`hashEndpoint`). */
export function endpointKey(endpoint: Endpoint): string {
  return keyed(endpoint, () => {
    const { addresses, hostname = '', targetRef, nodeName = '' } = endpoint
    const { kind = '', namespace = '', name = '', uid = '' } = targetRef ?? {}
    return [...addresses.toSorted(), hostname, nodeName, kind, namespace, name, uid].join('|')
  })
}

const keys = new WeakMap<object, string>()

/** Neither ports nor endpoints change once they are made. */
function keyed(object: object, make: () => string): string {
  const known = keys.get(object)
  if (known !== undefined) return known
  const key = make()
  keys.set(object, key)
  return key
}

/** The families of a Service; one without says nothing by its addresses. */
export function familiesOf({ spec }: Service): readonly AddressType[] {
  const families = (spec.ipFamilies ?? []).filter((family) => family === 'IPv4' || family === 'IPv6')
  if (families.length > 0) return families
  if (spec.clusterIP && spec.clusterIP !== 'None') return [isIpv6(spec.clusterIP) ? 'IPv6' : 'IPv4']
  return ['IPv4']
}
