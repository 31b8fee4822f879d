/** From Services and EndpointSlices to what the node has to do with packets, purely: one entry per service port. */
import type { Service } from '#api/core/v1/service.ts'
import type { EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'

export interface Endpoint {
  readonly ip: string
  readonly port: number
}

export type Protocol = 'tcp' | 'udp' | 'sctp'

/** One port of one service, as seen from this node. */
export interface ServicePort {
  /** `namespace/name/protocol/port name`: unique, and the same across changes. */
  readonly id: string
  readonly protocol: Protocol
  readonly port: number
  readonly clusterIp: string
  /** 0 without one. */
  readonly nodePort: number
  /** External and load-balancer addresses. */
  readonly externalIps: readonly string[]
  /** Empty: from everywhere. Limits load-balancer addresses only. */
  readonly sourceRanges: readonly string[]
  /** Seconds; 0 without session affinity. */
  readonly affinitySeconds: number
  /** Where traffic from inside goes, after `internalTrafficPolicy`. */
  readonly internal: readonly Endpoint[]
  /** Where traffic from outside goes, after `externalTrafficPolicy`. */
  readonly external: readonly Endpoint[]
  /** Traffic from outside keeps its source address (`externalTrafficPolicy: Local`). */
  readonly keepsSource: boolean
  /** For `externalTrafficPolicy: Local`: where traffic goes that comes from this node or its pods. */
  readonly everywhere: readonly Endpoint[]
}

interface Candidate extends Endpoint {
  readonly isReady: boolean
  readonly isServing: boolean
  readonly isTerminating: boolean
  readonly isLocal: boolean
}

/** Empty for services that have no address of their own. */
export function servicePorts(service: Service, slices: readonly EndpointSlice[], nodeName: string): ServicePort[] {
  const { spec, status, metadata } = service
  if (spec.type === 'ExternalName' || !spec.clusterIP || spec.clusterIP === 'None') return []
  const ingress = spec.type === 'LoadBalancer' ? (status?.loadBalancer?.ingress ?? []) : []
  const balanced = ingress.filter(({ ip, ipMode }) => ip && ipMode !== 'Proxy').map(({ ip }) => ip as string)
  const keepsSource = spec.externalTrafficPolicy === 'Local'
  const affinity = spec.sessionAffinity === 'ClientIP' ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10_800) : 0
  return (spec.ports ?? []).map((port) => {
    const candidates = candidatesOf(slices, port.name ?? '', nodeName)
    const everywhere = usable(candidates)
    const local = usable(candidates.filter(({ isLocal }) => isLocal))
    return {
      id: `${metadata.namespace}/${metadata.name}/${(port.protocol ?? 'TCP').toLowerCase()}/${port.name || port.port}`,
      protocol: (port.protocol ?? 'TCP').toLowerCase() as Protocol,
      port: port.port,
      clusterIp: spec.clusterIP as string,
      nodePort: port.nodePort ?? 0,
      externalIps: [...(spec.externalIPs ?? []), ...balanced].filter((ip) => !ip.includes(':')),
      sourceRanges: (spec.loadBalancerSourceRanges ?? []).map((range) => range.trim()),
      affinitySeconds: affinity,
      internal: spec.internalTrafficPolicy === 'Local' ? local : everywhere,
      external: keepsSource ? local : everywhere,
      keepsSource,
      everywhere,
    }
  })
}

/** Ready endpoints; where there are none, those that are ending but still serve (KEP-1669). */
function usable(candidates: readonly Candidate[]): Endpoint[] {
  const ready = candidates.filter(({ isReady }) => isReady)
  const chosen = ready.length > 0 ? ready : candidates.filter(({ isServing, isTerminating }) => isServing && isTerminating)
  const unique = new Map(chosen.map(({ ip, port }) => [`${ip}:${port}`, { ip, port }]))
  return [...unique.values()].sort((a, b) => (a.ip === b.ip ? a.port - b.port : a.ip < b.ip ? -1 : 1))
}

function candidatesOf(slices: readonly EndpointSlice[], portName: string, nodeName: string): Candidate[] {
  return slices
    .filter(({ addressType }) => addressType === 'IPv4')
    .flatMap(({ ports, endpoints }) => {
      const port = (ports ?? []).find(({ name }) => (name ?? '') === portName)?.port
      if (!port) return []
      return (endpoints ?? []).flatMap(({ addresses, conditions, nodeName: on }) => {
        const ip = addresses[0]
        if (!ip) return []
        const isReady = conditions?.ready !== false
        const state = { isReady, isServing: conditions?.serving ?? isReady, isTerminating: conditions?.terminating === true }
        return [{ ip, port, ...state, isLocal: on === nodeName }]
      })
    })
}
