/** Whether there is room for state, images and containers, by the thresholds at which a node starts to evict pods. */
import type { Check, Problem, Space } from './check.ts'

/** What a start with one application takes: runtime layer, image, unpacked container. */
const startBytes = 700 * 1024 ** 2

export const diskSpace: Check = {
  name: 'disk',
  about: 'room for state, images and containers',

  async run({ machine, directory, clusterExists }) {
    const space = await machine.space(directory.path)
    const images = await machine.space(directory.containerd.root)
    const reasons = reasonsOf(space, images)
    if (!clusterExists && space.freeBytes < startBytes) reasons.push(`only ${megabytes(space.freeBytes)} MB are free`)
    if (reasons.length === 0) return []
    const problem: Problem = {
      problem: `${directory.path} runs short: ${reasons.join(', ')}. Nodes evict pods and take no new ones then.`,
      fix: [`df -h ${directory.path} ; df -i ${directory.path}`, 'du -xh / | sort -h | tail -20    shows what is large'],
    }
    return [problem]
  },
}

function reasonsOf(space: Space, images: Space): string[] {
  return [
    ...(space.free < 0.1 ? [`${percent(space.free)} % of the disk are free (10 are the limit)`] : []),
    ...(space.inodes < 0.05 ? [`${percent(space.inodes)} % of the inodes are free (5 are the limit)`] : []),
    ...(images.free < 0.15 ? [`${percent(images.free)} % of the disk for images are free (15 are the limit)`] : []),
  ]
}

function percent(share: number): string {
  return (share * 100).toFixed(1)
}

function megabytes(bytes: number): number {
  return Math.floor(bytes / 1024 ** 2)
}
