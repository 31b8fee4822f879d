/** How NodeResourcesFit weighs nodes: the least used, the most used, or by a curve over the share in use (upstream `noderesources/*_allocated.go`). */
import { maxNodeScore } from '../framework/plugin.ts'
import { amountOf } from '../framework/resources.ts'
import type { NodeInfo, Resources } from '../framework/snapshot.ts'

export interface ResourceSpec {
  readonly name: string
  readonly weight: number
}

export interface ShapePoint {
  /** Percent in use. */
  readonly utilization: number
  /** 0..10. */
  readonly score: number
}

export interface ScoringStrategy {
  readonly type: 'LeastAllocated' | 'MostAllocated' | 'RequestedToCapacityRatio'
  readonly resources: readonly ResourceSpec[]
  readonly requestedToCapacityRatio?: { readonly shape: readonly ShapePoint[] }
}

export const defaultStrategy: ScoringStrategy = {
  type: 'LeastAllocated',
  resources: [
    { name: 'cpu', weight: 1 },
    { name: 'memory', weight: 1 },
  ],
}

export type ResourceScore = (node: NodeInfo, requests: Resources, nonZero: Resources) => number

export function scorer({ type, resources, requestedToCapacityRatio }: ScoringStrategy): ResourceScore {
  if (type === 'RequestedToCapacityRatio') return byShape(resources, requestedToCapacityRatio?.shape ?? [])
  const share = type === 'MostAllocated' ? mostUsed : leastUsed
  return (node, requests, nonZero) => {
    let sum = 0
    let weights = 0
    for (const { name, weight } of resources) {
      const capacity = capacityOf(node, requests, name)
      if (capacity === 0) continue
      sum += weight * share(wantedOf(node, requests, { nonZero, name }), capacity)
      weights += weight
    }
    return weights === 0 ? 0 : Math.trunc(sum / weights)
  }
}

const leastUsed = (wanted: number, capacity: number) =>
  wanted > capacity ? 0 : Math.trunc(((capacity - wanted) * maxNodeScore) / capacity)

const mostUsed = (wanted: number, capacity: number) => Math.trunc((Math.min(wanted, capacity) * maxNodeScore) / capacity)

function byShape(resources: readonly ResourceSpec[], shape: readonly ShapePoint[]): ResourceScore {
  const curve = brokenLine(shape.map(({ utilization, score }) => ({ utilization, score: score * (maxNodeScore / 10) })))
  return (node, requests, nonZero) => {
    let sum = 0
    let weights = 0
    for (const { name, weight } of resources) {
      const capacity = capacityOf(node, requests, name)
      if (capacity === 0) continue
      const wanted = wantedOf(node, requests, { nonZero, name })
      const score = wanted > capacity ? curve(100) : curve(Math.trunc((wanted * 100) / capacity))
      if (score <= 0) continue
      sum += score * weight
      weights += weight
    }
    return weights === 0 ? 0 : Math.round(sum / weights)
  }
}

/** Straight between the points, level beyond the first and the last. */
export function brokenLine(shape: readonly ShapePoint[]): (utilization: number) => number {
  return (at) => {
    for (const [i, point] of shape.entries()) {
      if (at > point.utilization) continue
      const before = shape[i - 1]
      if (!before) return point.score
      const rise = (point.score - before.score) * (at - before.utilization)
      return before.score + Math.trunc(rise / (point.utilization - before.utilization))
    }
    return shape.at(-1)?.score ?? 0
  }
}

/** A resource that the pod does not ask for does not count, unless it is CPU, memory or storage. */
function capacityOf(node: NodeInfo, requests: Resources, name: string): number {
  const isExtended = name !== 'cpu' && name !== 'memory' && name !== 'ephemeral-storage'
  if (isExtended && amountOf(requests, name) === 0) return 0
  return amountOf(node.allocatable, name)
}

function wantedOf(node: NodeInfo, requests: Resources, { nonZero, name }: { nonZero: Resources; name: string }): number {
  if (name === 'cpu') return node.nonZeroRequested.cpu + nonZero.cpu
  if (name === 'memory') return node.nonZeroRequested.memory + nonZero.memory
  return amountOf(node.requested, name) + amountOf(requests, name)
}
