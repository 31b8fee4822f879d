/** VolumeAttributesClass: attributes of volumes that may be changed later, such as throughput. */
import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import { sameTexts, validateParameters, validateProvisioner } from '#api/storage/v1/validation.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { always, map, optional, string } from '#schema/words.ts'

const kind = defineKind({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttributesClass',
  plural: 'volumeattributesclasses',
  scope: 'Cluster',
  doc: 'A volume attributes class names attributes that a driver gives to volumes, also to existing ones.',
  schemaName: 'io.k8s.api.storage.v1.VolumeAttributesClass',
  shortNames: ['vac'],
  fields: {
    driverName: always(2, string(), { doc: 'Driver that knows the attributes.' }),
    parameters: optional(3, map(string()), { doc: 'The attributes.' }),
  },
  validate: ({ metadata, driverName, parameters }, at) => [
    ...validateFinalizers(metadata, at),
    ...validateProvisioner(driverName, at.child('driverName')),
    ...validateParameters(parameters, at.child('parameters')),
    Object.keys(parameters ?? {}).length === 0 && at.child('parameters').required('must contain at least one key/value pair'),
  ],
  validateUpdate: (now, old, at) => [
    now.driverName !== old.driverName && at.child('driverName').forbidden('updates to driverName are forbidden.'),
    !sameTexts(now.parameters, old.parameters) && at.child('parameters').forbidden('updates to parameters are forbidden.'),
  ],
  columns: [
    {
      name: 'Name',
      doc: 'Name of the class; the default one is marked.',
      value: ({ metadata: { name, annotations } }) =>
        annotations?.['volumeattributesclass.beta.kubernetes.io/is-default-class'] === 'true' ? `${name} (default)` : name,
    },
    { name: 'DriverName', doc: 'Driver that knows the attributes.', value: ({ driverName }) => driverName },
    age,
  ],
})

export interface VolumeAttributesClass extends ObjectOf<typeof kind> {}
export const VolumeAttributesClass: Kind<'VolumeAttributesClass', VolumeAttributesClass> = kind
