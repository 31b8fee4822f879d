/** Fields of a Service that an update leaves out or that its new type has no use for (upstream `patchAllocatedValues`, `normalizeClusterIPs`, `dropTypeDependentFields`). */
import type { Service } from '#api/core/v1/service.ts'
import { sameList } from './service-ip-families.ts'

export function needsClusterIp({ spec }: Service): boolean {
  return spec.type !== 'ExternalName'
}

export function needsNodePort({ spec }: Service): boolean {
  return spec.type === 'NodePort' || spec.type === 'LoadBalancer'
}

/** Load balancers ask the nodes which of them have endpoints. */
export function needsHealthCheck({ spec }: Service): boolean {
  return spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local'
}

/** What was allocated stays, so that a client may send the object it once created. */
export function keepAllocated(service: Service, old: Service): void {
  const { spec } = service
  if (needsClusterIp(old) && needsClusterIp(service)) {
    spec.clusterIP ||= old.spec.clusterIP
    if (!spec.clusterIPs?.length && spec.clusterIP === old.spec.clusterIP && old.spec.clusterIPs) {
      spec.clusterIPs = [...old.spec.clusterIPs]
    }
  }
  if (needsNodePort(old) && needsNodePort(service)) keepNodePorts(service, old)
  if (needsHealthCheck(old) && needsHealthCheck(service)) spec.healthCheckNodePort ||= old.spec.healthCheckNodePort
}

/** By the name of the port, unless another port uses the number now. */
function keepNodePorts({ spec }: Service, { spec: old }: Service): void {
  const numbers = (ports: Service['spec']['ports']) => new Set((ports ?? []).flatMap(({ nodePort }) => nodePort || []))
  const [before, now] = [numbers(old.ports), numbers(spec.ports)]
  const used = new Set([...before].filter((number) => now.has(number)))
  const byName = new Map((old.ports ?? []).map(({ name = '', nodePort }) => [name, nodePort]))
  for (const port of spec.ports ?? []) {
    const previous = byName.get(port.name ?? '')
    if (port.nodePort || !previous || used.has(previous)) continue
    port.nodePort = previous
    used.add(previous)
  }
}

/** `clusterIP` is the older name of `clusterIPs[0]`; a client that knows only it must be understood. */
export function syncClusterIps({ spec }: Service, old: Service | undefined): void {
  if (!old) {
    if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP]
    return
  }
  if ((spec.clusterIP ?? '') === (old.spec.clusterIP ?? '') || !sameList(spec.clusterIPs, old.spec.clusterIPs)) return
  if (spec.clusterIP) spec.clusterIPs = [spec.clusterIP]
  else delete spec.clusterIPs
}

/** A change of type drops what the new type has no use for, if the client did not touch it. */
export function dropUnused(service: Service, old: Service): void {
  const { spec } = service
  if (needsClusterIp(old) && !needsClusterIp(service)) {
    if (sameList(spec.clusterIPs, old.spec.clusterIPs) && (spec.clusterIP ?? '') === (old.spec.clusterIP ?? '')) {
      delete spec.clusterIP
      delete spec.clusterIPs
    }
    if (sameList(spec.ipFamilies, old.spec.ipFamilies)) delete spec.ipFamilies
    if (spec.ipFamilyPolicy === old.spec.ipFamilyPolicy) delete spec.ipFamilyPolicy
  }
  if (needsNodePort(old) && !needsNodePort(service)) dropNodePorts(service, old)
  if (needsHealthCheck(old) && !needsHealthCheck(service)) dropSame(service, old, 'healthCheckNodePort')
  if (old.spec.type === 'LoadBalancer' && spec.type !== 'LoadBalancer') {
    dropSame(service, old, 'allocateLoadBalancerNodePorts')
    dropSame(service, old, 'loadBalancerClass')
  }
  if (isExternal(old) && !isExternal(service)) dropSame(service, old, 'externalTrafficPolicy')
  if (spec.type === 'ExternalName' && old.spec.type !== 'ExternalName') dropSame(service, old, 'internalTrafficPolicy')
}

function isExternal({ spec }: Service): boolean {
  return spec.type === 'LoadBalancer' || spec.type === 'NodePort' || (spec.type === 'ClusterIP' && !!spec.externalIPs?.length)
}

type Droppable =
  | 'healthCheckNodePort'
  | 'allocateLoadBalancerNodePorts'
  | 'loadBalancerClass'
  | 'externalTrafficPolicy'
  | 'internalTrafficPolicy'

function dropSame({ spec }: Service, { spec: old }: Service, field: Droppable): void {
  if (spec[field] === old[field]) delete spec[field]
}

function dropNodePorts({ spec }: Service, { spec: old }: Service): void {
  const numbers = (ports: Service['spec']['ports']) => (ports ?? []).map(({ nodePort }) => String(nodePort ?? 0))
  if (!sameList(numbers(spec.ports), numbers(old.ports))) return
  for (const port of spec.ports ?? []) delete port.nodePort
}
