/** ImageLocality prefers nodes that have the pod's images already, the more the larger they are. */
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
    const images: string[] = []
    for (const { image = '' } of spec.initContainers ?? []) images.push(normalized(image))
    for (const { image = '' } of spec.containers) images.push(normalized(image))
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

  signature: ({ spec }) => [...(spec.initContainers ?? []), ...spec.containers].map(({ image }) => image).join(' '),
})

/** Nodes list images with a tag. */
function normalized(image: string): string {
  return image.lastIndexOf(':') <= image.lastIndexOf('/') ? `${image}:latest` : image
}
