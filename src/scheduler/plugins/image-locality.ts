/** ImageLocality prefers nodes that have the pod's images already, the more the larger they are. */
import type { Pod } from '#api/core/v1/pod.ts'
import { definePlugin, maxNodeScore } from '../framework/plugin.ts'

const megabyte = 1024 * 1024
const least = 23 * megabyte
const mostPerContainer = 1000 * megabyte

interface State {
  readonly images: readonly string[]
  /** Share of the nodes that have it, image by image. */
  readonly spread: readonly number[]
}

export const imageLocality = definePlugin<State>({
  name: 'ImageLocality',
  requeueOn: [],

  prepare({ spec }, snapshot) {
    const images = imagesOf(spec).map(normalized)
    const nodes = snapshot.nodes.length || 1
    return { state: { images, spread: images.map((image) => snapshot.nodesWithImage(image) / nodes) } }
  },

  /** Images that no node has add nothing anywhere. */
  prepareScore: ({ state }) => ({ skip: state.spread.every((share) => share === 0) }),

  score({ state: { images, spread } }, node) {
    let sum = 0
    for (const [i, image] of images.entries()) sum += Math.trunc((node.images.get(image) ?? 0) * (spread[i] as number))
    const most = mostPerContainer * images.length
    const bounded = Math.min(Math.max(sum, least), most)
    return Math.trunc((maxNodeScore * (bounded - least)) / (most - least))
  },

  signature: ({ spec }) => imagesOf(spec).join(' '),
})

/** Of containers and of volumes. */
function imagesOf({ initContainers, containers, volumes }: Pod['spec']): string[] {
  const images: string[] = []
  for (const { image = '' } of initContainers ?? []) images.push(image)
  for (const { image = '' } of containers) images.push(image)
  for (const { image } of volumes ?? []) if (image?.reference) images.push(image.reference)
  return images
}

/** Nodes list images with a tag. */
function normalized(image: string): string {
  return image.lastIndexOf(':') <= image.lastIndexOf('/') ? `${image}:latest` : image
}
