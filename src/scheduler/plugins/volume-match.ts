/** Which volume suits a claim on a node, and whether one could be provisioned there (upstream `volume/persistentvolume/util`, `volumebinding/binder.go`). */
import { matchesSelector } from '#api/core/v1/node-selector.ts'
import { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import type { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { selects } from '#api/meta/v1/label-selector.ts'
import { CSIDriver } from '#api/storage/v1/csi-driver.ts'
import { CSIStorageCapacity } from '#api/storage/v1/csi-storage-capacity.ts'
import { StorageClass } from '#api/storage/v1/storage-class.ts'
import { compareQuantity } from '#schema/quantity.ts'
import type { NodeInfo, Snapshot } from '../framework/snapshot.ts'
import type { VolumeMatch } from './volume-bind.ts'
import { classOf } from './volume-claims.ts'

const bindConflict = "node(s) didn't find available persistent volumes to bind"
const notEnough = 'node(s) did not have enough free storage'
const noProvisioner = 'kubernetes.io/no-provisioner'

/** Small claims first, each with the smallest volume that will do. */
export function matchVolumes(claims: readonly PersistentVolumeClaim[], node: NodeInfo, snapshot: Snapshot) {
  const matches: VolumeMatch[] = []
  const unmatched: PersistentVolumeClaim[] = []
  const used = new Set<string>()
  for (const claim of claims.toSorted((a, b) => compareQuantity(sizeOf(a), sizeOf(b)))) {
    const volume = bestVolume(claim, { node, snapshot, used })
    if (!volume) {
      unmatched.push(claim)
      continue
    }
    used.add(volume.metadata.name)
    matches.push({ claim, volume })
  }
  return { matches, unmatched }
}

interface Search {
  readonly node: NodeInfo
  readonly snapshot: Snapshot
  readonly used: ReadonlySet<string>
}

/** One that is kept for this claim goes before all others, and where it cannot be reached no other will do. */
function bestVolume(claim: PersistentVolumeClaim, { node, snapshot, used }: Search): PersistentVolume | undefined {
  let best: PersistentVolume | undefined
  for (const volume of snapshot.objects.list(PersistentVolume)) {
    const { spec, metadata, status } = volume
    if (used.has(metadata.name) || metadata.deletionTimestamp || classOf(volume) !== classOf(claim)) continue
    if (spec.claimRef && !isFor(spec.claimRef, claim)) continue
    if ((spec.volumeMode ?? 'Filesystem') !== (claim.spec.volumeMode ?? 'Filesystem')) continue
    if ((spec.volumeAttributesClassName ?? '') !== (claim.spec.volumeAttributesClassName ?? '')) continue
    if (compareQuantity(spec.capacity?.storage ?? '0', sizeOf(claim)) < 0) continue
    const isReachable = !spec.nodeAffinity?.required || matchesSelector(spec.nodeAffinity.required, node.node)
    if (spec.claimRef) return isReachable ? volume : undefined
    if (!isReachable || status?.phase !== 'Available') continue
    if (claim.spec.selector && !selects(claim.spec.selector, metadata.labels)) continue
    if (!(claim.spec.accessModes ?? []).every((mode) => spec.accessModes?.includes(mode))) continue
    if (!best || compareQuantity(spec.capacity?.storage ?? '0', best.spec.capacity?.storage ?? '0') < 0) best = volume
  }
  return best
}

/** Kept for the claim, by whoever made the volume or by an earlier decision. */
export function isFor(ref: NonNullable<PersistentVolume['spec']['claimRef']>, { metadata }: PersistentVolumeClaim): boolean {
  return ref.name === metadata.name && ref.namespace === metadata.namespace && (!ref.uid || ref.uid === metadata.uid)
}

function sizeOf({ spec }: PersistentVolumeClaim): string {
  return spec.resources?.requests?.storage ?? '0'
}

/** Why no volume can be made for the claim where the node is; undefined when one can. */
export function canProvision(claim: PersistentVolumeClaim, node: NodeInfo, { objects }: Snapshot): string | undefined {
  const name = classOf(claim)
  const storageClass = objects.get(StorageClass, { name })
  if (!storageClass?.provisioner || storageClass.provisioner === noProvisioner) return bindConflict
  if (!isAllowedTopology(storageClass, node)) return bindConflict
  const driver = objects.get(CSIDriver, { name: storageClass.provisioner })
  if (!driver?.spec.storageCapacity) return undefined
  const fits = objects.list(CSIStorageCapacity).some((capacity) => {
    if (capacity.storageClassName !== name) return false
    const most = capacity.maximumVolumeSize ?? capacity.capacity
    if (most === undefined || compareQuantity(most, sizeOf(claim)) < 0) return false
    return capacity.nodeTopology !== undefined && selects(capacity.nodeTopology, node.node.metadata.labels)
  })
  return fits ? undefined : notEnough
}

function isAllowedTopology({ allowedTopologies = [] }: StorageClass, { node }: NodeInfo): boolean {
  const labels = node.metadata.labels ?? {}
  if (allowedTopologies.length === 0) return true
  return allowedTopologies.some(({ matchLabelExpressions = [] }) =>
    matchLabelExpressions.every(({ key, values }) => labels[key] !== undefined && values.includes(labels[key])),
  )
}
