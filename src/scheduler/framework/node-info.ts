/** One node and the pods on it, kept up to date pod by pod; what plugins see as NodeInfo. */
import type { Node } from '#api/core/v1/node.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { factsOf } from './pod-facts.ts'
import { add, noResources, resourcesOf } from './resources.ts'
import type { Changes, NodeInfo, Resources } from './snapshot.ts'

const mostChanges = 16_384

/** Of all nodes side by side, so that none has to be looked at to know that it is as it was. */
export class Generations implements Changes {
  bySlot = new Float64Array(64)
  readonly slots = new Int32Array(mostChanges)
  count = 0
  /** Nothing that happens now is to last. */
  isPretending = false

  set(slot: number, generation: number): void {
    this.bySlot[slot] = generation
    if (!this.isPretending) this.slots[this.count++ % mostChanges] = slot
  }
}

export class NodeRecord implements NodeInfo {
  readonly slot: number
  readonly name: string
  readonly #generations: Generations
  sightings = 0
  node: Node
  allocatable: Resources
  images: ReadonlyMap<string, number>
  readonly requested = noResources()
  readonly nonZeroRequested = noResources()
  readonly usedPorts = new Set<string>()
  readonly usedClaims = new Map<string, number>()
  #pods = new Map<string, Pod>()
  #list: readonly Pod[] | undefined

  constructor(slot: number, node: Node, generations: Generations) {
    this.slot = slot
    this.name = node.metadata.name
    this.node = node
    this.#generations = generations
    this.allocatable = resourcesOf(node.status.allocatable)
    this.images = imageSizes(node)
  }

  get generation(): number {
    return this.#generations.bySlot[this.slot] as number
  }

  set generation(generation: number) {
    this.#generations.set(this.slot, generation)
  }

  get pods(): readonly Pod[] {
    this.#list ??= [...this.#pods.values()]
    return this.#list
  }

  get podCount(): number {
    return this.#pods.size
  }

  set(node: Node): void {
    if (this.node.status.allocatable !== node.status.allocatable) this.allocatable = resourcesOf(node.status.allocatable)
    if (this.node.status.images !== node.status.images) this.images = imageSizes(node)
    this.node = node
  }

  find(uid: string): Pod | undefined {
    return this.#pods.get(uid)
  }

  /** Counts the pod, which is not there yet. */
  put(pod: Pod): void {
    const { requests, nonZero, ports, volumeClaims } = factsOf(pod)
    this.#pods.set(pod.metadata.uid, pod)
    add(this.requested, requests)
    add(this.nonZeroRequested, nonZero)
    for (const port of ports) this.usedPorts.add(port)
    for (const claim of volumeClaims) this.usedClaims.set(claim, (this.usedClaims.get(claim) ?? 0) + 1)
    this.#list = undefined
  }

  remove(pod: Pod): void {
    const { requests, nonZero, ports, volumeClaims } = factsOf(pod)
    this.#pods.delete(pod.metadata.uid)
    add(this.requested, requests, -1)
    add(this.nonZeroRequested, nonZero, -1)
    for (const claim of volumeClaims) {
      const left = (this.usedClaims.get(claim) ?? 0) - 1
      if (left > 0) this.usedClaims.set(claim, left)
      else this.usedClaims.delete(claim)
    }
    this.#list = undefined
    if (ports.length === 0) return
    this.usedPorts.clear()
    for (const other of this.#pods.values()) for (const port of factsOf(other).ports) this.usedPorts.add(port)
  }

  /** The same pod in another state, that counts as before. */
  replace(pod: Pod): void {
    this.#pods.set(pod.metadata.uid, pod)
    this.#list = undefined
    this.sightings++
  }

  get isEmpty(): boolean {
    return this.#pods.size === 0
  }
}

function imageSizes({ status }: Node): Map<string, number> {
  const sizes = new Map<string, number>()
  for (const { names = [], sizeBytes = 0 } of status.images ?? []) for (const name of names) sizes.set(name, sizeBytes)
  return sizes
}
