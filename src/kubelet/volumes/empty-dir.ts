/** Folders that live as long as the pod, on disk or in memory. */
import { chmod, mkdir } from 'node:fs/promises'
import { quantityValue } from '#schema/quantity.ts'
import { giveToGroup } from './ownership.ts'
import type { VolumeContext, VolumePlugin } from './volume-plugin.ts'

const hugePages = 'HugePages'

export const emptyDirPlugin: VolumePlugin = {
  name: 'empty-dir',
  matches: ({ emptyDir }) => emptyDir !== undefined,
  ownsFileSystem: ({ emptyDir }) => Boolean(emptyDir?.medium),

  async setUp(context) {
    const { path, mounter, volume, pod } = context
    const medium = volume.emptyDir?.medium ?? ''
    await mkdir(path, { recursive: true })
    if (medium === 'Memory') await mounter.tmpfs(path, { sizeBytes: memorySize(context) })
    else if (medium.startsWith(hugePages)) await mounter.hugepages(path, { pageSize: pageSize(context, medium) })
    else if (medium !== '') throw new Error(`unknown storage medium "${medium}"`)
    await chmod(path, 0o777)
    await giveToGroup(path, pod, { readOnly: false })
  },
}

/** At most what the volume, the pod's own limits and the node allow. */
function memorySize({ pod, volume, allocatable }: VolumeContext): number | undefined {
  const limits = pod.spec.containers.map(({ resources }) => resources.limits?.memory)
  const ofPod = limits.every((limit) => limit !== undefined)
    ? limits.reduce((sum, limit) => sum + quantityValue(limit ?? '0'), 0)
    : 0
  const bounds = [quantityValue(volume.emptyDir?.sizeLimit ?? '0'), ofPod, quantityValue(allocatable.memory ?? '0')]
  const positive = bounds.filter((bound) => bound > 0)
  return positive.length > 0 ? Math.min(...positive) : undefined
}

/** `HugePages-2Mi`; plain `HugePages` takes the one size that the pod asks for. */
function pageSize({ pod }: VolumeContext, medium: string): string {
  const named = medium.slice(hugePages.length + 1)
  if (named) return named.replace('i', '')
  const sizes = new Set(
    pod.spec.containers.flatMap(({ resources }) =>
      Object.keys(resources.requests ?? {}).filter((key) => key.startsWith('hugepages-')),
    ),
  )
  if (sizes.size !== 1) throw new Error('medium HugePages can be used only if exactly one huge page size is requested')
  return ([...sizes][0] as string).slice('hugepages-'.length).replace('i', '')
}
