/** What the scheduler knows of the cluster at the start of a cycle; read-only while the cycle lasts. */
import type { Node } from '#api/core/v1/node.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import type { Objects } from './objects.ts'
import type { PodCounts } from './pod-counts.ts'
import type { Topology } from './topology.ts'

/** Amounts in base units: CPU in thousandths of a core, everything else in units or bytes. */
export interface Resources {
  cpu: number
  memory: number
  'ephemeral-storage': number
  pods: number
  /** Extended resources and huge pages. */
  readonly others: ReadonlyMap<string, number>
}

/** One node with the pods that run or are assumed there. */
export interface NodeInfo {
  readonly name: string
  /** Slot of the node in the snapshot's arrays; stable while the node exists. */
  readonly slot: number
  /** Grows with every change of the node or of what its pods count for. */
  readonly generation: number
  /** Grows when a pod on it is seen again that counts as before, such as one that has started meanwhile. */
  readonly sightings: number
  readonly node: Node
  readonly pods: readonly Pod[]
  readonly podCount: number
  readonly allocatable: Resources
  /** Sum of the pods' requests. */
  readonly requested: Resources
  /** The same with upstream's defaults for scoring: 100m and 200Mi for containers that ask for nothing. */
  readonly nonZeroRequested: Resources
  /** `0.0.0.0/TCP/8080` of every host port in use. */
  readonly usedPorts: ReadonlySet<string>
  /** Sizes of images on the node by name, in bytes. */
  readonly images: ReadonlyMap<string, number>
  /** Pods that use a claim for volumes, by `namespace/name`. */
  readonly usedClaims: ReadonlyMap<string, number>
}

export interface Without {
  readonly removed?: readonly Pod[]
  readonly added?: readonly Pod[]
}

/** The slots of the nodes that changed, one after another, in a ring; `count` is how many changes there were ever. */
export interface Changes {
  readonly slots: Int32Array
  readonly count: number
}

export interface Snapshot {
  /** Grows with every change; equal generations mean equal content. */
  readonly generation: number
  readonly nodes: readonly NodeInfo[]
  /** Their slots, and by slot their generations: what a cycle asks of every node, without looking at it. */
  readonly order: Int32Array
  readonly generations: Float64Array
  readonly changes: Changes
  get(name: string): NodeInfo | undefined
  /** The node that has the slot. */
  at(slot: number): NodeInfo
  /** Slots are below this number. */
  readonly slots: number
  readonly objects: Objects
  readonly topology: Topology
  readonly counts: PodCounts
  /** On how many nodes an image is. */
  nodesWithImage(image: string): number
  /** Grows when the images of some node, or the number of nodes, change. */
  readonly imagesGeneration: number
  /** How many pods use a claim for volumes, on all nodes. */
  claimUsers(key: string): number
  /** Whether room is kept for any pod on any node. */
  readonly hasNominations: boolean
  /** By slot: 1 where room is kept on the node. */
  readonly kept: Uint8Array
  /** Pods with another node in mind (`status.nominatedNodeName`) for which room is kept there; another list after each change. */
  nominatedTo(node: string): readonly Pod[]
  /**
   * Runs `look` as if these pods were not on the node and those were; leaves everything as it was. `look` may put back one that was removed, and take
   * the last that it put back away again.
   */
  without<T>(node: string, change: Without, look: (putBack: (pod: Pod) => () => void) => T): T
}
