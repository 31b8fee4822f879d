/** service: Service. */
import { Condition } from '#api/meta/v1/condition.ts'
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import {
  always,
  boolean,
  int32,
  intOrString,
  list,
  map,
  object,
  oneOf,
  optional,
  pointer,
  type Schema,
  string,
  type TypeOf,
} from '#schema/words.ts'

const servicePort = object('io.k8s.api.core.v1.ServicePort', {
  name: optional(1, string()),
  protocol: optional(2, oneOf('SCTP', 'TCP', 'UDP'), { default: 'TCP' }),
  appProtocol: pointer(6, string()),
  port: always(3, int32()),
  targetPort: always(4, intOrString()),
  nodePort: optional(5, int32()),
})
export interface ServicePort extends TypeOf<typeof servicePort> {}
export const ServicePort: Schema<ServicePort> = servicePort

const clientIPConfig = object('io.k8s.api.core.v1.ClientIPConfig', {
  timeoutSeconds: pointer(1, int32()),
})
export interface ClientIPConfig extends TypeOf<typeof clientIPConfig> {}
export const ClientIPConfig: Schema<ClientIPConfig> = clientIPConfig

const sessionAffinityConfig = object('io.k8s.api.core.v1.SessionAffinityConfig', {
  clientIP: pointer(1, ClientIPConfig),
})
export interface SessionAffinityConfig extends TypeOf<typeof sessionAffinityConfig> {}
export const SessionAffinityConfig: Schema<SessionAffinityConfig> = sessionAffinityConfig

const serviceSpec = object('io.k8s.api.core.v1.ServiceSpec', {
  ports: optional(1, list(ServicePort, { listType: 'map', mapKeys: ['port', 'protocol'], mergeKey: 'port' })),
  selector: optional(2, map(string()) /* atomic */),
  clusterIP: optional(3, string()),
  clusterIPs: optional(18, list(string(), { listType: 'atomic' })),
  type: optional(4, oneOf('ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort')),
  externalIPs: optional(5, list(string(), { listType: 'atomic' })),
  sessionAffinity: optional(7, oneOf('ClientIP', 'None')),
  loadBalancerIP: optional(8, string()),
  loadBalancerSourceRanges: optional(9, list(string(), { listType: 'atomic' })),
  externalName: optional(10, string()),
  externalTrafficPolicy: optional(11, oneOf('Cluster', 'Local')),
  healthCheckNodePort: optional(12, int32()),
  publishNotReadyAddresses: optional(13, boolean()),
  sessionAffinityConfig: pointer(14, SessionAffinityConfig),
  ipFamilies: optional(19, list(oneOf('', 'IPv4', 'IPv6'), { listType: 'atomic' })),
  ipFamilyPolicy: pointer(17, oneOf('PreferDualStack', 'RequireDualStack', 'SingleStack')),
  allocateLoadBalancerNodePorts: pointer(20, boolean()),
  loadBalancerClass: pointer(21, string()),
  internalTrafficPolicy: pointer(22, oneOf('Cluster', 'Local')),
  trafficDistribution: pointer(23, string()),
})
export interface ServiceSpec extends TypeOf<typeof serviceSpec> {}
export const ServiceSpec: Schema<ServiceSpec> = serviceSpec

const portStatus = object('io.k8s.api.core.v1.PortStatus', {
  port: always(1, int32()),
  protocol: always(2, oneOf('SCTP', 'TCP', 'UDP')),
  error: pointer(3, string()),
})
export interface PortStatus extends TypeOf<typeof portStatus> {}
export const PortStatus: Schema<PortStatus> = portStatus

const loadBalancerIngress = object('io.k8s.api.core.v1.LoadBalancerIngress', {
  ip: optional(1, string()),
  hostname: optional(2, string()),
  ipMode: pointer(3, string()),
  ports: optional(4, list(PortStatus, { listType: 'atomic' })),
})
export interface LoadBalancerIngress extends TypeOf<typeof loadBalancerIngress> {}
export const LoadBalancerIngress: Schema<LoadBalancerIngress> = loadBalancerIngress

const loadBalancerStatus = object('io.k8s.api.core.v1.LoadBalancerStatus', {
  ingress: optional(1, list(LoadBalancerIngress, { listType: 'atomic' })),
})
export interface LoadBalancerStatus extends TypeOf<typeof loadBalancerStatus> {}
export const LoadBalancerStatus: Schema<LoadBalancerStatus> = loadBalancerStatus

const serviceStatus = object('io.k8s.api.core.v1.ServiceStatus', {
  loadBalancer: always(1, LoadBalancerStatus),
  conditions: optional(2, list(Condition, { listType: 'map', mapKeys: ['type'], mergeKey: 'type' })),
})
export interface ServiceStatus extends TypeOf<typeof serviceStatus> {}
export const ServiceStatus: Schema<ServiceStatus> = serviceStatus

const kind = defineKind({
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  scope: 'Namespaced',
  schemaName: 'io.k8s.api.core.v1.Service',
  shortNames: ['svc'],
  categories: ['all'],
  nameFormat: 'dns1035Label',
  storagePrefix: 'services/specs',
  status: true,
  fields: {
    spec: always(2, ServiceSpec),
    status: always(3, ServiceStatus),
  },
})

export interface Service extends ObjectOf<typeof kind> {}
export const Service: Kind<'Service', Service> = kind
