/** Describes Services, Endpoints and EndpointSlices. */
import type { Json } from '../session.ts'
import type { Context } from './describer.ts'
import { describeEventsOf } from './events.ts'
import { describeHead, formatLabels, Report } from './report.ts'

export async function describeService(service: Json, context: Context): Promise<Report> {
  const { metadata, spec } = service
  const w = new Report()
  describeHead(w, service)
  w.field(0, 'Selector', formatLabels(spec.selector))
  w.field(0, 'Type', spec.type)
  describeAddresses(w, service)
  const path = `/apis/discovery.k8s.io/v1/namespaces/${encodeURIComponent(metadata.namespace)}/endpointslices`
  const query = { labelSelector: `kubernetes.io/service-name=${metadata.name}` }
  const slices: readonly Json[] = (await context.session.get(path, { query }).catch(() => undefined))?.items ?? []
  for (const port of spec.ports ?? []) describePort(w, port, slices)
  w.field(0, 'Session Affinity', spec.sessionAffinity)
  const rest = {
    'External Traffic Policy': spec.externalTrafficPolicy,
    'Internal Traffic Policy': spec.internalTrafficPolicy,
    'HealthCheck NodePort': spec.healthCheckNodePort,
    'LoadBalancer Source Ranges': spec.loadBalancerSourceRanges?.join(','),
    'Traffic Distribution': spec.trafficDistribution,
  }
  for (const [label, value] of Object.entries(rest)) if (value) w.field(0, label, value)
  await describeEventsOf(w, service, context)
  return w
}

function describeAddresses(w: Report, { spec, status }: Json): void {
  if (spec.ipFamilyPolicy) w.field(0, 'IP Family Policy', spec.ipFamilyPolicy)
  w.field(0, 'IP Families', spec.ipFamilies?.join(',') || '<none>')
  w.field(0, 'IP', spec.clusterIP)
  w.field(0, 'IPs', spec.clusterIPs?.join(',') || '<none>')
  if (spec.externalIPs?.length) w.field(0, 'External IPs', spec.externalIPs.join(','))
  if (spec.loadBalancerIP) w.field(0, 'Desired LoadBalancer IP', spec.loadBalancerIP)
  if (spec.externalName) w.field(0, 'External Name', spec.externalName)
  const ingress: readonly Json[] = status?.loadBalancer?.ingress ?? []
  const text = ({ ip, ipMode, hostname = '' }: Json) => (ip ? `${ip}${ipMode ? ` (${ipMode})` : ''}` : hostname)
  if (ingress.length > 0) w.field(0, 'LoadBalancer Ingress', ingress.map(text).join(', '))
}

function describePort(w: Report, port: Json, slices: readonly Json[]): void {
  const name = port.name || '<unset>'
  w.field(0, 'Port', `${name}\t${port.port}/${port.protocol}`)
  w.field(0, 'TargetPort', `${port.targetPort ?? 0}/${port.protocol}`)
  if (port.appProtocol) w.field(0, 'AppProtocol', port.appProtocol)
  if (port.nodePort) w.field(0, 'NodePort', `${name}\t${port.nodePort}/${port.protocol}`)
  w.field(0, 'Endpoints', endpointsText(slices, port.name ?? ''))
}

const mostEndpoints = 3

function endpointsText(slices: readonly Json[], portName: string): string {
  if (slices.length === 0) return '<none>'
  const addresses = slices.flatMap((slice) => readyAddresses(slice, portName))
  const shown = addresses.slice(0, mostEndpoints).join(',')
  return addresses.length > mostEndpoints ? `${shown} + ${addresses.length - mostEndpoints} more...` : shown
}

function readyAddresses({ ports = [], endpoints = [] }: Json, portName: string): string[] {
  const ready = (endpoints ?? []).filter(({ conditions }: Json) => conditions?.ready !== false)
  if (!ports?.length) return ready.map(({ addresses }: Json) => addresses[0])
  return ports
    .filter(({ name = '' }: Json) => name === portName)
    .flatMap(({ port }: Json) =>
      ready.map(({ addresses: [first] }: Json) => `${first.includes(':') ? `[${first}]` : first}:${port}`),
    )
}

export async function describeEndpoints(object: Json, context: Context): Promise<Report> {
  const w = new Report()
  describeHead(w, object)
  w.line(0, 'Subsets:')
  const list = (all: readonly Json[] = []) => all.map(({ ip }) => ip).join(',') || '<none>'
  for (const { addresses, notReadyAddresses, ports = [] } of object.subsets ?? []) {
    w.field(1, 'Addresses', list(addresses))
    w.field(1, 'NotReadyAddresses', list(notReadyAddresses))
    if (ports.length > 0) {
      w.line(1, 'Ports:')
      w.line(2, 'Name\tPort\tProtocol')
      w.line(2, '----\t----\t--------')
      for (const { name, port, protocol } of ports) w.line(2, `${name || '<unset>'}\t${port}\t${protocol}`)
    }
    w.line(0, '')
  }
  await describeEventsOf(w, object, context)
  return w
}

export async function describeEndpointSlice(object: Json, context: Context): Promise<Report> {
  const w = new Report()
  describeHead(w, object)
  w.field(0, 'AddressType', object.addressType)
  const ports: readonly Json[] = object.ports ?? []
  if (ports.length === 0) w.line(0, 'Ports: <unset>')
  else {
    w.line(0, 'Ports:')
    w.line(1, 'Name\tPort\tProtocol')
    w.line(1, '----\t----\t--------')
    for (const { name, port, protocol } of ports) w.line(1, `${name || '<unset>'}\t${port ?? '<unset>'}\t${protocol}`)
  }
  const endpoints: readonly Json[] = object.endpoints ?? []
  w.line(0, endpoints.length === 0 ? 'Endpoints: <none>' : 'Endpoints:')
  for (const { addresses = [], conditions, hostname, targetRef, nodeName, zone } of endpoints) {
    w.line(1, `- Addresses:\t${addresses.join(', ') || '<none>'}`)
    w.line(2, 'Conditions:')
    w.field(3, 'Ready', conditions?.ready ?? '<unset>')
    w.field(2, 'Hostname', hostname ?? '<unset>')
    if (targetRef) w.field(2, 'TargetRef', `${targetRef.kind}/${targetRef.name}`)
    w.field(2, 'NodeName', nodeName ?? '<unset>')
    w.field(2, 'Zone', zone ?? '<unset>')
  }
  await describeEventsOf(w, object, context)
  return w
}
