/**
 * What the scheduler believes about the cluster: nodes, the pods on them, and the pods that it has placed itself but not yet seen placed.
 *
 * Guarantees: an assumed pod counts at once, until the API server confirms or refuses it. Nodes keep their slot while they exist; they are visited
 * in an order that alternates between zones, as upstream's node tree does. `without` leaves everything as it was.
 */
import { Namespace } from '#api/core/v1/namespace.ts'
import type { Node } from '#api/core/v1/node.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { Generations, NodeRecord } from './framework/node-info.ts'
import { ObjectCache } from './framework/objects.ts'
import { PodCounts } from './framework/pod-counts.ts'
import { factsOf, keepsFacts, onNode } from './framework/pod-facts.ts'
import type { Changes, NodeInfo, Snapshot, Without } from './framework/snapshot.ts'
import { capacityFor, Topology } from './framework/topology.ts'

const nobody: readonly Pod[] = []

export class ClusterState implements Snapshot {
  generation = 0
  imagesGeneration = 0
  readonly objects = new ObjectCache()
  readonly topology = new Topology()
  readonly counts = new PodCounts(
    (name) => this.objects.get(Namespace, { name })?.metadata.labels ?? {},
    () => [...this.#records.values()].map(({ slot, pods }) => [slot, pods] as const),
  )
  #records = new Map<string, NodeRecord>()
  #bySlot: NodeRecord[] = []
  /** Pods seen on nodes that are not known (yet): by node name, then UID. */
  #homeless = new Map<string, Map<string, Pod>>()
  #placement = new Map<string, string>()
  #nominated = new Map<string, readonly Pod[]>()
  #nominations = new Map<string, string>()
  #images = new Map<string, number>()
  #kept = new Uint8Array(64)
  #claimUsers = new Map<string, number>()
  #nodes: readonly NodeInfo[] | undefined
  #order = new Int32Array(0)
  #generations = new Generations()
  #nextSlot = 0
  #freeSlots: number[] = []

  get nodes(): readonly NodeInfo[] {
    if (!this.#nodes) {
      this.#nodes = alternateZones([...this.#records.values()])
      this.#order = Int32Array.from(this.#nodes, ({ slot }) => slot)
    }
    return this.#nodes
  }

  get order(): Int32Array {
    return this.nodes.length > 0 ? this.#order : new Int32Array(0)
  }

  get generations(): Float64Array {
    return this.#generations.bySlot
  }

  get changes(): Changes {
    return this.#generations
  }

  get slots(): number {
    return this.#nextSlot
  }

  get(name: string): NodeInfo | undefined {
    return this.#records.get(name)
  }

  at(slot: number): NodeInfo {
    return this.#bySlot[slot] as NodeInfo
  }

  setNode(node: Node): void {
    const { name } = node.metadata
    const known = this.#records.get(name)
    this.generation++
    if (known) {
      if (zoneOf(known.node) !== zoneOf(node)) this.#nodes = undefined
      if (known.node.status.images !== node.status.images) this.#countImages(known, -1)
      const { images } = known
      known.set(node)
      known.generation = this.generation
      if (known.images !== images) this.#countImages(known, 1)
      this.topology.set(known.slot, node)
      return
    }
    const record = this.#newRecord(node)
    this.#records.set(name, record)
    this.#nodes = undefined
    this.topology.set(record.slot, node)
    this.imagesGeneration++
    this.#countImages(record, 1)
    for (const pod of this.#homeless.get(name)?.values() ?? []) this.#arrive(record, pod)
    this.#homeless.delete(name)
  }

  #newRecord(node: Node): NodeRecord {
    const slot = this.#freeSlots.pop() ?? this.#nextSlot++
    const { bySlot } = this.#generations
    if (slot >= bySlot.length) {
      this.#generations.bySlot = new Float64Array(capacityFor(slot + 1))
      this.#generations.bySlot.set(bySlot)
    }
    const record = new NodeRecord(slot, node, this.#generations)
    record.generation = this.generation
    this.#bySlot[slot] = record
    this.#noteKept(record)
    return record
  }

  deleteNode(name: string): void {
    const record = this.#records.get(name)
    if (!record) return
    this.generation++
    const { pods } = record
    for (const pod of pods) this.#leave(record, pod)
    this.#records.delete(name)
    this.#freeSlots.push(record.slot)
    this.topology.delete(record.slot)
    this.#nodes = undefined
    this.imagesGeneration++
    this.#countImages(record, -1)
    if (pods.length > 0) this.#homeless.set(name, new Map(pods.map((pod) => [pod.metadata.uid, pod])))
  }

  /** The pod, which names its node, is there or is assumed to be. */
  setPod(pod: Pod): void {
    const { uid } = pod.metadata
    const name = pod.spec.nodeName ?? ''
    const placed = this.#placement.get(uid)
    if (placed === name && this.#replace(pod)) return
    if (placed !== undefined) this.deletePod(uid)
    this.generation++
    this.#placement.set(uid, name)
    const record = this.#records.get(name)
    if (record) return this.#arrive(record, pod)
    const waiting = this.#homeless.get(name) ?? new Map<string, Pod>()
    this.#homeless.set(name, waiting.set(uid, pod))
  }

  deletePod(uid: string): void {
    const name = this.#placement.get(uid)
    if (name === undefined) return
    this.generation++
    this.#placement.delete(uid)
    const record = this.#records.get(name)
    const pod = record?.find(uid)
    if (record && pod) this.#leave(record, pod)
    const waiting = this.#homeless.get(name)
    waiting?.delete(uid)
    if (waiting?.size === 0) this.#homeless.delete(name)
  }

  without<T>(node: string, change: Without, look: (putBack: (pod: Pod) => () => void) => T): T {
    const record = this.#records.get(node)
    if (!record) return look(() => () => {})
    const { generation } = record
    const removed = new Set(change.removed?.filter(({ metadata }) => record.find(metadata.uid)))
    const added = (change.added ?? []).map((pod) => onNode(pod, node))
    const wasPretending = this.#generations.isPretending
    this.#generations.isPretending = true
    for (const pod of removed) this.#leave(record, pod)
    for (const pod of added) this.#arrive(record, pod)
    const takeAway = (pod: Pod) => {
      this.#leave(record, pod)
      removed.add(pod)
    }
    const putBack = (pod: Pod) => {
      if (!removed.delete(pod)) return () => {}
      this.#arrive(record, pod)
      return () => takeAway(pod)
    }
    try {
      return look(putBack)
    } finally {
      for (const pod of added) this.#leave(record, pod)
      for (const pod of removed) this.#arrive(record, pod)
      record.generation = generation
      this.#generations.isPretending = wasPretending
    }
  }

  /** Keeps room for the pod on the node, until it is placed, gone or nominated elsewhere. */
  nominate(pod: Pod, node: string): void {
    const { uid } = pod.metadata
    const before = this.#nominations.get(uid)
    if (before !== undefined) {
      const left = this.nominatedTo(before).filter((one) => one.metadata.uid !== uid)
      if (left.length > 0) this.#nominated.set(before, left)
      else this.#nominated.delete(before)
      this.#nominations.delete(uid)
      this.#noteKept(this.#records.get(before))
    }
    if (!node) return
    this.#nominations.set(uid, node)
    this.#nominated.set(node, [...this.nominatedTo(node), pod])
    this.#noteKept(this.#records.get(node))
  }

  #noteKept(record: NodeRecord | undefined): void {
    if (!record) return
    const { slot, name } = record
    if (slot >= this.#kept.length) {
      const grown = new Uint8Array(capacityFor(slot + 1))
      grown.set(this.#kept)
      this.#kept = grown
    }
    this.#kept[slot] = this.#nominated.has(name) ? 1 : 0
  }

  nominationOf(uid: string): string | undefined {
    return this.#nominations.get(uid)
  }

  nominatedTo(node: string): readonly Pod[] {
    return this.#nominated.get(node) ?? nobody
  }

  get kept(): Uint8Array {
    return this.#kept
  }

  get hasNominations(): boolean {
    return this.#nominated.size > 0
  }

  nodesWithImage(image: string): number {
    return this.#images.get(image) ?? 0
  }

  claimUsers(key: string): number {
    return this.#claimUsers.get(key) ?? 0
  }

  /** Most of what is heard of placed pods is status, which changes nothing of the node. False where more has changed. */
  #replace(pod: Pod): boolean {
    const record = this.#records.get(pod.spec.nodeName ?? '')
    const before = record?.find(pod.metadata.uid)
    if (!record || !before || !keepsFacts(pod, before)) return false
    this.generation++
    record.replace(pod)
    this.counts.change(record.slot, before, -1)
    this.counts.change(record.slot, pod, 1)
    return true
  }

  #arrive(record: NodeRecord, pod: Pod): void {
    record.put(pod)
    this.#moved(record, pod, 1)
  }

  #leave(record: NodeRecord, pod: Pod): void {
    record.remove(pod)
    this.#moved(record, pod, -1)
  }

  #moved(record: NodeRecord, pod: Pod, by: 1 | -1): void {
    record.generation = ++this.generation
    this.counts.change(record.slot, pod, by)
    for (const claim of factsOf(pod).volumeClaims) {
      const left = (this.#claimUsers.get(claim) ?? 0) + by
      if (left > 0) this.#claimUsers.set(claim, left)
      else this.#claimUsers.delete(claim)
    }
  }

  #countImages({ images }: NodeRecord, by: 1 | -1): void {
    if (images.size > 0) this.imagesGeneration++
    for (const image of images.keys()) {
      const left = (this.#images.get(image) ?? 0) + by
      if (left > 0) this.#images.set(image, left)
      else this.#images.delete(image)
    }
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
