/** What the scheduler knows of the nodes at the start of a cycle; read-only while the cycle lasts. */
import type { Node } from '#api/core/v1/node.ts'
import type { Pod } from '#api/core/v1/pod.ts'

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
  readonly node: Node
  readonly pods: readonly Pod[]
  readonly allocatable: Resources
  /** Sum of the pods' requests. */
  readonly requested: Resources
  /** The same with upstream's defaults for scoring: 100m and 200Mi for containers that ask for nothing. */
  readonly nonZeroRequested: Resources
  /** `0.0.0.0/TCP/8080` of every host port in use. */
  readonly usedPorts: ReadonlySet<string>
  /** Sizes of images on the node by name, in bytes. */
  readonly images: ReadonlyMap<string, number>
}

export interface Snapshot {
  /** Grows with every change; equal generations mean equal content. */
  readonly generation: number
  readonly nodes: readonly NodeInfo[]
  get(name: string): NodeInfo | undefined
}
