/** service-cidr: ServiceCIDR. */
import { Condition } from '#api/meta/v1/condition.ts'
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, list, object, optional, type Schema, string, type TypeOf } from '#schema/words.ts'

const serviceCIDRSpec = object('io.k8s.api.networking.v1.ServiceCIDRSpec', {
  cidrs: optional(1, list(string(), { listType: 'atomic' })),
})
export interface ServiceCIDRSpec extends TypeOf<typeof serviceCIDRSpec> {}
export const ServiceCIDRSpec: Schema<ServiceCIDRSpec> = serviceCIDRSpec

const serviceCIDRStatus = object('io.k8s.api.networking.v1.ServiceCIDRStatus', {
  conditions: optional(1, list(Condition, { listType: 'map', mapKeys: ['type'], mergeKey: 'type' })),
})
export interface ServiceCIDRStatus extends TypeOf<typeof serviceCIDRStatus> {}
export const ServiceCIDRStatus: Schema<ServiceCIDRStatus> = serviceCIDRStatus

const kind = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'ServiceCIDR',
  plural: 'servicecidrs',
  scope: 'Cluster',
  schemaName: 'io.k8s.api.networking.v1.ServiceCIDR',
  status: true,
  fields: {
    spec: always(2, ServiceCIDRSpec),
    status: always(3, ServiceCIDRStatus),
  },
})

export interface ServiceCIDR extends ObjectOf<typeof kind> {}
export const ServiceCIDR: Kind<'ServiceCIDR', ServiceCIDR> = kind
