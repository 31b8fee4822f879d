/** What `kubectl get services` shows (upstream `printService`). */
import type { ServiceParts, ServicePort } from '#api/core/v1/service.ts'
import { labelsText } from '#api/core/v1/template-columns.ts'
import { age, type Column } from '#schema/kind.ts'

export const serviceColumns: readonly Column<ServiceParts>[] = [
  { name: 'Type', doc: 'How the service is exposed.', value: ({ spec }) => spec.type },
  { name: 'Cluster-IP', doc: 'Address inside the cluster.', value: ({ spec }) => spec.clusterIPs?.[0] ?? '<none>' },
  { name: 'External-IP', doc: 'Addresses for traffic from outside.', value: externalAddress },
  { name: 'Port(s)', doc: 'Ports, and node ports behind a colon.', value: ({ spec }) => portsText(spec.ports) || '<none>' },
  age,
  { name: 'Selector', priority: 1, doc: 'Labels of the pods.', value: ({ spec }) => labelsText(spec.selector) },
]

function externalAddress({ spec, status }: ServiceParts): string {
  if (spec.type === 'ExternalName') return spec.externalName ?? ''
  const addresses = [...(spec.externalIPs ?? [])]
  if (spec.type !== 'LoadBalancer') return addresses.join(',') || '<none>'
  const balancers = (status.loadBalancer.ingress ?? []).map(({ ip, hostname }) => ip || hostname || '')
  const distinct = [...new Set(balancers.filter(Boolean))].sort()
  return [...distinct, ...addresses].join(',') || '<pending>'
}

function portsText(ports: readonly ServicePort[] = []): string {
  const texts = ports.map(({ port, nodePort, protocol }) => `${nodePort ? `${port}:${nodePort}` : port}/${protocol}`)
  return texts.join(',')
}
