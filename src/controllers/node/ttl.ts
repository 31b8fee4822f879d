/** TTL controller: tells nodes how long they may remember Secrets and ConfigMaps; the more nodes, the longer (upstream `controller/ttl`). */
import { Node } from '#api/core/v1/node.ts'
import { defineController } from '../runtime/controller.ts'

const annotation = 'node.alpha.kubernetes.io/ttl'

/** Sizes overlap, so that a cluster at a border does not change its mind with every node. */
const steps = [
  { least: 0, most: 100, seconds: 0 },
  { least: 90, most: 500, seconds: 15 },
  { least: 450, most: 1000, seconds: 30 },
  { least: 900, most: 2000, seconds: 60 },
  { least: 1800, most: Number.POSITIVE_INFINITY, seconds: 300 },
] as const

/** Where a running controller stands. */
const places = new WeakMap<object, number>()

export const ttlController = defineController({
  name: 'ttl-controller',
  for: Node,
  writes: [Node],

  async reconcile(node, cluster) {
    const step = planStep(places.get(cluster) ?? 0, cluster.list(Node).length)
    places.set(cluster, step)
    const wanted = String(steps[step]?.seconds)
    if (node.metadata.annotations?.[annotation] === wanted) return
    await cluster.patch(Node, node, { type: 'merge', body: { metadata: { annotations: { [annotation]: wanted } } } })
  },
})

/** The step for so many nodes, from the one before. */
export function planStep(before: number, nodes: number): number {
  let step = before
  while (nodes > (steps[step]?.most ?? 0)) step++
  while (nodes < (steps[step]?.least ?? 0)) step--
  return step
}
