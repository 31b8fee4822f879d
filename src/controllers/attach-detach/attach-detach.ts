/**
 * Attach-detach controller: asks CSI drivers, by VolumeAttachments, to attach to a node what its pods use and to take away what they do
 * not. What is attached stands in those objects; nothing but the time since when one is idle is remembered here.
 */
import { Node } from '#api/core/v1/node.ts'
import { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import { PersistentVolumeClaim } from '#api/core/v1/persistent-volume-claim.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { CSIDriver } from '#api/storage/v1/csi-driver.ts'
import { VolumeAttachment } from '#api/storage/v1/volume-attachment.ts'
import { hasReason } from '#schema/status-error.ts'
import { podsByNode, podsOn } from '../node/pods-by-node.ts'
import { claimsOfPod, podsByClaim, podsWithClaim } from '../persistent-volume/claims-of-pods.ts'
import { type Cluster, type Controller, defineController } from '../runtime/controller.ts'
import { type Attachable, type Attached, attachmentName, planAttachments, uniqueName } from './plan.ts'

type Reads = typeof Node | typeof PersistentVolume | typeof PersistentVolumeClaim | typeof Pod | typeof CSIDriver
type Own = Cluster<Reads | typeof VolumeAttachment, typeof VolumeAttachment | typeof Node>

/** Nodes whose agent leaves attaching to this controller say so. */
const managed = 'volumes.kubernetes.io/controller-managed-attach-detach'
/** Seconds between looks at what waits (`attach-detach-reconcile-sync-period` is a minute). */
const resync = 60

export function attachDetachController(): Controller {
  const idle = new Map<string, number>()
  return defineController({
    name: 'persistentvolume-attach-detach-controller',
    account: 'attachdetach-controller',
    component: 'attachdetach-controller',
    for: Node,
    reads: [VolumeAttachment, PersistentVolume, PersistentVolumeClaim, Pod, CSIDriver],
    writes: [VolumeAttachment, Node],
    // A heartbeat changes nothing here.
    when: ({ object, old }) => !object || !old || attachRelevant(object) !== attachRelevant(old),
    indexes: [podsByNode, podsByClaim],
    watches: [
      {
        kind: Pod,
        when: ({ object, old }) =>
          !object || !old || isOver(object) !== isOver(old) || object.spec.nodeName !== old.spec.nodeName,
        visits: (pod: Pod) => (pod.spec.nodeName && claimsOfPod(pod).length > 0 ? [{ name: pod.spec.nodeName }] : []),
      },
      { kind: VolumeAttachment, visits: ({ spec }: VolumeAttachment) => [{ name: spec.nodeName }] },
      {
        kind: PersistentVolumeClaim,
        when: ({ object, old }) => object?.spec.volumeName !== old?.spec.volumeName,
        visits: ({ metadata }: PersistentVolumeClaim, caches) =>
          podsWithClaim(caches, metadata)
            .filter(({ spec }: Pod) => spec.nodeName)
            .map(({ spec }: Pod) => ({ name: spec.nodeName ?? '' })),
      },
    ],
    reconcile: (node, cluster) => visit(node, cluster, idle),

    /** Nobody unmounts any more. */
    async reconcileAbsent({ name }, cluster) {
      for (const { attachment } of ownOf(name, cluster)) await detach(attachment, cluster)
    },
  })
}

async function visit(node: Node, cluster: Own, idle: Map<string, number>) {
  const { name } = node.metadata
  const attached = ownOf(name, cluster)
  const own = attached.map(({ attachment }) => attachment)
  const pods = podsOn(cluster, name)
  const wanted = node.metadata.annotations?.[managed] ? pods.flatMap((pod) => attachablesOf(pod, cluster)) : []
  if (own.length === 0 && wanted.length === 0 && !node.status.volumesAttached?.length) return
  const now = cluster.clock.now()
  noteIdle(idle, { own, wanted, node: name, now })
  const plan = planAttachments({
    node,
    wanted,
    attached,
    elsewhere: cluster.list(VolumeAttachment).filter(({ spec }) => spec.nodeName !== name),
    users: (volume) =>
      cluster.list(Pod).filter((pod) => pod.spec.nodeName !== name && !isOver(pod) && usesVolume(pod, volume, cluster)),
    idleSince: (attachment) => idle.get(attachment) ?? now,
    now,
  })
  for (const { pod, message } of plan.refusals) cluster.event(pod, { type: 'Warning', reason: 'FailedAttachVolume', message })
  // First the node is told that the volume goes, so that nothing mounts it meanwhile.
  const { volumesAttached: _, ...status } = node.status
  const next = plan.volumesAttached.length > 0 ? { ...status, volumesAttached: [...plan.volumesAttached] } : status
  if (JSON.stringify(node.status.volumesAttached ?? []) !== JSON.stringify(plan.volumesAttached)) {
    await cluster.status(Node, node, next)
  }
  tell(node, { own, wanted }, cluster)
  for (const one of plan.detach) await detach(one, cluster)
  for (const { name: attachment, volume } of plan.attach) {
    const spec = {
      attacher: volume.spec.csi?.driver ?? '',
      nodeName: name,
      source: { persistentVolumeName: volume.metadata.name },
    }
    await cluster.create(VolumeAttachment, { metadata: { name: attachment }, spec }).catch(unless('AlreadyExists'))
  }
  if (plan.waits !== undefined) return { after: Math.max(1, plan.waits / 1000) }
  return plan.refusals.length > 0 ? { after: resync } : undefined
}

/** News of the drivers becomes events of the pods that wait for it. */
function tell(node: Node, { own, wanted }: { own: readonly VolumeAttachment[]; wanted: readonly Attachable[] }, cluster: Own) {
  const before = new Set((node.status.volumesAttached ?? []).map(({ name }) => name))
  for (const { pod, volume } of wanted) {
    const found = own.find(({ metadata }) => metadata.name === attachmentName(volume, node.metadata.name))
    const about = `for volume ${JSON.stringify(volume.metadata.name)}`
    if (found?.status?.attached && !before.has(uniqueName(volume))) {
      const message = `AttachVolume.Attach succeeded ${about} `
      cluster.event(pod, { type: 'Normal', reason: 'SuccessfulAttachVolume', message })
    }
    const error = found?.status?.attachError?.message
    if (!found?.status?.attached && error) {
      const message = `AttachVolume.Attach failed ${about} : ${error}`
      cluster.event(pod, { type: 'Warning', reason: 'FailedAttachVolume', message })
    }
  }
}

interface Idle {
  readonly own: readonly VolumeAttachment[]
  readonly wanted: readonly Attachable[]
  readonly node: string
  readonly now: number
}

function noteIdle(idle: Map<string, number>, { own, wanted, node, now }: Idle): void {
  const needed = new Set(wanted.map(({ volume }) => attachmentName(volume, node)))
  for (const { metadata } of own) {
    if (needed.has(metadata.name)) idle.delete(metadata.name)
    else if (!idle.has(metadata.name)) idle.set(metadata.name, now)
  }
}

async function detach(attachment: VolumeAttachment, cluster: Own): Promise<void> {
  if (!attachment.metadata.deletionTimestamp) await cluster.delete(VolumeAttachment, attachment)
}

function attachablesOf(pod: Pod, cluster: Own): readonly Attachable[] {
  if (isOver(pod)) return []
  return claimsOfPod(pod).flatMap((name) => {
    const claim = cluster.get(PersistentVolumeClaim, { name, namespace: pod.metadata.namespace })
    const volume = claim?.spec.volumeName ? cluster.get(PersistentVolume, { name: claim.spec.volumeName }) : undefined
    if (!claim || !volume?.spec.csi || volume.spec.claimRef?.uid !== claim.metadata.uid) return []
    const driver = cluster.get(CSIDriver, { name: volume.spec.csi.driver })
    return driver?.spec.attachRequired === false ? [] : [{ pod, volume }]
  })
}

function usesVolume(pod: Pod, volume: string, cluster: Own): boolean {
  return claimsOfPod(pod).some(
    (name) => cluster.get(PersistentVolumeClaim, { name, namespace: pod.metadata.namespace })?.spec.volumeName === volume,
  )
}

/** Of those to a node, the ones that bear the name that this controller gives; others are somebody else's. */
function ownOf(node: string, cluster: Own): readonly Attached[] {
  return cluster.list(VolumeAttachment).flatMap((attachment) => {
    const { nodeName, source } = attachment.spec
    if (nodeName !== node || !source.persistentVolumeName) return []
    const volume = cluster.get(PersistentVolume, { name: source.persistentVolumeName })
    return volume && attachmentName(volume, node) === attachment.metadata.name ? [{ attachment, volume }] : []
  })
}

function isOver({ status }: Pod): boolean {
  return status.phase === 'Succeeded' || status.phase === 'Failed'
}

/** What of a node matters here. */
function attachRelevant({ metadata, spec, status }: Node): string {
  const ready = status.conditions?.find(({ type }) => type === 'Ready')?.status
  return JSON.stringify([metadata.annotations?.[managed], spec.taints, status.volumesInUse, status.volumesAttached, ready])
}

function unless(reason: Parameters<typeof hasReason>[1]): (error: unknown) => void {
  return (error) => {
    if (!hasReason(error, reason)) throw error
  }
}
