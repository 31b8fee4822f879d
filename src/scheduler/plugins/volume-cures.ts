/** Which changes may help pods that were refused for their volumes (upstream's `EventsToRegister` and queueing hints of the volume plugins). */
import { Node } from '#api/core/v1/node.ts'
import { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { CSIDriver } from '#api/storage/v1/csi-driver.ts'
import { CSINode } from '#api/storage/v1/csi-node.ts'
import { CSIStorageCapacity } from '#api/storage/v1/csi-storage-capacity.ts'
import { StorageClass } from '#api/storage/v1/storage-class.ts'
import { compareQuantity } from '#schema/quantity.ts'
import type { Cure } from '../framework/plugin.ts'
import { factsOf } from '../framework/pod-facts.ts'

const ownClaim: Cure = {
  kind: PersistentVolumeClaim,
  when: ['added', 'updated'],
  helps: (pod, _before, { metadata }: PersistentVolumeClaim) => usesClaim(pod, metadata),
}

export function usesClaim(pod: Pod, { namespace, name }: PersistentVolumeClaim['metadata']): boolean {
  return factsOf(pod).volumeClaims.includes(`${namespace}/${name}`)
}

export const volumeBindingCures: readonly Cure[] = [
  {
    kind: StorageClass,
    when: ['added', 'updated'],
    helps: (_, before: StorageClass | undefined, after: StorageClass) => !before || differs('allowedTopologies', before, after),
  },
  ownClaim,
  { kind: PersistentVolume, when: ['added', 'updated'] },
  { kind: Node, when: ['added', 'labelsChanged'] },
  {
    kind: CSINode,
    when: ['added', 'updated'],
    helps: (_, before: CSINode | undefined, after: CSINode) => !before || migratedIn(before) !== migratedIn(after),
  },
  {
    kind: CSIDriver,
    when: ['updated'],
    // Room is not asked for any more.
    helps: (_, before: CSIDriver, after: CSIDriver) => before.spec.storageCapacity === true && !after.spec.storageCapacity,
  },
  {
    kind: CSIStorageCapacity,
    when: ['added', 'updated'],
    helps: (_, before: CSIStorageCapacity | undefined, after: CSIStorageCapacity) => !before || hasGrown(before, after),
  },
]

export const volumeZoneCures: readonly Cure[] = [
  {
    kind: StorageClass,
    when: ['added'],
    helps: (_, _before, after: StorageClass) => after.volumeBindingMode === 'WaitForFirstConsumer',
  },
  { kind: Node, when: ['added', 'labelsChanged'] },
  ownClaim,
  {
    kind: PersistentVolume,
    when: ['added', 'updated'],
    helps: (_, before: PersistentVolume | undefined, after: PersistentVolume) => !before || zonesOf(before) !== zonesOf(after),
  },
]

function differs<T>(field: keyof T, before: T, after: T): boolean {
  return JSON.stringify(before[field]) !== JSON.stringify(after[field])
}

function migratedIn({ metadata }: CSINode): string {
  return metadata.annotations?.['storage.alpha.kubernetes.io/migrated-plugins'] ?? ''
}

function hasGrown(before: CSIStorageCapacity, after: CSIStorageCapacity): boolean {
  const [old, now] = [before, after].map(({ maximumVolumeSize, capacity }) => maximumVolumeSize ?? capacity)
  return now !== undefined && (old === undefined || compareQuantity(now, old) > 0)
}

const zoneLabels = [
  ...['failure-domain.beta.kubernetes.io/zone', 'failure-domain.beta.kubernetes.io/region'],
  ...['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'],
]

function zonesOf({ metadata }: PersistentVolume): string {
  return JSON.stringify(zoneLabels.map((label) => metadata.labels?.[label]))
}
