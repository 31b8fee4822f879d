/** What volumes ask of CSI drivers, so that agents without any load nothing of it. */
import type { Pod } from '#api/core/v1/pod.ts'
import type { Mountable } from './claims.ts'
import type { VolumeUsage } from './volume-usage.ts'

export interface CsiMountContext {
  readonly pod: Pod
  readonly volume: Mountable
  /** The volume's own folder; what containers see is `mount` in there. */
  readonly path: string
}

export interface CsiMounts {
  /** Safe to repeat. Rejects with the reason, with a MountError where that is all there is to say. */
  setUp(context: CsiMountContext): Promise<void>
  /** With every look at a pod whose volume is mounted: publishes it again where the driver wants that, and lets it grow. */
  refresh(context: CsiMountContext): Promise<void>
  /** Undefined where the driver does not tell. */
  usage(context: CsiMountContext): Promise<Omit<VolumeUsage, 'name'> | undefined>
  /** Unpublishes all that the pod has. Safe to repeat, also by another agent. */
  release(podUid: string): Promise<void>
}
