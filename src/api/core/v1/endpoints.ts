/** endpoints: Endpoints. */
import { ObjectReference } from '#api/core/v1/object-reference.ts'
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, int32, list, object, oneOf, optional, pointer, type Schema, string, type TypeOf } from '#schema/words.ts'

const endpointAddress = object(
  'io.k8s.api.core.v1.EndpointAddress',
  {
    ip: always(1, string()),
    hostname: optional(3, string()),
    nodeName: pointer(4, string()),
    targetRef: pointer(2, ObjectReference),
  },
  { atomic: true },
)
export interface EndpointAddress extends TypeOf<typeof endpointAddress> {}
export const EndpointAddress: Schema<EndpointAddress> = endpointAddress

const endpointPort = object(
  'io.k8s.api.core.v1.EndpointPort',
  {
    name: optional(1, string()),
    port: always(2, int32()),
    protocol: optional(3, oneOf('SCTP', 'TCP', 'UDP')),
    appProtocol: pointer(4, string()),
  },
  { atomic: true },
)
export interface EndpointPort extends TypeOf<typeof endpointPort> {}
export const EndpointPort: Schema<EndpointPort> = endpointPort

const endpointSubset = object('io.k8s.api.core.v1.EndpointSubset', {
  addresses: optional(1, list(EndpointAddress, { listType: 'atomic' })),
  notReadyAddresses: optional(2, list(EndpointAddress, { listType: 'atomic' })),
  ports: optional(3, list(EndpointPort, { listType: 'atomic' })),
})
export interface EndpointSubset extends TypeOf<typeof endpointSubset> {}
export const EndpointSubset: Schema<EndpointSubset> = endpointSubset

const kind = defineKind({
  group: '',
  version: 'v1',
  kind: 'Endpoints',
  plural: 'endpoints',
  scope: 'Namespaced',
  schemaName: 'io.k8s.api.core.v1.Endpoints',
  shortNames: ['ep'],
  storagePrefix: 'services/endpoints',
  fields: {
    subsets: optional(2, list(EndpointSubset, { listType: 'atomic' })),
  },
})

export interface Endpoints extends ObjectOf<typeof kind> {}
export const Endpoints: Kind<'Endpoints', Endpoints> = kind
