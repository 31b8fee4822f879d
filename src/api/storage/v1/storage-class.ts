/** StorageClass: how volumes of a kind are provisioned. */
import { nodeLabelAdvice } from '#api/core/v1/node-label-warnings.ts'
import { TopologySelectorTerm, validateTopologyTerm } from '#api/core/v1/topology-selector.ts'
import { among } from '#api/core/v1/validation/checks.ts'
import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import { isDefaultClass, sameTexts, validateParameters, validateProvisioner } from '#api/storage/v1/validation.ts'
import { root } from '#schema/field-error.ts'
import { age, defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { immutableErrors } from '#schema/validate.ts'
import { always, boolean, known, list, map, optional, pointer, string } from '#schema/words.ts'

const kind = defineKind({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'StorageClass',
  plural: 'storageclasses',
  scope: 'Cluster',
  doc: 'A storage class says who provisions volumes, and how.',
  schemaName: 'io.k8s.api.storage.v1.StorageClass',
  shortNames: ['sc'],
  fields: {
    provisioner: always(2, string(), { doc: 'Driver that makes the volumes.' }),
    parameters: optional(3, map(string()), { doc: 'Parameters for the driver.' }),
    reclaimPolicy: pointer(4, known('Delete', 'Recycle', 'Retain'), {
      default: 'Delete',
      doc: 'What becomes of a volume that is released: Delete or Retain.',
    }),
    mountOptions: optional(5, list(string(), { listType: 'atomic' }), { doc: 'Options of mount for the volumes.' }),
    allowVolumeExpansion: pointer(6, boolean(), { doc: 'Whether volumes may grow.' }),
    volumeBindingMode: pointer(7, known('Immediate', 'WaitForFirstConsumer'), {
      default: 'Immediate',
      doc: 'Whether volumes are bound at once or when a pod needs them.',
    }),
    allowedTopologies: optional(8, list(TopologySelectorTerm, { listType: 'atomic' }), {
      doc: 'Places where volumes may be made.',
    }),
  },
  validateCreate: (storageClass, at) => [
    ...validateFinalizers(storageClass.metadata, at),
    ...validateProvisioner(storageClass.provisioner, at.child('provisioner')),
    ...validateParameters(storageClass.parameters, at.child('parameters')),
    ...(storageClass.reclaimPolicy ? among(storageClass.reclaimPolicy, ['Delete', 'Retain'], at.child('reclaimPolicy')) : []),
    ...among(storageClass.volumeBindingMode, ['Immediate', 'WaitForFirstConsumer'], at.child('volumeBindingMode')),
    ...(storageClass.allowedTopologies ?? []).flatMap((term, index) =>
      validateTopologyTerm(term, at.child('allowedTopologies').index(index)),
    ),
  ],
  warnings: ({ allowedTopologies = [] }) =>
    allowedTopologies.flatMap(({ matchLabelExpressions = [] }, index) =>
      matchLabelExpressions.flatMap(({ key }, position) => {
        const at = root.child('allowedTopologies').index(index).child('matchLabelExpressions').index(position).child('key')
        const advice = nodeLabelAdvice(key)
        return advice ? [`${at}: ${advice}`] : []
      }),
    ),
  validateUpdate: (now, old, at) => [
    !sameTexts(now.parameters, old.parameters) && at.child('parameters').forbidden('updates to parameters are forbidden.'),
    now.provisioner !== old.provisioner && at.child('provisioner').forbidden('updates to provisioner are forbidden.'),
    now.reclaimPolicy !== old.reclaimPolicy && at.child('reclaimPolicy').forbidden('updates to reclaimPolicy are forbidden.'),
    ...immutableErrors(now.volumeBindingMode, old.volumeBindingMode, at.child('volumeBindingMode')),
  ],
  columns: [
    {
      name: 'Name',
      doc: 'Name of the class; the default one is marked.',
      value: ({ metadata }) => (isDefaultClass(metadata.annotations) ? `${metadata.name} (default)` : metadata.name),
    },
    { name: 'Provisioner', doc: 'Who provisions.', value: ({ provisioner }) => provisioner },
    { name: 'ReclaimPolicy', doc: 'What becomes of released volumes.', value: ({ reclaimPolicy }) => reclaimPolicy },
    { name: 'VolumeBindingMode', doc: 'When volumes are bound.', value: ({ volumeBindingMode }) => volumeBindingMode },
    {
      name: 'AllowVolumeExpansion',
      doc: 'Whether volumes may grow.',
      value: ({ allowVolumeExpansion }) => allowVolumeExpansion ?? false,
    },
    age,
  ],
})

export interface StorageClass extends ObjectOf<typeof kind> {}
export const StorageClass: Kind<'StorageClass', StorageClass> = kind
