/** CustomResourceDefinition: a kind of objects that is made known at run time. */
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always } from '#schema/words.ts'
import { CustomResourceDefinitionSpec } from './custom-resource-definition-spec.ts'
import { CustomResourceDefinitionStatus } from './custom-resource-definition-status.ts'
import { formatWarnings } from './validation/format-warnings.ts'
import {
  validateCustomResourceDefinition,
  validateCustomResourceDefinitionStatus,
  validateCustomResourceDefinitionUpdate,
} from './validation/validate.ts'

const group = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1'

const kind = defineKind({
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  scope: 'Cluster',
  doc: 'A custom resource definition adds a kind of objects to the API.',
  schemaName: `${group}.CustomResourceDefinition`,
  storagePrefix: 'apiextensions.k8s.io/customresourcedefinitions',
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  status: true,
  requireVersion: true,
  fields: {
    spec: always(2, CustomResourceDefinitionSpec, { isRequired: true, doc: 'What is defined.' }),
    status: always(3, CustomResourceDefinitionStatus, { doc: 'Whether it is served.' }),
  },
  defaults({ spec, status }) {
    const { names, versions } = spec
    names.singular ||= names.kind.toLowerCase()
    if (names.kind) names.listKind ||= `${names.kind}List`
    if (!names.singular) delete names.singular
    spec.conversion ??= { strategy: 'None' }
    const stored = versions.find(({ storage }) => storage)
    if (status.storedVersions.length === 0 && stored) status.storedVersions.push(stored.name)
  },
  prepare(definition, old) {
    const { spec } = definition
    definition.status = old
      ? { ...old.status, storedVersions: [...old.status.storedVersions] }
      : { conditions: [], acceptedNames: { plural: '', kind: '' }, storedVersions: [] }
    const stored = spec.versions.find(({ storage }) => storage)?.name
    const { storedVersions } = definition.status
    if (stored !== undefined && !storedVersions.includes(stored)) storedVersions.push(stored)
  },
  markDeleted: (definition, now) => markDeleted(definition, now),
  validateCreate: (definition) => validateCustomResourceDefinition(definition),
  validateUpdate: (definition, old) => validateCustomResourceDefinitionUpdate(definition, old),
  validateStatusUpdate: ({ status }) => validateCustomResourceDefinitionStatus(status),
  warnings: ({ spec }, old) => formatWarnings(spec, old?.spec),
})

export interface CustomResourceDefinition extends ObjectOf<typeof kind> {}
export const CustomResourceDefinition: Kind<'CustomResourceDefinition', CustomResourceDefinition> = kind

/** Held until its objects are gone. */
export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io'

function markDeleted<T extends Pick<CustomResourceDefinition, 'metadata' | 'status'>>(definition: T, now: string): T {
  const { metadata, status } = definition
  const finalizers = metadata.finalizers ?? []
  const reason = 'InstanceDeletionPending'
  const message = 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon'
  const terminating = { type: 'Terminating' as const, status: 'True' as const, lastTransitionTime: now, reason, message }
  return {
    ...definition,
    metadata: {
      ...metadata,
      deletionTimestamp: now,
      finalizers: finalizers.includes(cleanupFinalizer) ? finalizers : [...finalizers, cleanupFinalizer],
    },
    status: { ...status, conditions: [...status.conditions.filter(({ type }) => type !== 'Terminating'), terminating] },
  }
}
