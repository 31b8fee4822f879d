/** ImageLocality prefers nodes that have the pod's images already, the more the larger they are. */
import { definePlugin, maxNodeScore } from '../framework/plugin.ts'

const megabyte = 1024 * 1024
const least = 23 * megabyte
const mostPerContainer = 1000 * megabyte

interface State {
  readonly images: readonly string[]
  /** image -> share of the nodes that have it. */
  readonly spread: ReadonlyMap<string, number>
}

export const imageLocality = definePlugin<State>({
  name: 'ImageLocality',
  requeueOn: [],

  prepare({ spec }, { nodes }) {
    const images = [...(spec.initContainers ?? []), ...spec.containers].map(({ image = '' }) => normalized(image))
    const share = (image: string) => nodes.filter((node) => node.images.has(image)).length / (nodes.length || 1)
    return { state: { images, spread: new Map(images.map((image) => [image, share(image)])) } }
  },

  score({ state }, node) {
    const sum = state.images.reduce(
      (total, image) => total + Math.trunc((node.images.get(image) ?? 0) * (state.spread.get(image) ?? 0)),
      0,
    )
    const most = mostPerContainer * state.images.length
    const bounded = Math.min(Math.max(sum, least), most)
    return Math.trunc((maxNodeScore * (bounded - least)) / (most - least))
  },
})

/** Nodes list images with a tag. */
function normalized(image: string): string {
  return image.lastIndexOf(':') <= image.lastIndexOf('/') ? `${image}:latest` : image
}
