/**
 * `startSimulatedNodes`: nodes that nobody has to own a machine for. Towards the API they behave like node agents: they register, renew their
 * leases, and let the pods bound to them run, fail and end. There are no containers.
 *
 *     const nodes = await startSimulatedNodes({ client, clock, random, signal, shapes: [{ count: 5_000, cpu: '8' }] })
 *     await nodes.set([{ count: 100 }])
 *
 * Guarantees: one watch and one timer for all nodes; nodes and pods that an earlier run left are taken over as they
 * are; other nodes are not touched. Nothing is drawn or timed but by the clock and the chance handed in.
 */
import { Lease } from '#api/coordination/v1/lease.ts'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import type { Client } from '#client/client.ts'
import { type Reflected, reflect } from '#client/reflector.ts'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import { AddressBlocks } from './addresses.ts'
import type { Means } from './means.ts'
import { capacityOf } from './node-object.ts'
import { type NodeShape, shapeLabel, type WantedNode, wantedNodes } from './shapes.ts'
import { leaseNamespace, SimulatedNode } from './simulated-node.ts'
import { TimerWheel } from './timer-wheel.ts'
import { WriteLane } from './write-lane.ts'

export interface SimulatedNodesOptions {
  readonly client: Client
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
  readonly shapes: readonly NodeShape[]
  /** What the nodes say they run. Default v1.36.0. */
  readonly version?: string | undefined
  /** Writes under way at a time. Default 128. */
  readonly width?: number | undefined
  /** Nodes of an earlier simulation that are not wanted any more are removed. Default: they are left alone. */
  readonly takesOver?: boolean | undefined
  readonly onError?: ((error: unknown) => void) | undefined
}

export interface SimulatedNodes {
  /** Names of those that are registered. */
  readonly names: readonly string[]
  /** Pods that run on them. */
  readonly running: number
  /** Adds, changes and removes nodes until they are these. */
  set(shapes: readonly NodeShape[]): Promise<void>
}

/** As node agents do; beyond so many nodes half as often, which a lease of 40 s and the controller's patience of 50 s still bear. */
const renewFewEvery = 10_000
const renewManyEvery = 20_000
const manyNodes = 500

/** Resolves when all nodes are registered and their pods known. Everything ends with the signal. */
export async function startSimulatedNodes(options: SimulatedNodesOptions): Promise<SimulatedNodes> {
  const simulation = new Simulation(options)
  await simulation.set(options.shapes)
  await simulation.watchPods()
  return simulation
}

class Simulation implements SimulatedNodes {
  #means: Means
  #nodes = new Map<string, SimulatedNode>()
  /** By the pod's UID: where it is. */
  #places = new Map<string, SimulatedNode>()
  #blocks = new AddressBlocks()
  #takesOver: boolean
  #isWatching = false
  #setting: Promise<void> = Promise.resolve()

  constructor(options: SimulatedNodesOptions) {
    const { client, clock, random, signal, version = 'v1.36.0', width = 128, onError = () => {} } = options
    this.#takesOver = options.takesOver ?? false
    this.#means = {
      ...{ client, clock, random, signal, version, onError },
      wheel: new TimerWheel(clock, signal),
      renewEvery: () => (this.#nodes.size > manyNodes ? renewManyEvery : renewFewEvery),
      heartbeats: new WriteLane(128),
      registrations: new WriteLane(64),
      writes: new WriteLane(width),
    }
  }

  get names(): readonly string[] {
    return [...this.#nodes.values()].filter(({ isGone, isRegistered }) => isRegistered && !isGone).map(({ name }) => name)
  }

  get running(): number {
    let count = 0
    for (const node of this.#nodes.values()) for (const pod of node.pods.values()) if (pod.isRunning) count++
    return count
  }

  /** One after the other. */
  set(shapes: readonly NodeShape[]): Promise<void> {
    const done = this.#setting.then(() => this.#set(wantedNodes(shapes)))
    this.#setting = done.catch(() => {})
    return done
  }

  async #set(wanted: readonly WantedNode[]): Promise<void> {
    const names = new Set(wanted.map(({ name }) => name))
    const known = await this.#known()
    const fresh: SimulatedNode[] = []
    const changed: [SimulatedNode, WantedNode][] = []
    for (const one of wanted) {
      const present = this.#nodes.get(one.name)
      if (!present || present.isGone) fresh.push(this.#add(one, known.nodes.get(one.name)))
      else if (shapeText(present.wanted) !== shapeText(one)) changed.push([present, one])
    }
    if (this.#takesOver) for (const node of known.nodes.values()) if (!names.has(node.metadata.name)) this.#addLeftover(node)
    const surplus = [...this.#nodes.values()].filter(({ name }) => !names.has(name))
    const { registrations } = this.#means
    await registrations.all(surplus, (node) => this.#remove(node))
    await registrations.all(changed, ([node, one]) => node.change(one))
    await registrations.all(fresh, (node) =>
      node.register({ node: known.nodes.get(node.name), lease: known.leases.get(node.name) }),
    )
    if (this.#isWatching && fresh.some(({ name }) => known.nodes.has(name))) await this.#findPods(new Set(fresh))
  }

  /** What an earlier run left. */
  async #known(): Promise<{ nodes: ReadonlyMap<string, Node>; leases: ReadonlyMap<string, Lease> }> {
    const { client, signal } = this.#means
    const nodes = new Map<string, Node>()
    for await (const node of listed((page) => client.list(Node, { labelSelector: shapeLabel, signal, ...page }))) {
      nodes.set(node.metadata.name, node)
    }
    const leases = new Map<string, Lease>()
    if (nodes.size === 0) return { nodes, leases }
    for await (const lease of listed((page) => client.list(Lease, { namespace: leaseNamespace, signal, ...page }))) {
      leases.set(lease.metadata.name, lease)
    }
    return { nodes, leases }
  }

  #add(wanted: WantedNode, known: Node | undefined): SimulatedNode {
    const cidr = known?.spec.podCIDR
    const kept = cidr === undefined ? undefined : this.#blocks.keep(cidr)
    const block = kept ?? this.#blocks.take(Number(capacityOf(wanted.shape).pods))
    const node = new SimulatedNode(wanted, block, this.#means)
    this.#nodes.set(wanted.name, node)
    return node
  }

  #addLeftover({ metadata, spec }: Node): void {
    if (this.#nodes.has(metadata.name)) return
    const block = spec.podCIDR === undefined ? undefined : this.#blocks.keep(spec.podCIDR)
    const wanted = { name: metadata.name, index: 0, shape: {} }
    this.#nodes.set(metadata.name, new SimulatedNode(wanted, block ?? this.#blocks.take(0), this.#means))
  }

  async #remove(node: SimulatedNode): Promise<void> {
    await node.remove()
    if (this.#nodes.get(node.name) === node) this.#nodes.delete(node.name)
    for (const uid of [...node.pods.keys()]) this.#gone(uid)
    this.#blocks.give(node.block)
  }

  /** Resolves when the pods that are there have been seen. */
  async watchPods(): Promise<void> {
    const { client, clock, random, signal, onError } = this.#means
    const seen = Promise.withResolvers<void>()
    signal.addEventListener('abort', () => seen.reject(signal.reason), { once: true })
    const onEvents = (events: readonly Reflected<Pod>[]) => {
      for (const event of events) {
        if (event.type === 'replaced') {
          this.#replace(event.objects)
          seen.resolve()
        } else if (event.type === 'set') this.#seen(event.object)
        else if (event.type === 'deleted') this.#gone(event.object.metadata.uid)
      }
    }
    void reflect(client, Pod, { clock, random, signal, onError, onEvents, fieldSelector: 'spec.nodeName!=' })
    await seen.promise
    this.#isWatching = true
  }

  /** The watch said nothing of these nodes' pods again, or said it before the nodes were known. */
  async #findPods(nodes: ReadonlySet<SimulatedNode>): Promise<void> {
    const { client, signal } = this.#means
    for await (const pod of listed((page) => client.list(Pod, { fieldSelector: 'spec.nodeName!=', signal, ...page }))) {
      const node = this.#nodes.get(pod.spec.nodeName ?? '')
      if (node && nodes.has(node) && !this.#places.has(pod.metadata.uid)) this.#seen(pod)
    }
  }

  #replace(pods: readonly Pod[]): void {
    const present = new Set(pods.map(({ metadata }) => metadata.uid))
    for (const uid of [...this.#places.keys()]) if (!present.has(uid)) this.#gone(uid)
    for (const pod of pods) this.#seen(pod)
  }

  #seen(pod: Pod): void {
    const node = this.#nodes.get(pod.spec.nodeName ?? '')
    if (!node || node.isGone) return
    this.#places.set(pod.metadata.uid, node)
    node.podSeen(withoutManagers(pod))
  }

  #gone(uid: string): void {
    this.#places.get(uid)?.podGone(uid)
    this.#places.delete(uid)
  }
}

/** Who set which field is half of what a pod takes, and of no use here. */
function withoutManagers(pod: Pod): Pod {
  const { managedFields: _, ...metadata } = pod.metadata
  return { ...pod, metadata }
}

type Page = { readonly limit: number; readonly continue?: string }

/** Page by page. */
async function* listed<T>(
  list: (page: Page) => Promise<{ readonly items: readonly T[]; readonly metadata: { readonly continue?: string } }>,
): AsyncGenerator<T> {
  let next: string | undefined
  do {
    const { items, metadata } = await list({ limit: 1_000, ...(next && { continue: next }) })
    yield* items
    next = metadata.continue
  } while (next)
}

/** Equal for equal nodes; how many of them there are does not count. */
function shapeText({ name, index, shape: { count: _, ...shape } }: WantedNode): string {
  return JSON.stringify([name, index, shape])
}
