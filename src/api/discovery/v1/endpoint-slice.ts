/** EndpointSlice: a part of the addresses behind a Service, and how ready each is. */

import { ObjectReference } from '#api/core/v1/object-reference.ts'
import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import { validateAddressType, validateSliceEndpoints, validateSlicePorts } from '#api/discovery/v1/endpoint-slice-validation.ts'
import { root } from '#schema/field-error.ts'
import { ipWarnings } from '#schema/ip-warnings.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import {
  always,
  boolean,
  int32,
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

const endpointConditions = object('io.k8s.api.discovery.v1.EndpointConditions', {
  ready: pointer(1, boolean(), { doc: 'Whether it takes traffic.' }),
  serving: pointer(2, boolean(), { doc: 'The same, also while it is ending.' }),
  terminating: pointer(3, boolean(), { doc: 'Whether it is ending.' }),
})
export interface EndpointConditions extends TypeOf<typeof endpointConditions> {}
export const EndpointConditions: Schema<EndpointConditions> = endpointConditions

const forZone = object('io.k8s.api.discovery.v1.ForZone', {
  name: always(1, string()),
})
export interface ForZone extends TypeOf<typeof forZone> {}
export const ForZone: Schema<ForZone> = forZone

const forNode = object('io.k8s.api.discovery.v1.ForNode', {
  name: always(1, string()),
})
export interface ForNode extends TypeOf<typeof forNode> {}
export const ForNode: Schema<ForNode> = forNode

const endpointHints = object('io.k8s.api.discovery.v1.EndpointHints', {
  forZones: optional(1, list(ForZone, { listType: 'atomic' })),
  forNodes: optional(2, list(ForNode, { listType: 'atomic' })),
})
export interface EndpointHints extends TypeOf<typeof endpointHints> {}
export const EndpointHints: Schema<EndpointHints> = endpointHints

const endpoint = object('io.k8s.api.discovery.v1.Endpoint', {
  addresses: always(1, list(string(), { listType: 'set' }), { doc: 'Addresses of the endpoint.' }),
  conditions: always(2, EndpointConditions, { doc: 'Whether it takes traffic.' }),
  hostname: pointer(3, string(), { doc: 'Its host name.' }),
  targetRef: pointer(4, ObjectReference, { doc: 'The object behind it.' }),
  deprecatedTopology: optional(5, map(string()), { doc: 'Labels of the node in the older form.' }),
  nodeName: pointer(6, string(), { doc: 'Node it is on.' }),
  zone: pointer(7, string(), { doc: 'Zone it is in.' }),
  hints: pointer(8, EndpointHints, { doc: 'Who should use it.' }),
})
export interface Endpoint extends TypeOf<typeof endpoint> {}
export const Endpoint: Schema<Endpoint> = endpoint

const endpointPort = object(
  'io.k8s.api.discovery.v1.EndpointPort',
  {
    name: pointer(1, string(), { default: '', doc: 'Name of the port.' }),
    protocol: pointer(2, known('SCTP', 'TCP', 'UDP'), { default: 'TCP', doc: 'TCP, UDP or SCTP.' }),
    port: pointer(3, int32(), { doc: 'Number of the port.' }),
    appProtocol: pointer(4, string(), { doc: 'Protocol of the application.' }),
  },
  { atomic: true },
)
export interface EndpointPort extends TypeOf<typeof endpointPort> {}
export const EndpointPort: Schema<EndpointPort> = endpointPort

const controllers = ['endpointslice-controller.k8s.io', 'endpointslicemirroring-controller.k8s.io']

/** Written by Kubernetes' own controllers, which know how addresses are spelled. */
function isOwn(labels: Readonly<Record<string, string>> = {}): boolean {
  return controllers.includes(labels['endpointslice.kubernetes.io/managed-by'] ?? '')
}

function addressWarnings(endpoints: readonly Endpoint[]): string[] {
  return endpoints.flatMap(({ addresses }, index) =>
    addresses.flatMap((address, position) =>
      ipWarnings(address, root.child('endpoints').index(index).child('addresses').index(position)),
    ),
  )
}

const kind = defineKind({
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  scope: 'Namespaced',
  doc: 'An endpoint slice holds some of the addresses that implement a service.',
  schemaName: 'io.k8s.api.discovery.v1.EndpointSlice',
  fields: {
    addressType: always(4, known('FQDN', 'IPv4', 'IPv6'), { doc: 'Kind of the addresses: IPv4, IPv6 or FQDN.' }),
    endpoints: always(2, list(Endpoint, { listType: 'atomic' }), {
      isRequired: false,
      nullWhenEmpty: true,
      doc: 'The endpoints.',
    }),
    ports: always(3, list(EndpointPort, { listType: 'atomic' }), {
      isRequired: false,
      nullWhenEmpty: true,
      doc: 'Ports that all of them have.',
    }),
  },
  generationFrom: ['addressType', 'endpoints', 'ports', 'metadata.labels'],
  prepare(slice, old) {
    dropTopology(slice.endpoints, old?.endpoints)
  },
  immutable: ['addressType'],
  validate: ({ metadata, addressType, ports, endpoints }, at) => [
    ...validateFinalizers(metadata, at),
    ...validateAddressType(addressType, at.child('addressType')),
    ...validateSlicePorts(ports, at.child('ports')),
    ...validateSliceEndpoints(endpoints, addressType, at.child('endpoints')),
  ],
  warnings: ({ metadata, addressType, endpoints }, old) => [
    ...(!old && addressType === 'FQDN' ? ['spec.addressType: FQDN endpoints are deprecated'] : []),
    ...(addressType === 'FQDN' || isOwn(metadata.labels) ? [] : addressWarnings(endpoints ?? [])),
  ],
  columns: [
    { name: 'AddressType', doc: 'IPv4, IPv6 or FQDN.', value: ({ addressType }) => addressType },
    {
      name: 'Ports',
      doc: 'The first ports.',
      value: ({ ports }) => firstOf(ports.map(({ port, name }) => (port === undefined ? (name ?? '*') : String(port)))),
    },
    {
      name: 'Endpoints',
      doc: 'The first addresses.',
      value: ({ endpoints }) => firstOf(endpoints.flatMap(({ addresses }) => addresses)),
    },
    age,
  ],
})

/** Three at most; the rest is counted. */
function firstOf(texts: readonly string[]): string {
  if (texts.length > 3) return `${texts.slice(0, 3).join(',')} + ${texts.length - 3} more...`
  return texts.join(',') || '<unset>'
}

/** v1 cannot write the topology of v1beta1; a node name that stood there already moves to its own field. */
function dropTopology(endpoints: Endpoint[], old: readonly Endpoint[] | undefined): void {
  if (old && JSON.stringify(old) === JSON.stringify(endpoints)) return
  const known = new Set(
    old?.map(({ deprecatedTopology, nodeName }) => (nodeName ? '' : deprecatedTopology?.['kubernetes.io/hostname'])),
  )
  for (const endpoint of endpoints) {
    const name = endpoint.deprecatedTopology?.['kubernetes.io/hostname']
    if (endpoint.nodeName === undefined && name && known.has(name)) endpoint.nodeName = name
    delete endpoint.deprecatedTopology
  }
}

export interface EndpointSlice extends ObjectOf<typeof kind> {}
export const EndpointSlice: Kind<'EndpointSlice', EndpointSlice> = kind
