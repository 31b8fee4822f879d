/** endpoint-slice: EndpointSlice. */
import { ObjectReference } from '#api/core/v1/object-reference.ts'
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import {
  always,
  boolean,
  int32,
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

const endpointConditions = object('io.k8s.api.discovery.v1.EndpointConditions', {
  ready: pointer(1, boolean()),
  serving: pointer(2, boolean()),
  terminating: pointer(3, boolean()),
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
  addresses: always(1, list(string(), { listType: 'set' })),
  conditions: always(2, EndpointConditions),
  hostname: pointer(3, string()),
  targetRef: pointer(4, ObjectReference),
  deprecatedTopology: optional(5, map(string())),
  nodeName: pointer(6, string()),
  zone: pointer(7, string()),
  hints: pointer(8, EndpointHints),
})
export interface Endpoint extends TypeOf<typeof endpoint> {}
export const Endpoint: Schema<Endpoint> = endpoint

const endpointPort = object(
  'io.k8s.api.discovery.v1.EndpointPort',
  {
    name: pointer(1, string()),
    protocol: pointer(2, string()),
    port: pointer(3, int32()),
    appProtocol: pointer(4, string()),
  },
  { atomic: true },
)
export interface EndpointPort extends TypeOf<typeof endpointPort> {}
export const EndpointPort: Schema<EndpointPort> = endpointPort

const kind = defineKind({
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  scope: 'Namespaced',
  schemaName: 'io.k8s.api.discovery.v1.EndpointSlice',
  fields: {
    addressType: always(4, oneOf()),
    endpoints: always(2, list(Endpoint, { listType: 'atomic' })),
    ports: always(3, list(EndpointPort, { listType: 'atomic' })),
  },
})

export interface EndpointSlice extends ObjectOf<typeof kind> {}
export const EndpointSlice: Kind<'EndpointSlice', EndpointSlice> = kind
