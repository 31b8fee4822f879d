/** How full volumes are, for `/stats/summary` (upstream `volume/metrics_statfs.go`, `metrics_du.go`). */
import { lstat, readdir, statfs } from 'node:fs/promises'
import { join } from 'node:path'

export interface VolumeUsage {
  /** As the pod calls it. */
  readonly name: string
  /** Of the claim behind it, in the pod's namespace. */
  readonly claim?: string | undefined
  readonly capacityBytes: number
  readonly availableBytes: number
  readonly usedBytes: number
  readonly inodes: number
  readonly inodesFree: number
  readonly inodesUsed: number
}

/** With `shared`, the file system holds other things too: what is used is counted file by file. */
export async function usageAt(path: string, { shared }: { readonly shared: boolean }): Promise<Omit<VolumeUsage, 'name'>> {
  const { bsize, blocks, bavail, bfree, files, ffree } = await statfs(path)
  const own = shared ? await countBelow(path) : { bytes: (blocks - bfree) * bsize, files: files - ffree }
  return {
    capacityBytes: blocks * bsize,
    availableBytes: bavail * bsize,
    usedBytes: own.bytes,
    inodes: files,
    inodesFree: ffree,
    inodesUsed: own.files,
  }
}

interface Count {
  readonly bytes: number
  readonly files: number
}

/** As `du` counts: blocks, not lengths; what vanishes meanwhile counts nothing. */
export async function countBelow(path: string): Promise<Count> {
  const found = await lstat(path).catch(() => undefined)
  if (!found) return { bytes: 0, files: 0 }
  let [bytes, files] = [found.blocks * 512, 1]
  if (found.isDirectory()) {
    for (const name of await readdir(path).catch(() => [])) {
      const below = await countBelow(join(path, name))
      bytes += below.bytes
      files += below.files
    }
  }
  return { bytes, files }
}
