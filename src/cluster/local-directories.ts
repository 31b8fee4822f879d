/** The directories of local-path volumes, on the machine of the server, which in a cluster of one machine is the node. */
import { chmod, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { LocalDirectories } from '#controllers/persistent-volume/local-path.ts'
import type { DataDirectory } from './data-directory.ts'

/** Directories of other nodes are made by their kubelet when a pod comes; nobody here can remove them. */
export function localDirectories({ path }: DataDirectory, ownNode: string): LocalDirectories {
  return {
    root: join(path, 'local-path'),
    async make(node, directory) {
      if (node !== ownNode) return
      await mkdir(directory, { recursive: true, mode: 0o777 })
      // The umask would keep out pods that run as somebody else.
      await chmod(directory, 0o777)
    },
    async remove(node, directory) {
      if (node !== ownNode) throw new Error(`the directory ${directory} is on node ${node}, which this server cannot reach`)
      await rm(directory, { recursive: true, force: true })
    },
  }
}
