/** PersistentVolumeClaimResize: claims grow only where their class says that its volumes can (upstream `persistentvolume/resize`). */
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { StorageClass } from '#api/storage/v1/storage-class.ts'
import { compareQuantity } from '#schema/quantity.ts'
import type { AdmissionPlugin, Lister } from './plugin.ts'
import { refuse } from './refuse.ts'

export const persistentVolumeClaimResize: AdmissionPlugin = {
  name: 'PersistentVolumeClaimResize',
  handles: ({ operation, kind, subresource }) =>
    operation === 'UPDATE' && kind.plural === PersistentVolumeClaim.plural && kind.group === '' && !subresource,
  validate(request, { lister }) {
    const { object, old } = request
    if (compareQuantity(sizeOf(object), sizeOf(old)) <= 0) return
    if (old.status?.phase !== 'Bound') throw refuse(request, 'Only bound persistent volume claims can be expanded')
    if (mayGrow(object, old, lister)) return
    const why = 'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize'
    throw refuse(request, why)
  },
}

function sizeOf({ spec }: PersistentVolumeClaim): string {
  return spec.resources?.requests?.storage ?? '0'
}

function mayGrow(claim: PersistentVolumeClaim, old: PersistentVolumeClaim, lister: Lister): boolean {
  const name = classOf(claim)
  return Boolean(name) && name === classOf(old) && lister.get(StorageClass, name as string)?.allowVolumeExpansion === true
}

function classOf({ metadata, spec }: PersistentVolumeClaim): string | undefined {
  return metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? spec.storageClassName
}
