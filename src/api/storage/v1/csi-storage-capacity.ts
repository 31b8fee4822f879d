/** CSIStorageCapacity: how much storage a driver can provide in one part of the cluster. */
import { nodeSelectorWarnings } from '#api/core/v1/node-label-warnings.ts'
import { formatted } from '#api/core/v1/validation/checks.ts'
import { validateFinalizers } from '#api/core/v1/validation/metadata.ts'
import { LabelSelector } from '#api/meta/v1/label-selector.ts'
import type { FieldError, Path } from '#schema/field-error.ts'
import { root } from '#schema/field-error.ts'
import { isDns1123Subdomain } from '#schema/formats.ts'
import { defineKind, type Kind, type ObjectOf } from '#schema/kind.ts'
import { compareQuantity } from '#schema/quantity.ts'
import { immutableErrors, validateLabelSelector } from '#schema/validate.ts'
import { always, pointer, quantity, string } from '#schema/words.ts'

const kind = defineKind({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIStorageCapacity',
  plural: 'csistoragecapacities',
  scope: 'Namespaced',
  doc: 'A CSI storage capacity is what GetCapacity of a driver answered for a storage class and some nodes.',
  schemaName: 'io.k8s.api.storage.v1.CSIStorageCapacity',
  requireVersion: true,
  fields: {
    nodeTopology: pointer(2, LabelSelector, { doc: 'Nodes that the capacity is for.' }),
    storageClassName: always(3, string(), { doc: 'Class that it is for.' }),
    capacity: pointer(4, quantity(), { doc: 'What is available.' }),
    maximumVolumeSize: pointer(5, quantity(), { doc: 'Largest volume that can be made.' }),
  },
  validateCreate: ({ metadata, nodeTopology, storageClassName, capacity }, at) => [
    ...validateFinalizers(metadata, at),
    ...validateLabelSelector(nodeTopology, at.child('nodeTopology')),
    ...formatted(isDns1123Subdomain, storageClassName, at.child('storageClassName')),
    ...nonNegativeQuantity(capacity, at.child('capacity')),
  ],
  warnings: ({ nodeTopology }) => nodeSelectorWarnings(nodeTopology, root.child('nodeTopology')),
  validateUpdate: (now, old, at) => [
    ...immutableErrors(now.nodeTopology, old.nodeTopology, at.child('nodeTopology')),
    ...immutableErrors(now.storageClassName, old.storageClassName, at.child('storageClassName')),
  ],
  columns: [
    { name: 'StorageClassName', doc: 'Class that the capacity is for.', value: ({ storageClassName }) => storageClassName },
    { name: 'Capacity', doc: 'What is available.', value: ({ capacity }) => capacity ?? '<unset>' },
  ],
})

function nonNegativeQuantity(value: string | undefined, at: Path): FieldError[] {
  const isNegative = value !== undefined && compareQuantity(value, '0') < 0
  return isNegative ? [at.invalid(value, 'must be greater than or equal to 0')] : []
}

export interface CSIStorageCapacity extends ObjectOf<typeof kind> {}
export const CSIStorageCapacity: Kind<'CSIStorageCapacity', CSIStorageCapacity> = kind
