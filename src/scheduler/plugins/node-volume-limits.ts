/** NodeVolumeLimits keeps to the number of volumes of a driver that a node can attach. */
import { Node } from '#api/core/v1/node.ts'
import { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { CSINode } from '#api/storage/v1/csi-node.ts'
import { StorageClass } from '#api/storage/v1/storage-class.ts'
import { VolumeAttachment } from '#api/storage/v1/volume-attachment.ts'
import type { Objects } from '../framework/objects.ts'
import { definePlugin, unschedulable } from '../framework/plugin.ts'
import { claimNameOf } from '../framework/pod-facts.ts'
import type { Snapshot } from '../framework/snapshot.ts'
import { classOf } from './volume-claims.ts'
import { usesClaim } from './volume-cures.ts'

/** Unique name of a volume to the driver that attaches it. */
type Volumes = ReadonlyMap<string, string>

export const nodeVolumeLimits = definePlugin<Volumes>({
  name: 'NodeVolumeLimits',
  requeueOn: [
    {
      kind: CSINode,
      when: ['added', 'updated'],
      helps: (_, before: CSINode | undefined, after: CSINode) => !before || takesMore(before, after),
    },
    { kind: Pod, when: ['deleted'], helps: (_, before: Pod) => before.spec.volumes?.some(mayBeAttached) === true },
    { kind: Node, when: ['added'] },
    {
      kind: PersistentVolumeClaim,
      when: ['added', 'updated'],
      helps: (pod, _before, { metadata }: PersistentVolumeClaim) => usesClaim(pod, metadata),
    },
    {
      kind: VolumeAttachment,
      when: ['deleted'],
      helps: (pod, { spec }: VolumeAttachment, _after, snapshot) =>
        !snapshot ||
        volumesOf(pod, snapshot)
          .values()
          .some((driver) => driver === spec.attacher),
    },
  ],

  prepare(pod, snapshot) {
    const wanted = volumesOf(pod, snapshot)
    return wanted.size === 0 ? { skip: true } : { state: wanted }
  },

  filter({ state, snapshot }, node) {
    const limits = limitsOf(node.name, snapshot)
    if (limits.size === 0) return undefined
    // Most nodes are far from any limit, even if every claim there were of the one driver.
    const most = node.usedClaims.size + (attachments(snapshot).get(node.name)?.length ?? 0) + state.size
    if (limits.values().every((limit) => most <= limit)) return undefined
    const present = new Map<string, string>()
    for (const pod of node.pods) for (const [name, driver] of volumesOf(pod, snapshot)) present.set(name, driver)
    for (const [name, driver] of attachedTo(node.name, snapshot)) present.set(name, driver)
    const used = new Map<string, number>()
    for (const driver of present.values()) used.set(driver, (used.get(driver) ?? 0) + 1)
    const more = new Map<string, number>()
    for (const [name, driver] of state) if (!present.has(name)) more.set(driver, (more.get(driver) ?? 0) + 1)
    for (const [driver, count] of more) {
      const limit = limits.get(driver)
      if (limit !== undefined && (used.get(driver) ?? 0) + count > limit) {
        return unschedulable('node(s) exceed max volume count')
      }
    }
    return undefined
  },
})

/** Of some driver, or as many as anybody wants. */
function takesMore(before: CSINode, after: CSINode): boolean {
  const limits = driverLimits(after)
  return driverLimits(before)
    .entries()
    .some(([driver, limit]) => (limits.get(driver) ?? Number.POSITIVE_INFINITY) > limit)
}

/** Unlike files and tokens that come from the API. */
function mayBeAttached(volume: NonNullable<Pod['spec']['volumes']>[number]): boolean {
  const { persistentVolumeClaim, ephemeral, awsElasticBlockStore, gcePersistentDisk, azureDisk, azureFile } = volume
  const { cinder, vsphereVolume, portworxVolume } = volume
  const inTree = awsElasticBlockStore ?? gcePersistentDisk ?? azureDisk ?? azureFile ?? cinder ?? vsphereVolume ?? portworxVolume
  return (persistentVolumeClaim ?? ephemeral ?? inTree) !== undefined
}

function limitsOf(name: string, { objects }: Snapshot): ReadonlyMap<string, number> {
  const node = objects.get(CSINode, { name })
  return node ? driverLimits(node) : none
}

const none: ReadonlyMap<string, number> = new Map()

function driverLimits({ spec }: CSINode): ReadonlyMap<string, number> {
  const limits = new Map<string, number>()
  for (const driver of spec.drivers) {
    if (driver.allocatable?.count !== undefined) limits.set(driver.name, driver.allocatable.count)
  }
  return limits
}

/** A claim without a volume counts for the driver of its class under a name that stands for it. */
function volumesOf(pod: Pod, { objects }: Snapshot): Volumes {
  const volumes = new Map<string, string>()
  const { namespace = '' } = pod.metadata
  for (const volume of pod.spec.volumes ?? []) {
    const name = claimNameOf(pod, volume)
    const claim = name === undefined ? undefined : objects.get(PersistentVolumeClaim, { name, namespace })
    if (!claim) continue
    const bound = claim.spec.volumeName ? objects.get(PersistentVolume, { name: claim.spec.volumeName }) : undefined
    if (bound) {
      const { csi } = bound.spec
      if (csi) volumes.set(`${csi.driver}/${csi.volumeHandle}`, csi.driver)
      continue
    }
    const driver = objects.get(StorageClass, { name: classOf(claim) })?.provisioner
    if (driver) volumes.set(`${driver}/${namespace}/${name}`, driver)
  }
  return volumes
}

type ByNode = ReadonlyMap<string, readonly VolumeAttachment[]>

const known = new WeakMap<Objects, { readonly generation: number; readonly byNode: ByNode }>()

/** Sorted once for each state of them. */
function attachments({ objects }: Pick<Snapshot, 'objects'>): ByNode {
  const generation = objects.generation(VolumeAttachment)
  const found = known.get(objects)
  if (found?.generation === generation) return found.byNode
  const byNode = Map.groupBy(objects.list(VolumeAttachment), ({ spec }) => spec.nodeName)
  known.set(objects, { generation, byNode })
  return byNode
}

function attachedTo(node: string, { objects }: Snapshot): Volumes {
  const volumes = new Map<string, string>()
  for (const { spec } of attachments({ objects }).get(node) ?? []) {
    const name = spec.source.persistentVolumeName
    const csi = name ? objects.get(PersistentVolume, { name })?.spec.csi : undefined
    if (csi) volumes.set(`${csi.driver}/${csi.volumeHandle}`, csi.driver)
  }
  return volumes
}
