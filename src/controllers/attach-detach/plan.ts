/** Which volumes are to be attached to a node, and which no longer (upstream `controller/volume/attachdetach`). */
import { createHash } from 'node:crypto'
import type { Node } from '#api/core/v1/node.ts'
import type { PersistentVolume } from '#api/core/v1/persistent-volume.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import type { VolumeAttachment } from '#api/storage/v1/volume-attachment.ts'

/** Milliseconds that a volume may still be mounted on a node that has gone silent before it is taken away. */
export const longestUnmount = 6 * 60_000

/** A pod's volume that a CSI driver attaches. */
export interface Attachable {
  readonly pod: Pod
  readonly volume: PersistentVolume
}

export interface Attached {
  readonly attachment: VolumeAttachment
  readonly volume: PersistentVolume
}

export interface Refusal {
  readonly pod: Pod
  readonly message: string
}

export interface AttachPlan {
  /** Volumes to ask for, each with the pods that it is for. */
  readonly attach: readonly { readonly name: string; readonly volume: PersistentVolume }[]
  readonly detach: readonly VolumeAttachment[]
  /** `status.volumesAttached` of the node. */
  readonly volumesAttached: readonly { readonly name: string; readonly devicePath: string }[]
  readonly refusals: readonly Refusal[]
  /** Milliseconds after which a detachment may be forced; undefined where none waits. */
  readonly waits?: number | undefined
}

export interface AttachState {
  readonly node: Node
  readonly wanted: readonly Attachable[]
  /** To this node. */
  readonly attached: readonly Attached[]
  /** To others, of any volume. */
  readonly elsewhere: readonly VolumeAttachment[]
  /** Pods of other nodes by the volume that they use. */
  readonly users: (volume: string) => readonly Pod[]
  /** Since when an attachment is not wanted any more. */
  readonly idleSince: (attachment: string) => number
  readonly now: number
}

export function planAttachments(state: AttachState): AttachPlan {
  const { node, wanted, attached, elsewhere, idleSince, now } = state
  const wantedNames = new Map(wanted.map((one) => [attachmentName(one.volume, node.metadata.name), one.volume]))
  const there = new Set(attached.map(({ attachment }) => attachment.metadata.name))
  const refusals: Refusal[] = []
  const attach: { name: string; volume: PersistentVolume }[] = []
  for (const [name, volume] of wantedNames) {
    if (there.has(name)) continue
    const rivals = isExclusive(volume) ? elsewhere.filter(({ spec }) => isOf(spec, volume)) : []
    if (rivals.length === 0) attach.push({ name, volume })
    else refusals.push(...wanted.filter((one) => one.volume === volume).map(({ pod }) => refusal(pod, volume, state)))
  }
  const detach: VolumeAttachment[] = []
  let waits: number | undefined
  for (const { attachment, volume } of attached) {
    if (wantedNames.has(attachment.metadata.name)) continue
    const left = mayDetach(node, volume) ? 0 : patience(node, idleSince(attachment.metadata.name), now)
    if (left <= 0) detach.push(attachment)
    else if (left < Number.POSITIVE_INFINITY) waits = Math.min(left, waits ?? left)
  }
  const gone = new Set(detach)
  const volumesAttached = attached
    .filter(({ attachment: one }) => one.status?.attached && !one.metadata.deletionTimestamp && !gone.has(one))
    .map(({ volume }) => ({ name: uniqueName(volume), devicePath: '' }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  return { attach, detach, volumesAttached, refusals, waits }
}

/** Upstream's names, so that another controller takes over what this one has begun. */
export function attachmentName({ spec }: PersistentVolume, node: string): string {
  const { volumeHandle = '', driver = '' } = spec.csi ?? {}
  return `csi-${createHash('sha256').update(`${volumeHandle}${driver}${node}`).digest('hex')}`
}

export function uniqueName({ spec }: PersistentVolume): string {
  return `kubernetes.io/csi/${spec.csi?.driver}^${spec.csi?.volumeHandle}`
}

function isOf({ source }: VolumeAttachment['spec'], { metadata }: PersistentVolume): boolean {
  return source.persistentVolumeName === metadata.name
}

function isExclusive({ spec }: PersistentVolume): boolean {
  const modes = spec.accessModes ?? []
  return modes.length > 0 && !modes.includes('ReadWriteMany') && !modes.includes('ReadOnlyMany')
}

/** Nothing on the node uses it: the node has said so, or somebody has said that it is off. */
function mayDetach({ spec, status }: Node, volume: PersistentVolume): boolean {
  if (!status.volumesInUse?.includes(uniqueName(volume))) return true
  return (spec.taints ?? []).some(({ key }) => key === 'node.kubernetes.io/out-of-service')
}

/** Milliseconds left. A node that is well unmounts in its own time. */
function patience({ status }: Node, since: number, now: number): number {
  const isHealthy = status.conditions?.some((one) => one.type === 'Ready' && one.status === 'True')
  return isHealthy ? Number.POSITIVE_INFINITY : since + longestUnmount - now
}

function refusal(pod: Pod, volume: PersistentVolume, { users }: AttachState): Refusal {
  const about = `Multi-Attach error for volume ${JSON.stringify(volume.metadata.name)}`
  const all = users(volume.metadata.name)
  const { namespace } = pod.metadata
  const own = all.filter(({ metadata }) => metadata.namespace === namespace).map(({ metadata }) => metadata.name)
  const others = all.length - own.length
  if (all.length === 0) {
    return { pod, message: `${about} Volume is already exclusively attached to one node and can't be attached to another` }
  }
  const used = own.length > 0 ? `Volume is already used by pod(s) ${own.join(', ')}` : undefined
  if (!used) return { pod, message: `${about} Volume is already used by ${others} pod(s) in different namespaces` }
  const rest = others > 0 ? ` and ${others} pod(s) in different namespaces` : ''
  return { pod, message: `${about} ${used}${rest}` }
}
