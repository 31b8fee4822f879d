/** ip-address: IPAddress. */
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, object, optional, pointer, type Schema, string, type TypeOf } from '#schema/words.ts'

const parentReference = object('io.k8s.api.networking.v1.ParentReference', {
  group: optional(1, string()),
  resource: optional(2, string()),
  namespace: optional(3, string()),
  name: optional(4, string()),
})
export interface ParentReference extends TypeOf<typeof parentReference> {}
export const ParentReference: Schema<ParentReference> = parentReference

const iPAddressSpec = object('io.k8s.api.networking.v1.IPAddressSpec', {
  parentRef: pointer(1, ParentReference),
})
export interface IPAddressSpec extends TypeOf<typeof iPAddressSpec> {}
export const IPAddressSpec: Schema<IPAddressSpec> = iPAddressSpec

const kind = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IPAddress',
  plural: 'ipaddresses',
  scope: 'Cluster',
  schemaName: 'io.k8s.api.networking.v1.IPAddress',
  shortNames: ['ip'],
  fields: {
    spec: always(2, IPAddressSpec),
  },
})

export interface IPAddress extends ObjectOf<typeof kind> {}
export const IPAddress: Kind<'IPAddress', IPAddress> = kind
