/** What happens to a Service on its way in, before it is validated (upstream `registry/core/service/strategy.go`). */
import type { ServiceParts, ServiceSpec } from '#api/core/v1/service.ts'
import { isExternallyAccessible } from '#api/core/v1/service-defaults.ts'

export function prepareService(service: ServiceParts, old: ServiceParts | undefined): void {
  if (!old) {
    service.status = { loadBalancer: {} }
    return
  }
  service.status = old.status
  dropTypeDependentFields(service.spec, old.spec)
  if (service.spec.type !== 'LoadBalancer') service.status = { ...old.status, loadBalancer: {} }
}

/**
 * A service that changes its type loses what the server once filled in and the new type has no use for; but what the
 * same update tries to change stays, for validation to refuse.
 */
function dropTypeDependentFields(spec: ServiceSpec, old: ServiceSpec): void {
  const isSame = (...fields: (keyof ServiceSpec)[]) =>
    fields.every((field) => JSON.stringify(spec[field]) === JSON.stringify(old[field]))
  const was = usesOf(old)
  const is = usesOf(spec)
  if (was.clusterIP && !is.clusterIP) {
    if (isSame('clusterIP', 'clusterIPs')) {
      delete spec.clusterIP
      delete spec.clusterIPs
    }
    if (isSame('ipFamilies')) delete spec.ipFamilies
    if (isSame('ipFamilyPolicy')) delete spec.ipFamilyPolicy
  }
  if (was.nodePort && !is.nodePort && hasNoNewNodePort(spec, old)) {
    for (const port of spec.ports ?? []) delete port.nodePort
  }
  if (was.healthCheck && !is.healthCheck && isSame('healthCheckNodePort')) delete spec.healthCheckNodePort
  if (was.loadBalancer && !is.loadBalancer) {
    if (isSame('allocateLoadBalancerNodePorts')) delete spec.allocateLoadBalancerNodePorts
    if (isSame('loadBalancerClass')) delete spec.loadBalancerClass
  }
  if (was.external && !is.external && isSame('externalTrafficPolicy')) delete spec.externalTrafficPolicy
}

function usesOf(spec: ServiceSpec) {
  const loadBalancer = spec.type === 'LoadBalancer'
  return {
    clusterIP: spec.type !== 'ExternalName',
    nodePort: spec.type === 'NodePort' || loadBalancer,
    healthCheck: loadBalancer && spec.externalTrafficPolicy === 'Local',
    loadBalancer,
    external: isExternallyAccessible(spec),
  }
}

function hasNoNewNodePort(spec: ServiceSpec, old: ServiceSpec): boolean {
  const before = new Set((old.ports ?? []).map(({ nodePort }) => nodePort))
  return (spec.ports ?? []).every(({ nodePort }) => !nodePort || before.has(nodePort))
}
