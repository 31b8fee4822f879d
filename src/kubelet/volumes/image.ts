/**
 * Volumes that hold the files of an image (KEP-4639). The image is pulled when a container that mounts the volume starts, as upstream
 * does, and mounted then (`pod-volumes.ts`).
 */
import { mkdir } from 'node:fs/promises'
import type { VolumePlugin } from './volume-plugin.ts'

export const imagePlugin: VolumePlugin = {
  name: 'image',
  isReadOnly: true,
  matches: ({ image }) => image !== undefined,

  async setUp({ path }) {
    await mkdir(path, { recursive: true })
  },
}
