/** Ingress: which HTTP requests from outside go to which Service. */
import { TypedLocalObjectReference } from '#api/core/v1/object-reference.ts'
import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import { validateIngress, validateIngressStatus } from '#api/networking/v1/ingress-validation.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import {
  always,
  embedded,
  int32,
  known,
  list,
  object,
  optional,
  pointer,
  type Schema,
  string,
  type TypeOf,
} from '#schema/words.ts'

const serviceBackendPort = object(
  'io.k8s.api.networking.v1.ServiceBackendPort',
  {
    name: optional(1, string(), { doc: 'Name of the port.' }),
    number: optional(2, int32(), { doc: 'Number of the port.' }),
  },
  { atomic: true },
)
export interface ServiceBackendPort extends TypeOf<typeof serviceBackendPort> {}
export const ServiceBackendPort: Schema<ServiceBackendPort> = serviceBackendPort

const ingressServiceBackend = object('io.k8s.api.networking.v1.IngressServiceBackend', {
  name: always(1, string(), { doc: 'Name of the service.' }),
  port: always(2, ServiceBackendPort, { doc: 'Port of the service.' }),
})
export interface IngressServiceBackend extends TypeOf<typeof ingressServiceBackend> {}
export const IngressServiceBackend: Schema<IngressServiceBackend> = ingressServiceBackend

const ingressBackend = object('io.k8s.api.networking.v1.IngressBackend', {
  service: pointer(4, IngressServiceBackend, { doc: 'The service.' }),
  resource: pointer(3, TypedLocalObjectReference, { doc: 'Another object instead of a service.' }),
})
export interface IngressBackend extends TypeOf<typeof ingressBackend> {}
export const IngressBackend: Schema<IngressBackend> = ingressBackend

const ingressTLS = object('io.k8s.api.networking.v1.IngressTLS', {
  hosts: optional(1, list(string(), { listType: 'atomic' }), { doc: 'Hosts that the certificate is for.' }),
  secretName: optional(2, string(), { doc: 'Secret with certificate and key.' }),
})
export interface IngressTLS extends TypeOf<typeof ingressTLS> {}
export const IngressTLS: Schema<IngressTLS> = ingressTLS

const hTTPIngressPath = object('io.k8s.api.networking.v1.HTTPIngressPath', {
  path: optional(1, string(), { doc: 'Path that is asked for.' }),
  pathType: pointer(3, string(), { isRequired: true, doc: 'How it is compared: Exact, Prefix or ImplementationSpecific.' }),
  backend: always(2, IngressBackend, { isRequired: true, doc: 'Where requests go.' }),
})
export interface HTTPIngressPath extends TypeOf<typeof hTTPIngressPath> {}
export const HTTPIngressPath: Schema<HTTPIngressPath> = hTTPIngressPath

const hTTPIngressRuleValue = object('io.k8s.api.networking.v1.HTTPIngressRuleValue', {
  paths: always(1, list(HTTPIngressPath, { listType: 'atomic' }), { doc: 'Paths and where they lead.' }),
})
export interface HTTPIngressRuleValue extends TypeOf<typeof hTTPIngressRuleValue> {}
export const HTTPIngressRuleValue: Schema<HTTPIngressRuleValue> = hTTPIngressRuleValue

const ingressRuleValue = object('io.k8s.api.networking.v1.IngressRuleValue', {
  http: pointer(1, HTTPIngressRuleValue, { doc: 'Paths of the host.' }),
})
export interface IngressRuleValue extends TypeOf<typeof ingressRuleValue> {}
export const IngressRuleValue: Schema<IngressRuleValue> = ingressRuleValue

const ingressRule = object('io.k8s.api.networking.v1.IngressRule', {
  host: optional(1, string(), { doc: 'Host that is asked for; may begin with a wildcard label.' }),
  ...embedded(2, IngressRuleValue),
})
export interface IngressRule extends TypeOf<typeof ingressRule> {}
export const IngressRule: Schema<IngressRule> = ingressRule

const ingressSpec = object('io.k8s.api.networking.v1.IngressSpec', {
  ingressClassName: pointer(4, string(), { doc: 'Class of the ingress.' }),
  defaultBackend: pointer(1, IngressBackend, { doc: 'Where requests go that no rule fits.' }),
  tls: optional(2, list(IngressTLS, { listType: 'atomic' }), { doc: 'Certificates for hosts.' }),
  rules: optional(3, list(IngressRule, { listType: 'atomic' }), { doc: 'What goes where.' }),
})
export interface IngressSpec extends TypeOf<typeof ingressSpec> {}
export const IngressSpec: Schema<IngressSpec> = ingressSpec

const ingressPortStatus = object('io.k8s.api.networking.v1.IngressPortStatus', {
  port: always(1, int32(), { doc: 'Number of the port.' }),
  protocol: always(2, known('SCTP', 'TCP', 'UDP'), { isRequired: true, doc: 'Its protocol.' }),
  error: pointer(3, string(), { doc: 'What is wrong with it.' }),
})
export interface IngressPortStatus extends TypeOf<typeof ingressPortStatus> {}
export const IngressPortStatus: Schema<IngressPortStatus> = ingressPortStatus

const ingressLoadBalancerIngress = object('io.k8s.api.networking.v1.IngressLoadBalancerIngress', {
  ip: optional(1, string(), { doc: 'Address.' }),
  hostname: optional(2, string(), { doc: 'Host name.' }),
  ports: optional(4, list(IngressPortStatus, { listType: 'atomic' }), { doc: 'State of its ports.' }),
})
export interface IngressLoadBalancerIngress extends TypeOf<typeof ingressLoadBalancerIngress> {}
export const IngressLoadBalancerIngress: Schema<IngressLoadBalancerIngress> = ingressLoadBalancerIngress

const ingressLoadBalancerStatus = object('io.k8s.api.networking.v1.IngressLoadBalancerStatus', {
  ingress: optional(1, list(IngressLoadBalancerIngress, { listType: 'atomic' }), { doc: 'Its addresses.' }),
})
export interface IngressLoadBalancerStatus extends TypeOf<typeof ingressLoadBalancerStatus> {}
export const IngressLoadBalancerStatus: Schema<IngressLoadBalancerStatus> = ingressLoadBalancerStatus

const ingressStatus = object('io.k8s.api.networking.v1.IngressStatus', {
  loadBalancer: always(1, IngressLoadBalancerStatus, { doc: 'Where the ingress can be reached.' }),
})
export interface IngressStatus extends TypeOf<typeof ingressStatus> {}
export const IngressStatus: Schema<IngressStatus> = ingressStatus

const classAnnotation = 'kubernetes.io/ingress.class'

const kind = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'Ingress',
  plural: 'ingresses',
  scope: 'Namespaced',
  storagePrefix: 'ingress',
  doc: 'An ingress leads HTTP requests from outside to services.',
  schemaName: 'io.k8s.api.networking.v1.Ingress',
  shortNames: ['ing'],
  fields: {
    spec: always(2, IngressSpec),
    status: always(3, IngressStatus),
  },
  status: true,
  validateCreate: ({ metadata, spec }, at) => {
    const given = metadata.annotations?.[classAnnotation]
    const { ingressClassName } = spec
    return [
      ...validateFinalizers(metadata, at),
      ...validateIngress(spec, undefined, at.child('spec')),
      given !== undefined &&
        ingressClassName !== undefined &&
        given !== ingressClassName &&
        at.child('annotations', classAnnotation).invalid(given, 'must match `ingressClassName` when both are specified'),
    ]
  },
  validateUpdate: ({ metadata, spec }, old, at) => [
    ...validateFinalizers(metadata, at),
    ...validateIngress(spec, old.spec, at.child('spec')),
  ],
  validateStatusUpdate: ({ status }, old, at) =>
    validateIngressStatus(status.loadBalancer, old.status.loadBalancer, at.child('status', 'loadBalancer')),
  warnings: ({ metadata }, old) =>
    !old && metadata.annotations?.[classAnnotation] !== undefined
      ? ['annotation "kubernetes.io/ingress.class" is deprecated, please use \'spec.ingressClassName\' instead']
      : [],
  columns: [
    {
      name: 'Class',
      doc: 'Class of the ingress.',
      value: ({ metadata, spec }) => spec.ingressClassName ?? metadata.annotations?.[classAnnotation],
    },
    { name: 'Hosts', doc: 'Hosts of its rules.', value: ({ spec }) => hostsText(spec.rules) },
    { name: 'Address', doc: 'Where it can be reached.', value: ({ status }) => addressText(status.loadBalancer) },
    { name: 'Ports', doc: 'Ports of the load balancer.', value: ({ spec }) => (spec.tls?.length ? '80, 443' : '80') },
    age,
  ],
})

const maxHosts = 3

function hostsText(rules: readonly IngressRule[] = []): string {
  const hosts: string[] = []
  let isMore = false
  for (const { host } of rules) {
    if (hosts.length === maxHosts) isMore = true
    if (!isMore && host) hosts.push(host)
  }
  if (hosts.length === 0) return '*'
  return isMore ? `${hosts.join(',')} + ${rules.length - maxHosts} more...` : hosts.join(',')
}

/** Upstream asks its printers for wide tables always, and so the text is whole. */
function addressText({ ingress = [] }: IngressLoadBalancerStatus): string {
  return [...new Set(ingress.map(({ ip, hostname }) => ip || hostname || '').filter(Boolean))].sort().join(',')
}

export interface Ingress extends ObjectOf<typeof kind> {}
export const Ingress: Kind<'Ingress', Ingress> = kind
