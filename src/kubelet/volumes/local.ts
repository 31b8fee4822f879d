/**
 * Persistent volumes that are a folder or a device of the node. Containers are given the folder itself: upstream binds it into the pod's own, which
 * shows them the same and leaves a mount of somebody's data below what is removed with the pod.
 */
import { stat } from 'node:fs/promises'
import { giveToGroup } from './ownership.ts'
import type { VolumePlugin } from './volume-plugin.ts'

export const localPlugin: VolumePlugin = {
  name: 'local-volume',
  hasDevices: true,
  matches: ({ local }) => local !== undefined,
  ownsFileSystem: () => true,
  hostPath: ({ local }) => local?.path ?? '',

  async setUp({ volume, pod }) {
    const { path = '' } = volume.local ?? {}
    const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') throw new Error(`path "${path}" does not exist`, { cause: error })
      throw error
    })
    if (volume.isBlock) {
      if (!found.isBlockDevice()) throw new Error(`path "${path}" is not a block device`)
      return
    }
    if (!found.isDirectory()) throw new Error(`path "${path}" is not a directory`)
    if (!volume.isReadOnly) await giveToGroup(path, pod, { readOnly: false })
  },
}
