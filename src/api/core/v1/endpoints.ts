/** Endpoints: the addresses behind a Service in the older form; EndpointSlice replaces it. */

import { ObjectReference } from '#api/core/v1/object-reference.ts'
import { validateSubsets } from '#api/core/v1/validation/endpoints.ts'
import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import { root } from '#schema/field-error.ts'
import { ipWarnings } from '#schema/ip-warnings.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, int32, known, list, object, optional, pointer, type Schema, string, type TypeOf } from '#schema/words.ts'

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
    protocol: optional(3, known('SCTP', 'TCP', 'UDP'), { default: 'TCP' }),
    appProtocol: pointer(4, string()),
  },
  { atomic: true },
)
export interface EndpointPort extends TypeOf<typeof endpointPort> {}
export const EndpointPort: Schema<EndpointPort> = endpointPort

const endpointSubset = object('io.k8s.api.core.v1.EndpointSubset', {
  addresses: optional(1, list(EndpointAddress, { listType: 'atomic' }), { doc: 'Addresses that are ready.' }),
  notReadyAddresses: optional(2, list(EndpointAddress, { listType: 'atomic' }), { doc: 'Addresses that are not.' }),
  ports: optional(3, list(EndpointPort, { listType: 'atomic' }), { doc: 'Ports that all of them have.' }),
})
export interface EndpointSubset extends TypeOf<typeof endpointSubset> {}
export const EndpointSubset: Schema<EndpointSubset> = endpointSubset

const kind = defineKind({
  group: '',
  version: 'v1',
  kind: 'Endpoints',
  plural: 'endpoints',
  scope: 'Namespaced',
  doc: 'Endpoints are the addresses that implement a service; EndpointSlice has replaced them.',
  schemaName: 'io.k8s.api.core.v1.Endpoints',
  deprecation: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  shortNames: ['ep'],
  storagePrefix: 'services/endpoints',
  fields: {
    subsets: optional(2, list(EndpointSubset, { listType: 'atomic' }), { doc: 'Addresses and ports, grouped.' }),
  },
  createOnUpdate: true,
  validate: ({ metadata, subsets }, at) => [
    ...validateFinalizers(metadata, at),
    ...validateSubsets(subsets ?? [], at.child('subsets')),
  ],
  warnings: ({ metadata, subsets }) =>
    metadata.labels?.['endpoints.kubernetes.io/managed-by'] === 'endpoint-controller' ? [] : subsetWarnings(subsets ?? []),
  columns: [{ name: 'Endpoints', doc: 'The first addresses and ports.', value: ({ subsets }) => endpointsText(subsets) }, age],
})

function subsetWarnings(subsets: readonly EndpointSubset[]): string[] {
  return subsets.flatMap((subset, index) =>
    (['addresses', 'notReadyAddresses'] as const).flatMap((list) =>
      (subset[list] ?? []).flatMap(({ ip }, position) =>
        ipWarnings(ip, root.child('subsets').index(index).child(list).index(position).child('ip')),
      ),
    ),
  )
}

/** Three at most; the rest is counted. */
function endpointsText(subsets: readonly EndpointSubset[] = []): string {
  if (subsets.length === 0) return '<none>'
  const all = subsets.flatMap(({ addresses = [], ports = [] }) =>
    ports.length === 0
      ? addresses.map(({ ip }) => ip)
      : ports.flatMap(({ port }) => addresses.map(({ ip }) => `${ip.includes(':') ? `[${ip}]` : ip}:${port}`)),
  )
  return all.length > 3 ? `${all.slice(0, 3).join(',')} + ${all.length - 3} more...` : all.join(',')
}

export interface Endpoints extends ObjectOf<typeof kind> {}
export const Endpoints: Kind<'Endpoints', Endpoints> = kind
