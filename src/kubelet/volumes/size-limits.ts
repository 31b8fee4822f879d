/** Whether an emptyDir on disk has outgrown its `sizeLimit`: the pod is then evicted (upstream: `emptyDirLimitEviction`). */
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Pod } from '#api/core/v1/pod.ts'
import { quantityValue } from '#schema/quantity.ts'
import { emptyDirPlugin } from './empty-dir.ts'
import { volumePath } from './volume-plugin.ts'

/** The eviction's message for the first volume that is too large. Those in memory are bounded by their file system. */
export async function overgrown(pod: Pod, rootDirectory: string): Promise<string | undefined> {
  for (const { name, emptyDir } of pod.spec.volumes ?? []) {
    const limit = emptyDir?.sizeLimit
    if (!limit || emptyDir.medium || quantityValue(limit) === 0) continue
    const path = volumePath(join(rootDirectory, 'pods', pod.metadata.uid), emptyDirPlugin, name)
    if ((await bytesBelow(path)) > quantityValue(limit)) {
      return `Usage of EmptyDir volume "${name}" exceeds the limit "${limit}". `
    }
  }
  return undefined
}

/** As `du` counts: blocks, not lengths; what vanishes meanwhile counts nothing. */
async function bytesBelow(path: string): Promise<number> {
  const found = await lstat(path).catch(() => undefined)
  if (!found) return 0
  let bytes = found.blocks * 512
  if (found.isDirectory()) for (const name of await readdir(path).catch(() => [])) bytes += await bytesBelow(join(path, name))
  return bytes
}
