/** Folders of NFS servers; mount(8) needs the node's nfs-common. */
import { mkdir } from 'node:fs/promises'
import type { VolumePlugin } from './volume-plugin.ts'

export const nfsPlugin: VolumePlugin = {
  name: 'nfs',
  matches: ({ nfs }) => nfs !== undefined,
  ownsFileSystem: () => true,

  async setUp({ volume, path, mounter }) {
    const { server = '', path: folder = '', readOnly = false } = volume.nfs ?? {}
    const host = server.includes(':') && !server.startsWith('[') ? `[${server}]` : server
    const options = [...(volume.mountOptions ?? []), ...(readOnly ? ['ro'] : [])]
    await mkdir(path, { recursive: true })
    await mounter.mount(path, { type: 'nfs', source: `${host}:${folder}`, options })
  },
}
