/** Service: one stable address for a changing set of pods. */

import { serviceColumns } from '#api/core/v1/service-columns.ts'
import { defaultService } from '#api/core/v1/service-defaults.ts'
import { prepareService } from '#api/core/v1/service-strategy.ts'
import { serviceWarnings } from '#api/core/v1/service-warnings.ts'
import { validateService } from '#api/core/v1/validation/service.ts'
import { validateServiceStatusUpdate, validateServiceUpdate } from '#api/core/v1/validation/service-update.ts'
import { Condition } from '#api/meta/v1/condition.ts'
import { defineKind, type Kind, type KubeObject, type ObjectOf } from '#schema/kind.ts'
import {
  always,
  boolean,
  int32,
  intOrString,
  known,
  list,
  map,
  object,
  optional,
  pointer,
  type Schema,
  string,
  type TypeOf,
} from '#schema/words.ts'

const servicePort = object('io.k8s.api.core.v1.ServicePort', {
  name: optional(1, string(), { doc: 'Name of the port, required where there are several.' }),
  protocol: optional(2, known('SCTP', 'TCP', 'UDP'), { default: 'TCP', publishedDefault: 'TCP', doc: 'TCP, UDP or SCTP.' }),
  appProtocol: pointer(6, string(), { doc: 'Protocol of the application, as a hint.' }),
  port: always(3, int32(), { doc: 'Port of the service.' }),
  targetPort: always(4, intOrString(), { doc: 'Port of the pods, by number or name.' }),
  nodePort: optional(5, int32(), { doc: 'Port of every node that leads here.' }),
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
  ports: optional(1, list(ServicePort, { listType: 'map', mapKeys: ['port', 'protocol'], mergeKey: 'port' }), {
    doc: 'Ports that the service offers.',
  }),
  selector: optional(2, map(string(), { atomic: true }), { doc: 'Labels of the pods that traffic goes to.' }),
  clusterIP: optional(3, string(), { doc: 'Address inside the cluster; None for a headless service.' }),
  clusterIPs: optional(18, list(string(), { listType: 'atomic' }), { doc: 'Addresses inside the cluster, one of each family.' }),
  type: optional(4, known('ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'), {
    default: 'ClusterIP',
    doc: 'How the service is exposed: ClusterIP, NodePort, LoadBalancer or ExternalName.',
  }),
  externalIPs: optional(5, list(string(), { listType: 'atomic' }), {
    doc: 'Addresses of nodes for which traffic is taken as well.',
  }),
  sessionAffinity: optional(7, known('ClientIP', 'None'), {
    default: 'None',
    doc: 'ClientIP sends a client to the same pod each time.',
  }),
  loadBalancerIP: optional(8, string(), { doc: 'Deprecated: address to ask the load balancer for.' }),
  loadBalancerSourceRanges: optional(9, list(string(), { listType: 'atomic' }), {
    doc: 'Ranges of clients that the load balancer lets in.',
  }),
  externalName: optional(10, string(), { doc: 'Name that the service is an alias of.' }),
  externalTrafficPolicy: optional(11, known('Cluster', 'Local'), {
    doc: 'Local keeps traffic from outside on the node it came to.',
  }),
  healthCheckNodePort: optional(12, int32(), { doc: 'Port where nodes say whether they have pods of the service.' }),
  publishNotReadyAddresses: optional(13, boolean(), { doc: 'Whether pods that are not ready count as ready.' }),
  sessionAffinityConfig: pointer(14, SessionAffinityConfig, { doc: 'Settings of the session affinity.' }),
  ipFamilies: optional(19, list(known('', 'IPv4', 'IPv6'), { listType: 'atomic' }), {
    doc: 'Families of the addresses, IPv4 and IPv6.',
  }),
  ipFamilyPolicy: pointer(17, known('PreferDualStack', 'RequireDualStack', 'SingleStack'), {
    doc: 'Whether the service has addresses of one family or of both.',
  }),
  allocateLoadBalancerNodePorts: pointer(20, boolean(), { doc: 'Whether a load balancer gets node ports.' }),
  loadBalancerClass: pointer(21, string(), { doc: 'Which load balancer serves the service.' }),
  internalTrafficPolicy: pointer(22, known('Cluster', 'Local'), { doc: 'Local keeps traffic of pods on their node.' }),
  trafficDistribution: pointer(23, string(), { doc: 'Which endpoints are preferred.' }),
})
export interface ServiceSpec extends TypeOf<typeof serviceSpec> {}
export const ServiceSpec: Schema<ServiceSpec> = serviceSpec

const portStatus = object('io.k8s.api.core.v1.PortStatus', {
  port: always(1, int32()),
  protocol: always(2, known('SCTP', 'TCP', 'UDP')),
  error: pointer(3, string()),
})
export interface PortStatus extends TypeOf<typeof portStatus> {}
export const PortStatus: Schema<PortStatus> = portStatus

const loadBalancerIngress = object('io.k8s.api.core.v1.LoadBalancerIngress', {
  ip: optional(1, string(), { doc: 'Its address.' }),
  hostname: optional(2, string(), { doc: 'Its name.' }),
  ipMode: pointer(3, string(), { doc: 'VIP or Proxy.' }),
  ports: optional(4, list(PortStatus, { listType: 'atomic' }), { doc: 'Ports that are served.' }),
})
export interface LoadBalancerIngress extends TypeOf<typeof loadBalancerIngress> {}
export const LoadBalancerIngress: Schema<LoadBalancerIngress> = loadBalancerIngress

const loadBalancerStatus = object('io.k8s.api.core.v1.LoadBalancerStatus', {
  ingress: optional(1, list(LoadBalancerIngress, { listType: 'atomic' }), { doc: 'Where traffic enters.' }),
})
export interface LoadBalancerStatus extends TypeOf<typeof loadBalancerStatus> {}
export const LoadBalancerStatus: Schema<LoadBalancerStatus> = loadBalancerStatus

const serviceStatus = object('io.k8s.api.core.v1.ServiceStatus', {
  loadBalancer: always(1, LoadBalancerStatus, { doc: 'Addresses of the load balancer.' }),
  conditions: optional(2, list(Condition, { listType: 'map', mapKeys: ['type'], mergeKey: 'type' }), {
    doc: 'Aspects of the service that hold or do not.',
  }),
})
export interface ServiceStatus extends TypeOf<typeof serviceStatus> {}
export const ServiceStatus: Schema<ServiceStatus> = serviceStatus

/** A service's parts, for the functions that its definition is made of. */
export interface ServiceParts extends KubeObject {
  spec: ServiceSpec
  status: ServiceStatus
}

const kind = defineKind({
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  scope: 'Namespaced',
  doc: 'A service is one stable address and name for the pods that its selector takes.',
  schemaName: 'io.k8s.api.core.v1.Service',
  shortNames: ['svc'],
  categories: ['all'],
  nameFormat: 'dnsLabel',
  storagePrefix: 'services/specs',
  status: true,
  fields: {
    spec: always(2, ServiceSpec, { doc: 'What the service shall be.' }),
    status: always(3, ServiceStatus, { doc: 'What was observed; written by the system.' }),
  },
  subresources: { proxy: { kind: 'ServiceProxyOptions', verbs: ['create', 'delete', 'get', 'patch', 'update'] } },
  defaults: defaultService,
  createOnUpdate: true,
  generationFrom: [],
  prepare: prepareService,
  validate: validateService,
  validateUpdate: validateServiceUpdate,
  validateStatusUpdate: validateServiceStatusUpdate,
  warnings: serviceWarnings,
  columns: serviceColumns,
  selectable: { 'spec.clusterIP': ({ spec }) => spec.clusterIP ?? '', 'spec.type': ({ spec }) => spec.type },
})

export interface Service extends ObjectOf<typeof kind> {}
export const Service: Kind<'Service', Service> = kind
