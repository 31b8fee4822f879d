/** IngressClass: who implements Ingresses that name it. */
import { dnsLabel, dnsSubdomain, requiredAs } from '#api/core/v1/validation/checks.ts'
import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import { domainPrefixedPathErrors } from '#api/networking/v1/domain-prefixed-path.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { isPathSegmentName } from '#schema/formats.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { immutableErrors } from '#schema/validate.ts'
import { always, object, optional, pointer, type Schema, string, type TypeOf } from '#schema/words.ts'

const ingressClassParametersReference = object('io.k8s.api.networking.v1.IngressClassParametersReference', {
  apiGroup: pointer(1, string(), { doc: 'Group of the object.' }),
  kind: always(2, string(), { doc: 'Its kind.' }),
  name: always(3, string(), { doc: 'Its name.' }),
  scope: pointer(4, string(), { doc: 'Cluster or Namespace.' }),
  namespace: pointer(5, string(), { doc: 'Its namespace.' }),
})
export interface IngressClassParametersReference extends TypeOf<typeof ingressClassParametersReference> {}
export const IngressClassParametersReference: Schema<IngressClassParametersReference> = ingressClassParametersReference

const ingressClassSpec = object('io.k8s.api.networking.v1.IngressClassSpec', {
  controller: optional(1, string(), { doc: 'Who implements the class; cannot be changed.' }),
  parameters: pointer(2, IngressClassParametersReference, { doc: 'Object with parameters for the controller.' }),
})
export interface IngressClassSpec extends TypeOf<typeof ingressClassSpec> {}
export const IngressClassSpec: Schema<IngressClassSpec> = ingressClassSpec

const kind = defineKind({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IngressClass',
  plural: 'ingressclasses',
  scope: 'Cluster',
  doc: 'An ingress class names a controller of ingresses, and its parameters.',
  schemaName: 'io.k8s.api.networking.v1.IngressClass',
  fields: {
    spec: always(2, IngressClassSpec),
  },
  generationFrom: ['spec'],
  defaults({ spec: { parameters } }) {
    if (parameters) parameters.scope ??= 'Cluster'
  },
  validate: ({ metadata, spec }, at) => [
    ...validateFinalizers(metadata, at),
    ...controllerErrors(spec.controller ?? '', at.child('spec', 'controller')),
    ...(spec.parameters ? parameterErrors(spec.parameters, at.child('spec', 'parameters')) : []),
  ],
  validateUpdate: ({ spec }, old, at) =>
    immutableErrors(spec.controller ?? '', old.spec.controller ?? '', at.child('spec', 'controller')),
  columns: [
    { name: 'Controller', doc: 'Who implements it.', value: ({ spec }) => spec.controller ?? '' },
    { name: 'Parameters', doc: 'Where its parameters are.', value: ({ spec }) => parametersText(spec.parameters) },
    age,
  ],
})

const maxController = 250

function controllerErrors(controller: string, at: Path): FieldError[] {
  if (controller === '') return [at.required()]
  return [
    ...(Buffer.byteLength(controller) > maxController ? [at.tooLong(maxController)] : []),
    ...domainPrefixedPathErrors(controller, at),
  ]
}

function parameterErrors({ apiGroup, kind, name, scope, namespace }: IngressClassParametersReference, at: Path): FieldError[] {
  return [
    ...(apiGroup === undefined ? [] : dnsSubdomain(apiGroup, at.child('apiGroup'))),
    ...requiredAs(isPathSegmentName, kind, at.child('kind')),
    ...requiredAs(isPathSegmentName, name, at.child('name')),
    ...scopeErrors(scope, namespace, at),
  ]
}

function scopeErrors(scope: string | undefined, namespace: string | undefined, at: Path): FieldError[] {
  const here = at.child('namespace')
  switch (scope) {
    case undefined:
      return [at.child('scope').required()]
    case 'Namespace':
      if (namespace === undefined) return [here.required("`parameters.scope` is set to 'Namespace'")]
      return dnsLabel(namespace, here)
    case 'Cluster':
      return namespace === undefined ? [] : [here.forbidden("`parameters.scope` is set to 'Cluster'")]
    default:
      return [at.child('scope').notSupported(scope, ['Cluster', 'Namespace'])]
  }
}

function parametersText(parameters: IngressClassParametersReference | undefined): string {
  if (!parameters) return '<none>'
  const { apiGroup, kind, name } = parameters
  return `${apiGroup === undefined ? kind : `${kind}.${apiGroup}`}/${name}`
}

export interface IngressClass extends ObjectOf<typeof kind> {}
export const IngressClass: Kind<'IngressClass', IngressClass> = kind
