/** Volumes of CSI drivers, the pod's own and persistent ones. */
import type { VolumePlugin } from './volume-plugin.ts'

export const csiPlugin: VolumePlugin = {
  name: 'csi',
  hasDevices: true,
  folder: 'mount',
  matches: ({ csi, persistentVolume }) => csi !== undefined || persistentVolume?.spec.csi !== undefined,
  setUp: (context) => context.csi.setUp(context),
  refresh: (context) => context.csi.refresh(context),
  usage: (context) => context.csi.usage(context),
}
