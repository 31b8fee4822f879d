/** Whether an emptyDir on disk has outgrown its `sizeLimit`: the pod is then evicted (upstream: `emptyDirLimitEviction`). */
import { join } from 'node:path'
import type { Pod } from '#api/core/v1/pod.ts'
import { quantityValue } from '#schema/quantity.ts'
import { emptyDirPlugin } from './empty-dir.ts'
import { volumePath } from './volume-plugin.ts'
import { countBelow } from './volume-usage.ts'

/** The eviction's message for the first volume that is too large. Those in memory are bounded by their file system. */
export async function overgrown(pod: Pod, rootDirectory: string): Promise<string | undefined> {
  for (const { name, emptyDir } of pod.spec.volumes ?? []) {
    const limit = emptyDir?.sizeLimit
    if (!limit || emptyDir.medium || quantityValue(limit) === 0) continue
    const path = volumePath(join(rootDirectory, 'pods', pod.metadata.uid), emptyDirPlugin, name)
    if ((await countBelow(path)).bytes > quantityValue(limit)) {
      return `Usage of EmptyDir volume "${name}" exceeds the limit "${limit}". `
    }
  }
  return undefined
}
