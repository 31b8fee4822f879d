/** PodTemplate: a pod template as an object of its own. */
import { defaultPodTemplate } from '#api/core/v1/pod-defaults.ts'
import { dropGatedFields } from '#api/core/v1/pod-gates.ts'
import { PodTemplateSpec } from '#api/core/v1/pod-spec.ts'
import { podTemplateWarnings } from '#api/core/v1/pod-warnings.ts'
import { labelsText, templateColumns } from '#api/core/v1/template-columns.ts'
import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import { validatePodTemplate } from '#api/core/v1/validation/pod-template.ts'
import { root } from '#schema/field-error.ts'
import { type Column, defineKind, type Kind, type KubeObject, type ObjectOf } from '#schema/kind.ts'
import { always } from '#schema/words.ts'

interface TemplateParts extends KubeObject {
  template: PodTemplateSpec
}

/** They belong to `-o wide` elsewhere. */
const shown: readonly Column<TemplateParts>[] = templateColumns.map(({ name, doc = '', value }) => ({
  name,
  doc,
  value: ({ template }, context) => value({ spec: { template } }, context),
}))

const kind = defineKind({
  group: '',
  version: 'v1',
  kind: 'PodTemplate',
  plural: 'podtemplates',
  scope: 'Namespaced',
  doc: 'A pod template describes pods that somebody may make from it.',
  schemaName: 'io.k8s.api.core.v1.PodTemplate',
  fields: {
    template: always(2, PodTemplateSpec, { doc: 'What pods are made from.' }),
  },
  generationFrom: ['template'],
  defaults: ({ template }) => defaultPodTemplate(template),
  prepare: ({ template }, old) => dropGatedFields(template.spec, old?.template.spec),
  validate: ({ metadata, template }, at) => [
    ...validateFinalizers(metadata, at),
    ...validatePodTemplate(template, at.child('template')),
  ],
  warnings: ({ metadata, template }, old) =>
    old && old.metadata.generation === metadata.generation ? [] : podTemplateWarnings(template, root.child('template')),
  columns: [
    ...shown,
    { name: 'Pod Labels', doc: 'Labels of the pods.', value: ({ template }) => labelsText(template.metadata.labels) },
  ],
})

export interface PodTemplate extends ObjectOf<typeof kind> {}
export const PodTemplate: Kind<'PodTemplate', PodTemplate> = kind
