/** What a kind of volume is to the agent: a folder that it fills, and perhaps keeps filled. One file per plugin. */
import type { Pod } from '#api/core/v1/pod.ts'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import type { Addresses } from '../env/field-ref.ts'
import type { CertificateSource } from './certificate-source.ts'
import type { Mountable } from './claims.ts'
import type { CsiMountContext, CsiMounts } from './csi-mounts.ts'
import type { Mounter } from './mounter.ts'
import type { ObjectSource } from './object-source.ts'
import type { TokenSource } from './service-account-token.ts'
import type { TrustSource } from './trust-bundles.ts'
import type { VolumeUsage } from './volume-usage.ts'

export interface VolumeContext {
  readonly pod: Pod
  readonly volume: Mountable
  /** The volume's own folder: `<root>/pods/<uid>/volumes/kubernetes.io~<plugin>/<name>`. */
  readonly path: string
  readonly objects: ObjectSource
  readonly tokens: TokenSource
  readonly mounter: Mounter
  readonly csi: CsiMounts
  /** Absent where the API has no trust bundles. */
  readonly trust?: TrustSource | undefined
  readonly certificates?: CertificateSource | undefined
  readonly clock: Clock
  readonly random: Random
  readonly addresses: Addresses
  readonly allocatable: Readonly<Record<string, string>>
}

/**
 * Guarantees of a plugin: `setUp` may be called again at any time, also after a crash in the middle of it, and then brings the
 * content up to date. The error texts are upstream's.
 */
export interface VolumePlugin {
  /** As it stands in paths, after `kubernetes.io~`. */
  readonly name: string
  matches(volume: Mountable): boolean
  setUp(context: VolumeContext): Promise<void>
  /** With every look at a pod whose volume has been set up, where that is not `isLive`. */
  refresh?(context: VolumeContext): Promise<void>
  /** Where the containers' mounts come from, if it is not the volume's own folder, or one in there. */
  hostPath?(volume: Mountable): string
  readonly folder?: string
  /** Whether its file system holds only this volume; absent: nothing is told of its size. */
  ownsFileSystem?(volume: Mountable): boolean
  /** Asked instead, where somebody else knows how full it is; undefined where they do not tell. */
  usage?(context: CsiMountContext & Pick<VolumeContext, 'csi'>): Promise<Omit<VolumeUsage, 'name'> | undefined>
  /** It can be a device too. */
  readonly hasDevices?: boolean
  /** True where the content follows objects that change. */
  readonly isLive?: boolean
  /** Containers see it read-only whatever they ask for. */
  readonly isReadOnly?: boolean
}

/** The folder of a volume. */
export function volumePath(podDirectory: string, plugin: VolumePlugin, name: string): string {
  return `${podDirectory}/volumes/kubernetes.io~${plugin.name}/${name}`
}

/** Leads to the device that a volume is. */
export function podDeviceLink(podDirectory: string, plugin: VolumePlugin, name: string): string {
  return `${podDirectory}/volumeDevices/kubernetes.io~${plugin.name}/${name}`
}
