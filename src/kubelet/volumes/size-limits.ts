/**
 * Whether a pod has outgrown what it may keep on the node's disk: an emptyDir its `sizeLimit`, the whole pod or a container its limit of
 * `ephemeral-storage`. The pod is then evicted (upstream: `localStorageEviction`).
 */
import { join } from 'node:path'
import type { Pod } from '#api/core/v1/pod.ts'
import { addQuantity, formatQuantity, parseQuantity, quantityValue } from '#schema/quantity.ts'
import { podLogDirectory } from '../containers/sandbox-config.ts'
import { emptyDirPlugin } from './empty-dir.ts'
import { volumePath } from './volume-plugin.ts'
import { countBelow } from './volume-usage.ts'

export interface OnDisk {
  readonly rootDirectory: string
  readonly logDirectory: string
  /** Container name -> bytes that it wrote beside its volumes. */
  readonly layers: ReadonlyMap<string, number>
}

/** The eviction's message. Volumes in memory are bounded by their file system. */
export async function overgrown(pod: Pod, disk: OnDisk): Promise<string | undefined> {
  const volumes = await volumeSizes(pod, disk)
  for (const { name, bytes, limit } of volumes) {
    if (limit && bytes > quantityValue(limit)) return `Usage of EmptyDir volume "${name}" exceeds the limit "${limit}". `
  }
  if (!limitsStorage(pod)) return undefined
  const containers = await containerSizes(pod, disk)
  const total = [...volumes, ...containers].reduce((sum, { bytes }) => sum + bytes, 0)
  const allowed = containers.reduce((sum, { limit }) => addQuantity(sum, limit ?? '0'), parseQuantity('0'))
  if (total > quantityValue(allowed)) {
    return `Pod ephemeral local storage usage exceeds the total limit of containers ${formatQuantity(allowed)}. `
  }
  const over = containers.find(({ bytes, limit }) => limit && bytes > quantityValue(limit))
  return over && `Container ${over.name} exceeded its local ephemeral storage limit "${over.limit}". `
}

export function limitsStorage({ spec }: Pod): boolean {
  return spec.containers.some(({ resources }) => quantityValue(resources.limits?.[storage] ?? '0') > 0)
}

interface Size {
  readonly name: string
  readonly bytes: number
  readonly limit: string | undefined
}

const storage = 'ephemeral-storage'

async function volumeSizes({ metadata, spec }: Pod, { rootDirectory }: OnDisk): Promise<Size[]> {
  const measured = (spec.volumes ?? []).map(async ({ name, emptyDir }) => {
    const isWanted = emptyDir && !emptyDir.medium && (emptyDir.sizeLimit || limitsStorage({ spec } as Pod))
    if (!isWanted) return []
    const limit = emptyDir.sizeLimit && quantityValue(emptyDir.sizeLimit) > 0 ? emptyDir.sizeLimit : undefined
    const { bytes } = await countBelow(volumePath(join(rootDirectory, 'pods', metadata.uid), emptyDirPlugin, name))
    return [{ name, bytes, limit }]
  })
  return (await Promise.all(measured)).flat()
}

async function containerSizes(pod: Pod, { logDirectory, layers }: OnDisk): Promise<Size[]> {
  const logs = podLogDirectory(pod, logDirectory)
  const measured = pod.spec.containers.map(async ({ name, resources }) => {
    const { bytes } = await countBelow(join(logs, name))
    return { name, bytes: bytes + (layers.get(name) ?? 0), limit: resources.limits?.[storage] }
  })
  return await Promise.all(measured)
}
