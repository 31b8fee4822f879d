/** The list of volume plugins. */
import type { Mountable } from './claims.ts'
import { configMapPlugin } from './config-map.ts'
import { csiPlugin } from './csi.ts'
import { downwardApiPlugin } from './downward-api.ts'
import { emptyDirPlugin } from './empty-dir.ts'
import { hostPathPlugin } from './host-path.ts'
import { imagePlugin } from './image.ts'
import { localPlugin } from './local.ts'
import { nfsPlugin } from './nfs.ts'
import { projectedPlugin } from './projected.ts'
import { secretPlugin } from './secret.ts'
import type { VolumePlugin } from './volume-plugin.ts'

export const plugins: readonly VolumePlugin[] = [
  emptyDirPlugin,
  hostPathPlugin,
  configMapPlugin,
  secretPlugin,
  downwardApiPlugin,
  projectedPlugin,
  localPlugin,
  imagePlugin,
  nfsPlugin,
  csiPlugin,
]

export function pluginOf(volume: Mountable): VolumePlugin {
  const plugin = plugins.find((candidate) => candidate.matches(volume))
  if (plugin) return plugin
  throw new Error(`failed to get Plugin from volumeSpec for volume "${volume.name}" err=no volume plugin matched`)
}
