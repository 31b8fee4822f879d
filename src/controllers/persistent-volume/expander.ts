/** Expander: claims that ask for more than their volume holds. Directories have no size, so theirs grows at once; others wait. */
import { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { compareQuantity } from '#schema/quantity.ts'
import { defineController } from '../runtime/controller.ts'
import { localPathProvisioner } from './local-path.ts'
import { annotations, isFor, sizeOf } from './match.ts'

export const expandController = defineController({
  name: 'persistentvolume-expander-controller',
  account: 'expand-controller',
  component: 'volume_expand',
  for: PersistentVolumeClaim,
  reads: [PersistentVolume],
  writes: [PersistentVolume],
  when: ({ object, old }) =>
    object !== undefined && (!old || wantedOf(object) !== wantedOf(old) || object.status.phase !== old.status.phase),

  async reconcile(claim, cluster) {
    const volume = cluster.get(PersistentVolume, { name: claim.spec.volumeName ?? '' })
    const storage = wantedOf(claim)
    if (claim.status.phase !== 'Bound' || !volume || !isFor(volume, claim)) return
    if (compareQuantity(storage, claim.status.capacity?.storage ?? '0') <= 0) return
    if (volume.metadata.annotations?.[annotations.provisionedBy] !== localPathProvisioner) {
      const message = 'waiting for an external controller to expand this PVC'
      cluster.event(claim, { type: 'Normal', reason: 'ExternalExpanding', message })
      return
    }
    if (compareQuantity(sizeOf(volume), storage) < 0) {
      await cluster.patch(PersistentVolume, volume, { type: 'merge', body: { spec: { capacity: { storage } } } })
    }
    await cluster.status(PersistentVolumeClaim, claim, { ...claim.status, capacity: { ...claim.status.capacity, storage } })
  },
})

function wantedOf({ spec }: PersistentVolumeClaim): string {
  return spec.resources?.requests?.storage ?? '0'
}
