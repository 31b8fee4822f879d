/** ServiceCIDR: ranges that cluster addresses of Services are taken from. */

import { formatted } from '#api/core/v1/validation/checks.ts'
import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import { Condition } from '#api/meta/v1/condition.ts'
import { resetMetadata } from '#api/meta/v1/reset-metadata.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isValidCidr } from '#schema/formats.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, list, object, optional, type Schema, string, type TypeOf } from '#schema/words.ts'

const serviceCIDRSpec = object('io.k8s.api.networking.v1.ServiceCIDRSpec', {
  cidrs: optional(1, list(string(), { listType: 'atomic' }), { doc: 'One range of each family.' }),
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
  doc: 'A service CIDR is a range of addresses for services.',
  schemaName: 'io.k8s.api.networking.v1.ServiceCIDR',
  status: true,
  fields: {
    spec: always(2, ServiceCIDRSpec, { doc: 'The ranges.' }),
    status: always(3, ServiceCIDRStatus, { doc: 'What was observed; written by the system.' }),
  },
  generationFrom: [],
  prepare(range, old) {
    range.status = old ? old.status : {}
  },
  validate: ({ metadata }, at) => validateFinalizers(metadata, at),
  validateCreate: ({ spec }, at) => rangeErrors(spec.cidrs ?? [], at.child('spec', 'cidrs')),
  /** A second range, of the other family, may come; nothing else changes. */
  validateUpdate({ spec }, old, at) {
    const here = at.child('spec', 'cidrs')
    const now = spec.cidrs ?? []
    const before = old.spec.cidrs ?? []
    const isExtended = before.length === 1 && now.length === 2
    if (before.length !== now.length && !isExtended) return [here.invalid(now, 'field is immutable')]
    return [
      ...before.flatMap((range, index) =>
        range === now[index] ? [] : [here.index(index).invalid(now[index], 'field is immutable')],
      ),
      ...(isExtended ? rangeErrors(now, here) : []),
    ]
  },
  prepareStatus: ({ metadata }, old) => resetMetadata(metadata, old.metadata),
  columns: [{ name: 'CIDRs', doc: 'The ranges.', value: ({ spec }) => (spec.cidrs ?? []).join(',') }, age],
})

function rangeErrors(ranges: readonly string[], at: Path): FieldError[] {
  if (ranges.length === 0) return [at.required('at least one CIDR required')]
  if (ranges.length > 2) return [at.invalid({ CIDRs: ranges }, 'may only hold up to 2 values')]
  const errors = ranges.flatMap((range, index) => formatted(isValidCidr, range, at.index(index)))
  const [first = '', second] = ranges
  if (second === undefined || first.includes(':') !== second.includes(':') || errors.length > 0) return errors
  const message = 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64'
  return [at.invalid(ranges, message)]
}

export interface ServiceCIDR extends ObjectOf<typeof kind> {}
export const ServiceCIDR: Kind<'ServiceCIDR', ServiceCIDR> = kind
