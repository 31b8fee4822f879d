/** ResourceClaimTemplate: claims that are made for each pod. */
import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import { validateClaimSpec } from '#api/resource/v1/claim-validation.ts'
import { defaultClaimSpec, ResourceClaimSpec } from '#api/resource/v1/resource-claim.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { ObjectMeta } from '#schema/object-meta.ts'
import { validateAnnotations, validateLabels } from '#schema/validate.ts'
import { always, object, type Schema, type TypeOf } from '#schema/words.ts'

const resourceClaimTemplateSpec = object('io.k8s.api.resource.v1.ResourceClaimTemplateSpec', {
  metadata: always(1, ObjectMeta),
  spec: always(2, ResourceClaimSpec, { isRequired: true }),
})
export interface ResourceClaimTemplateSpec extends TypeOf<typeof resourceClaimTemplateSpec> {}
export const ResourceClaimTemplateSpec: Schema<ResourceClaimTemplateSpec> = resourceClaimTemplateSpec

const kind = defineKind({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceClaimTemplate',
  plural: 'resourceclaimtemplates',
  scope: 'Namespaced',
  doc: 'A resource claim template is what claims of pods are made of.',
  schemaName: 'io.k8s.api.resource.v1.ResourceClaimTemplate',
  fields: {
    spec: always(2, ResourceClaimTemplateSpec, { isRequired: true }),
  },
  immutable: ['spec'],
  defaults: ({ spec }) => defaultClaimSpec(spec.spec),
  validateCreate: ({ metadata, spec }, at) => [
    ...validateFinalizers(metadata, at),
    ...validateAnnotations(spec.metadata.annotations, at.child('spec', 'metadata', 'annotations')),
    ...validateLabels(spec.metadata.labels, at.child('spec', 'metadata', 'labels')),
    ...validateClaimSpec(spec.spec, at.child('spec', 'spec')),
  ],
  columns: [age],
})

export interface ResourceClaimTemplate extends ObjectOf<typeof kind> {}
export const ResourceClaimTemplate: Kind<'ResourceClaimTemplate', ResourceClaimTemplate> = kind
