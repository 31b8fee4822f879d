/** Defaults of a Service that depend on its type (upstream `SetDefaults_Service`). */
import type { ServiceSpec, ServiceStatus } from '#api/core/v1/service.ts'

/** ClientIP affinity ends after three hours of silence. */
const affinitySeconds = 10800

export function defaultService({ spec, status }: { spec: ServiceSpec; status: ServiceStatus }): void {
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig
  if (spec.sessionAffinity === 'ClientIP' && spec.sessionAffinityConfig?.clientIP?.timeoutSeconds === undefined) {
    spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: affinitySeconds } }
  }
  for (const port of spec.ports ?? []) {
    if (!port.targetPort) port.targetPort = port.port
  }
  if (isExternallyAccessible(spec)) spec.externalTrafficPolicy ||= 'Cluster'
  if (['ClusterIP', 'NodePort', 'LoadBalancer'].includes(spec.type)) spec.internalTrafficPolicy ??= 'Cluster'
  if (spec.type !== 'LoadBalancer') return
  spec.allocateLoadBalancerNodePorts ??= true
  for (const ingress of status.loadBalancer.ingress ?? []) {
    if (ingress.ip) ingress.ipMode ??= 'VIP'
  }
}

/** Whether traffic from outside the cluster can reach the service. */
export function isExternallyAccessible({ type, externalIPs = [] }: ServiceSpec): boolean {
  return type === 'LoadBalancer' || type === 'NodePort' || (type === 'ClusterIP' && externalIPs.length > 0)
}
