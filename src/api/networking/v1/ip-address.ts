/** IPAddress: claims one address of a service range for its parent. */
import { dnsSubdomain, formatted, requiredAs } from '#api/core/v1/validation/checks.ts'
import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isPathSegmentName, isValidIp } from '#schema/formats.ts'
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, object, optional, pointer, type Schema, string, type TypeOf } from '#schema/words.ts'

const parentReference = object('io.k8s.api.networking.v1.ParentReference', {
  group: optional(1, string()),
  resource: optional(2, string(), { isRequired: true }),
  namespace: optional(3, string()),
  name: optional(4, string(), { isRequired: true }),
})
export interface ParentReference extends TypeOf<typeof parentReference> {}
export const ParentReference: Schema<ParentReference> = parentReference

const iPAddressSpec = object('io.k8s.api.networking.v1.IPAddressSpec', {
  parentRef: pointer(1, ParentReference, { isRequired: true, doc: 'Who holds the address.' }),
})
export interface IPAddressSpec extends TypeOf<typeof iPAddressSpec> {}
export const IPAddressSpec: Schema<IPAddressSpec> = iPAddressSpec

const kind = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IPAddress',
  plural: 'ipaddresses',
  scope: 'Cluster',
  doc: 'An IP address stands for one address that is in use.',
  schemaName: 'io.k8s.api.networking.v1.IPAddress',
  shortNames: ['ip'],
  fields: {
    spec: always(2, IPAddressSpec, { isRequired: true, doc: 'The claim.' }),
  },
  nameFormat: 'any',
  keepsGenerateName: true,
  immutable: ['spec.parentRef'],
  validate: ({ metadata, spec }, at) => [
    ...formatted(isValidIp, metadata.name, at.child('metadata', 'name')),
    ...validateFinalizers(metadata, at),
    ...parentErrors(spec.parentRef, at.child('spec', 'parentRef')),
  ],
  columns: [{ name: 'ParentRef', doc: 'The object that holds the address.', value: ({ spec }) => parentText(spec.parentRef) }],
})

function parentErrors(parent: ParentReference | undefined, at: Path): FieldError[] {
  if (!parent) return [at.required()]
  const { group, resource, namespace, name } = parent
  return [
    ...(group ? dnsSubdomain(group, at.child('group')) : []),
    ...requiredAs(isPathSegmentName, resource, at.child('resource')),
    ...requiredAs(isPathSegmentName, name, at.child('name')),
    ...(namespace ? formatted(isPathSegmentName, namespace, at.child('namespace')) : []),
  ]
}

function parentText(parent: ParentReference | undefined): string {
  if (!parent) return '<none>'
  const { group, resource = '', namespace, name = '' } = parent
  const what = (group ? `${resource}.${group}` : resource).toLowerCase()
  return [what, ...(namespace ? [namespace] : []), name].join('/')
}

export interface IPAddress extends ObjectOf<typeof kind> {}
export const IPAddress: Kind<'IPAddress', IPAddress> = kind
