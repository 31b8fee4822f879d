/**
 * What the scheduler believes about the cluster: nodes, the pods on them, and the pods that it has placed itself but not yet seen placed.
 *
 * Guarantees: an assumed pod counts at once, until the API server confirms or refuses it. Nodes keep their slot while they exist; they are visited
 * in an order that alternates between zones, as upstream's node tree does.
 */
import type { Node } from '#api/core/v1/node.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { NodeRecord } from './framework/node-info.ts'
import type { NodeInfo, Snapshot } from './framework/snapshot.ts'

export class ClusterState implements Snapshot {
  generation = 0
  #records = new Map<string, NodeRecord>()
  /** Pods seen on nodes that are not known (yet): by node name, then UID. */
  #homeless = new Map<string, Map<string, Pod>>()
  #placement = new Map<string, string>()
  #order: readonly NodeInfo[] | undefined
  #nextSlot = 0
  #freeSlots: number[] = []

  get nodes(): readonly NodeInfo[] {
    this.#order ??= alternateZones([...this.#records.values()])
    return this.#order
  }

  get(name: string): NodeInfo | undefined {
    return this.#records.get(name)
  }

  setNode(node: Node): void {
    const { name } = node.metadata
    const known = this.#records.get(name)
    this.generation++
    if (known) {
      if (zoneOf(known.node) !== zoneOf(node)) this.#order = undefined
      known.set(node)
      return
    }
    const record = new NodeRecord(this.#freeSlots.pop() ?? this.#nextSlot++, node)
    this.#records.set(name, record)
    this.#order = undefined
    for (const pod of this.#homeless.get(name)?.values() ?? []) record.put(pod)
    this.#homeless.delete(name)
  }

  deleteNode(name: string): void {
    const record = this.#records.get(name)
    if (!record) return
    this.generation++
    this.#records.delete(name)
    this.#freeSlots.push(record.slot)
    this.#order = undefined
    if (!record.isEmpty) this.#homeless.set(name, new Map(record.pods.map((pod) => [pod.metadata.uid, pod])))
  }

  /** The pod, which names its node, is there or is assumed to be. */
  setPod(pod: Pod): void {
    const { uid } = pod.metadata
    const name = pod.spec.nodeName ?? ''
    const before = this.#placement.get(uid)
    if (before !== undefined && before !== name) this.deletePod(uid)
    this.generation++
    this.#placement.set(uid, name)
    const record = this.#records.get(name)
    if (record) return record.put(pod)
    const waiting = this.#homeless.get(name) ?? new Map<string, Pod>()
    this.#homeless.set(name, waiting.set(uid, pod))
  }

  deletePod(uid: string): void {
    const name = this.#placement.get(uid)
    if (name === undefined) return
    this.generation++
    this.#placement.delete(uid)
    this.#records.get(name)?.remove(uid)
    const waiting = this.#homeless.get(name)
    waiting?.delete(uid)
    if (waiting?.size === 0) this.#homeless.delete(name)
  }
}

function zoneOf({ metadata }: Node): string {
  const { labels = {} } = metadata
  const region = labels['topology.kubernetes.io/region'] ?? ''
  const zone = labels['topology.kubernetes.io/zone'] ?? ''
  return `${region}:\0:${zone}`
}

function alternateZones(records: readonly NodeRecord[]): NodeInfo[] {
  const zones = [...Map.groupBy(records, ({ node }) => zoneOf(node)).values()]
  const order: NodeInfo[] = []
  for (let row = 0; order.length < records.length; row++) {
    for (const zone of zones) {
      const record = zone[row]
      if (record) order.push(record)
    }
  }
  return order
}
