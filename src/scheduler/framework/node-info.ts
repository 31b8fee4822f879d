/** One node and the pods on it, kept up to date pod by pod; what plugins see as NodeInfo. */
import type { Node } from '#api/core/v1/node.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { add, noResources, podRequests, resourcesOf } from './resources.ts'
import type { NodeInfo, Resources } from './snapshot.ts'

export class NodeRecord implements NodeInfo {
  readonly slot: number
  readonly name: string
  node: Node
  allocatable: Resources
  images: ReadonlyMap<string, number>
  readonly requested = noResources()
  readonly nonZeroRequested = noResources()
  readonly usedPorts = new Set<string>()
  #pods = new Map<string, { readonly pod: Pod; readonly requests: Resources; readonly nonZero: Resources }>()
  #list: readonly Pod[] | undefined

  constructor(slot: number, node: Node) {
    this.slot = slot
    this.name = node.metadata.name
    this.node = node
    this.allocatable = resourcesOf(node.status.allocatable)
    this.images = imageSizes(node)
  }

  get pods(): readonly Pod[] {
    this.#list ??= [...this.#pods.values()].map(({ pod }) => pod)
    return this.#list
  }

  set(node: Node): void {
    this.node = node
    this.allocatable = resourcesOf(node.status.allocatable)
    this.images = imageSizes(node)
  }

  /** Counts the pod, in place of an earlier state of it. */
  put(pod: Pod): void {
    this.remove(pod.metadata.uid)
    const entry = { pod, requests: podRequests(pod), nonZero: podRequests(pod, { nonZero: true }) }
    this.#pods.set(pod.metadata.uid, entry)
    add(this.requested, entry.requests)
    add(this.nonZeroRequested, entry.nonZero)
    for (const port of hostPorts(pod)) this.usedPorts.add(port)
    this.#list = undefined
  }

  remove(uid: string): void {
    const entry = this.#pods.get(uid)
    if (!entry) return
    this.#pods.delete(uid)
    add(this.requested, entry.requests, -1)
    add(this.nonZeroRequested, entry.nonZero, -1)
    this.#list = undefined
    this.usedPorts.clear()
    for (const { pod } of this.#pods.values()) for (const port of hostPorts(pod)) this.usedPorts.add(port)
  }

  get isEmpty(): boolean {
    return this.#pods.size === 0
  }
}

/** `0.0.0.0/TCP/8080` for each host port that the pod asks for. */
export function hostPorts({ spec }: Pod): string[] {
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always')
  return [...spec.containers, ...sidecars].flatMap(({ ports = [] }) =>
    ports
      .filter(({ hostPort }) => hostPort)
      .map(({ hostIP, protocol, hostPort }) => `${hostIP || '0.0.0.0'}/${protocol ?? 'TCP'}/${hostPort}`),
  )
}

function imageSizes({ status }: Node): Map<string, number> {
  const sizes = new Map<string, number>()
  for (const { names = [], sizeBytes = 0 } of status.images ?? []) for (const name of names) sizes.set(name, sizeBytes)
  return sizes
}
