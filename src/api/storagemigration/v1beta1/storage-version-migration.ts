/** StorageVersionMigration: has all objects of a resource written anew, in the form that is current. */

import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import { Condition } from '#api/meta/v1/condition.ts'
import { resetMetadata } from '#api/meta/v1/reset-metadata.ts'
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { validateConditions } from '#schema/validate.ts'
import { always, list, object, optional, type Schema, string, type TypeOf } from '#schema/words.ts'

const groupResource = object('io.k8s.apimachinery.pkg.apis.meta.v1.GroupResource', {
  group: always(1, string(), { doc: 'Group of the resource.' }),
  resource: always(2, string(), { doc: 'The resource.' }),
})
export interface GroupResource extends TypeOf<typeof groupResource> {}
export const GroupResource: Schema<GroupResource> = groupResource

const storageVersionMigrationSpec = object('io.k8s.api.storagemigration.v1beta1.StorageVersionMigrationSpec', {
  resource: always(1, GroupResource, { isRequired: true, doc: 'Resource whose objects are written anew.' }),
})
export interface StorageVersionMigrationSpec extends TypeOf<typeof storageVersionMigrationSpec> {}
export const StorageVersionMigrationSpec: Schema<StorageVersionMigrationSpec> = storageVersionMigrationSpec

const storageVersionMigrationStatus = object('io.k8s.api.storagemigration.v1beta1.StorageVersionMigrationStatus', {
  conditions: optional(1, list(Condition, { listType: 'map', mapKeys: ['type'], mergeKey: 'type' })),
  resourceVersion: optional(2, string(), { doc: 'Version up to which objects are written.' }),
})
export interface StorageVersionMigrationStatus extends TypeOf<typeof storageVersionMigrationStatus> {}
export const StorageVersionMigrationStatus: Schema<StorageVersionMigrationStatus> = storageVersionMigrationStatus

const kind = defineKind({
  group: 'storagemigration.k8s.io',
  version: 'v1beta1',
  kind: 'StorageVersionMigration',
  plural: 'storageversionmigrations',
  scope: 'Cluster',
  doc: 'A storage version migration writes all objects of a resource anew.',
  schemaName: 'io.k8s.api.storagemigration.v1beta1.StorageVersionMigration',
  fields: {
    spec: always(2, StorageVersionMigrationSpec),
    status: always(3, StorageVersionMigrationStatus),
  },
  status: true,
  requireVersion: true,
  generationFrom: [],
  prepareStatus: (migration, old) => resetMetadata(migration.metadata, old.metadata),
  immutable: ['spec'],
  validate: ({ metadata, spec }, at) => [
    ...validateFinalizers(metadata, at),
    !spec.resource.resource && at.child('spec', 'resource', 'resource').required('resource is required'),
  ],
  validateStatusUpdate({ status }, { status: old }, at) {
    const here = at.child('status')
    const { resourceVersion = '', conditions = [] } = status
    const isTrue = (list: readonly Condition[] | undefined, type: string) =>
      list?.some((one) => one.type === type && one.status === 'True')
    const is = (type: string) => isTrue(conditions, type)
    const conditionsAt = here.child('conditions')
    return [
      !/^\d*$/.test(resourceVersion) &&
        here
          .child('resourceVersion')
          .invalid(resourceVersion, `failed to parse resource version ${JSON.stringify(resourceVersion)}`),
      ...validateConditions(conditions, conditionsAt),
      old.resourceVersion &&
        old.resourceVersion !== resourceVersion &&
        here.child('resourceVersion').invalid(resourceVersion, 'cannot be updated'),
      is('Succeeded') &&
        is('Failed') &&
        conditionsAt.invalid(conditions, 'Both success and failed conditions cannot be true at the same time'),
      is('Succeeded') &&
        is('Running') &&
        conditionsAt.invalid(conditions, 'Running condition cannot be true when success condition is true'),
      is('Failed') &&
        is('Running') &&
        conditionsAt.invalid(conditions, 'Running condition cannot be true when failed condition is true'),
      isTrue(old.conditions, 'Succeeded') &&
        !is('Succeeded') &&
        conditionsAt.invalid(conditions, 'Success condition cannot be set to false once it is true'),
      isTrue(old.conditions, 'Failed') &&
        !is('Failed') &&
        conditionsAt.invalid(conditions, 'Failed condition cannot be set to false once it is true'),
    ]
  },
  columns: [
    { name: 'Name', format: '', doc: 'Name, unique in the cluster.', value: ({ metadata }) => metadata.name },
    {
      name: 'Resource',
      doc: 'Resource whose objects are written anew, with its group.',
      value: ({ spec: { resource } }) => (resource.group ? `${resource.resource}.${resource.group}` : resource.resource),
    },
  ],
})

export interface StorageVersionMigration extends ObjectOf<typeof kind> {}
export const StorageVersionMigration: Kind<'StorageVersionMigration', StorageVersionMigration> = kind
