/** Registers this machine as a Node, keeps its status and its lease fresh (upstream `kubelet_node_status.go`). */
import { Node } from '#api/core/v1/node.ts'
import type { Taint } from '#api/core/v1/taint.ts'
import { type Client, edit } from '#client/client.ts'
import type { EventRecorder } from '#client/events.ts'
import { type Clock, sleep } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import { hasReason } from '#schema/status-error.ts'
import type { Draft } from '#schema/words.ts'
import type { Runtime } from '../cri/runtime.ts'
import type { Machine } from './machine.ts'
import { renewNodeLease } from './node-lease.ts'
import { hasChanged, type NodeObservation, nodeStatus, runtimeProblems, transitions } from './node-status.ts'
import { type Pressure, PressureMemory } from './pressure.ts'

export interface NodeAgentOptions {
  readonly client: Client
  readonly runtime: Runtime
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
  readonly nodeName: string
  /** Default: the node's name. */
  readonly hostname?: string
  /** Primary address first. */
  readonly addresses: readonly string[]
  /** Of the agent's server. Default 10250. */
  readonly port?: number
  /** Default 110. */
  readonly maxPods?: number
  /** `v1.36.0`. */
  readonly version: string
  readonly machine: Machine
  /** Default: never any. */
  readonly pressure?: () => Promise<Pressure>
  /** Further reasons why the node is not ready. */
  readonly problems?: () => readonly string[]
  /** Names of volumes that are attached and used, for the attach-detach controller; undefined leaves what the API has. */
  readonly volumesInUse?: () => readonly string[] | undefined
  readonly labels?: Readonly<Record<string, string>>
  /** Given at the first registration only. */
  readonly taints?: readonly Draft<Taint>[]
  readonly unschedulable?: boolean
  readonly providerId?: string
  readonly recorder?: EventRecorder
  readonly onError?: (error: unknown) => void
}

export interface NodeAgent {
  /** As last read or written. */
  node(): Node | undefined
  /** Looks again now, and writes if something changed. */
  refresh(): void
  /** Settles when everything has ended after the signal. */
  readonly done: Promise<void>
}

/** Status at least every 5 minutes, looked at every 10 seconds, and every 100 ms until the node is ready for the first time. */
const reportEvery = 300_000
const lookEvery = 10_000
const lookUntilReady = 100

export function startNodeAgent(options: NodeAgentOptions): NodeAgent {
  const agent = new Agent(options)
  const { client, clock, random, nodeName, signal, onError } = options
  const lease = renewNodeLease({ client, clock, random, nodeName, signal, ...(onError && { onError }) })
  const done = Promise.all([agent.run(), lease]).then(() => {})
  return { node: () => agent.node, refresh: () => agent.refresh(), done }
}

/** The Node object as it is created. The agent may write its own status along with it. */
export function initialNode(options: NodeAgentOptions, seen: NodeObservation): Draft<Node> {
  const { nodeName, hostname = nodeName, machine, unschedulable = false, providerId } = options
  const unschedulableTaint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' as const }
  const taints = [...(options.taints ?? []), ...(unschedulable ? [unschedulableTaint] : [])]
  return {
    metadata: {
      name: nodeName,
      labels: { ...defaultLabels(hostname, machine.architecture), ...options.labels },
      annotations,
    },
    spec: {
      ...(unschedulable && { unschedulable }),
      ...(taints.length > 0 && { taints }),
      ...(providerId && { providerID: providerId }),
    },
    status: nodeStatus(seen, undefined),
  }
}

const annotations = { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' }

function defaultLabels(hostname: string, architecture: string): Record<string, string> {
  return {
    'beta.kubernetes.io/arch': architecture,
    'beta.kubernetes.io/os': 'linux',
    'kubernetes.io/arch': architecture,
    'kubernetes.io/hostname': hostname,
    'kubernetes.io/os': 'linux',
  }
}

class Agent {
  readonly #options: NodeAgentOptions
  readonly #pressure: PressureMemory
  #wake = new AbortController()
  #lastReport = Number.NEGATIVE_INFINITY
  #wasReady = false
  node: Node | undefined

  constructor(options: NodeAgentOptions) {
    this.#options = options
    this.#pressure = new PressureMemory(options.clock)
  }

  refresh(): void {
    this.#wake.abort()
  }

  async run(): Promise<void> {
    const { signal, random } = this.#options
    await this.#register()
    while (!signal.aborted) {
      const wait = this.#wasReady ? lookEvery * (1 + 0.04 * random.next()) : lookUntilReady
      await this.#pause(wait)
      if (!signal.aborted) await this.#report().catch((error) => this.#failed(error))
    }
  }

  /** Sleeps until the time, the signal or `refresh`. */
  async #pause(milliseconds: number): Promise<void> {
    const { clock, signal } = this.#options
    await sleep(clock, milliseconds, AbortSignal.any([signal, this.#wake.signal])).catch(() => {})
    if (this.#wake.signal.aborted) this.#wake = new AbortController()
  }

  async #register(): Promise<void> {
    const { signal, clock } = this.#options
    for (let pause = 200; !signal.aborted; pause = Math.min(2 * pause, 7000)) {
      try {
        await this.#tryRegister()
        this.#event('Starting', 'Starting kubelet.')
        this.#noteTransitions([])
        return
      } catch (error) {
        this.#failed(error)
        await sleep(clock, pause, signal).catch(() => {})
      }
    }
  }

  async #tryRegister(): Promise<void> {
    const { client, nodeName, signal, clock } = this.#options
    const node = initialNode(this.#options, await this.#observe())
    try {
      this.node = await client.create(Node, node, { signal })
      this.#lastReport = clock.monotonic()
    } catch (error) {
      if (!hasReason(error, 'AlreadyExists')) throw error
      this.node = await this.#adopt(await client.get(Node, { name: nodeName }, { signal }), node)
      await this.#report()
    }
    this.#wasReady = isReady(this.node)
  }

  /** A node that registered before keeps what others wrote; only the agent's own labels and annotations are put right. */
  async #adopt(existing: Node, wanted: Draft<Node>): Promise<Node> {
    const labels = { ...existing.metadata.labels, ...wanted.metadata?.labels }
    const notes = { ...existing.metadata.annotations, ...annotations }
    const before = [existing.metadata.labels ?? {}, existing.metadata.annotations ?? {}]
    if (isSubset(labels as object, before[0]!) && isSubset(notes, before[1]!)) return existing
    const body = { metadata: { labels: wanted.metadata?.labels, annotations } }
    const { client, signal } = this.#options
    return client.patch(Node, existing, { type: 'strategic', body }, { signal })
  }

  async #report(): Promise<void> {
    const { client, clock, nodeName, signal } = this.#options
    const seen = await this.#observe()
    const node = await client.get(Node, { name: nodeName }, { signal, resourceVersion: '0' })
    const status = nodeStatus(seen, node.status)
    this.node = node
    this.#wasReady ||= seen.problems.length === 0
    if (clock.monotonic() - this.#lastReport < reportEvery && !hasChanged(node.status, status)) return
    // Addresses may share a type, by which a strategic merge would join them: they are replaced as a whole.
    const addresses = [...(status.addresses ?? []), { $patch: 'replace' }]
    const body = { metadata: { uid: node.metadata.uid }, status: { ...status, addresses } }
    this.node = await client.patch(Node, node, { type: 'strategic', body }, { signal, subresource: 'status' })
    this.#lastReport = clock.monotonic()
    this.#noteReboot(node)
    this.#noteTransitions(node.status.conditions ?? [])
  }

  async #observe(): Promise<NodeObservation> {
    const { runtime, machine, nodeName, addresses, version, clock, onError } = this.#options
    const failed = (error: unknown) => void onError?.(error)
    const status = await runtime.status().catch(failed)
    const pressure = (await this.#options.pressure?.().catch(failed)) ?? { memory: false, disk: false, pid: false }
    return {
      machine,
      hostname: this.#options.hostname ?? nodeName,
      addresses,
      version,
      port: this.#options.port ?? 10250,
      maxPods: this.#options.maxPods ?? 110,
      runtime: (await runtime.version().catch(failed)) ?? undefined,
      pressure: this.#pressure.observe(pressure),
      problems: [...runtimeProblems(status?.conditions), ...(this.#options.problems?.() ?? [])],
      hasStrictGroups: status?.hasStrictGroups ?? false,
      handlers: status?.handlers ?? [],
      images: (await runtime.listImages().catch(failed)) ?? [],
      volumesInUse: this.#options.volumesInUse?.(),
      now: clock.now(),
    }
  }

  #noteTransitions(before: NonNullable<Node['status']['conditions']>): void {
    for (const reason of transitions(before, this.node?.status.conditions ?? [])) {
      this.#event(reason, `Node ${this.#options.nodeName} status is now: ${reason}`)
    }
  }

  #noteReboot(before: Node): void {
    const { nodeName, machine } = this.#options
    const old = before.status.nodeInfo?.bootID
    if (!old || old === machine.bootId) return
    const message = `Node ${nodeName} has been rebooted, boot id: ${machine.bootId}`
    if (this.node) this.#options.recorder?.record(eventTarget(this.node), { type: 'Warning', reason: 'Rebooted', message })
  }

  #event(reason: string, message: string): void {
    if (this.node) this.#options.recorder?.record(eventTarget(this.node), { type: 'Normal', reason, message })
  }

  #failed(error: unknown): void {
    if (!this.#options.signal.aborted) this.#options.onError?.(error)
  }
}

/** Events about a node carry its name as uid: that is how kubectl finds them. */
function eventTarget(node: Node): Node {
  const target = edit(node)
  target.metadata.uid = node.metadata.name
  return target
}

function isReady(node: Node): boolean {
  return (node.status.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True')
}

function isSubset(part: object, whole: Readonly<Record<string, string>>): boolean {
  return Object.entries(part).every(([key, value]) => whole[key] === value)
}
