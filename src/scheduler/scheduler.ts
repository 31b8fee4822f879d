/**
 * The scheduler: watches pods without a node, decides with `place`, and binds.
 *
 * Guarantees: a pod that was decided on counts on its node at once, before the API server has confirmed it; a refused binding is taken back and tried
 * again. Crash-only: everything is rebuilt from the API at the start. Two schedulers at once are safe: the second
 * binding of a pod is refused by the server.
 */
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import type { Client } from '#client/client.ts'
import { createEventRecorder, type EventRecorder } from '#client/events.ts'
import { type Informer, startInformer } from '#client/informer.ts'
import { type Clock, formatTime } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import { hasReason } from '#schema/status-error.ts'
import { nodeChanges, podChanges } from './changes.ts'
import { ClusterState } from './cluster-state.ts'
import { type Placement, place } from './cycle.ts'
import { defaultProfile, defaultSchedulerName, type Weighted } from './profiles.ts'
import { createQueue, type QueuedPod, type SchedulingQueue } from './queue.ts'

export interface SchedulerOptions {
  readonly client: Client
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
  /** `spec.schedulerName` of the pods it places. */
  readonly name?: string
  readonly profile?: readonly Weighted[]
  readonly onError?: (error: unknown) => void
}

/** Runs until the signal is aborted; resolves when it has seen the cluster and schedules. */
export async function runScheduler(options: SchedulerOptions): Promise<void> {
  await new Scheduler(options).start()
}

/** Pods decided in one go before others get the thread. */
const batch = 64

class Scheduler {
  #options: SchedulerOptions
  #name: string
  #profile: readonly Weighted[]
  #state = new ClusterState()
  #queue: SchedulingQueue
  #events: EventRecorder
  #startAt = 0
  #isRunning = false
  #started = false
  /** Pods bound by us whose binding the watch has not shown yet. */
  #assumed = new Set<string>()

  constructor(options: SchedulerOptions) {
    const { client, clock, random, signal, onError } = options
    this.#options = options
    this.#name = options.name ?? defaultSchedulerName
    this.#profile = options.profile ?? defaultProfile
    this.#events = createEventRecorder(client, { clock, random, component: this.#name, signal, onError })
    this.#queue = createQueue({ clock, plugins: this.#profile, onReady: () => this.#wake() })
  }

  async start(): Promise<void> {
    const { client, clock, random, signal, onError } = this.#options
    const nodes: Informer<Node> = startInformer(client, Node, { clock, random, signal, onError })
    const pods: Informer<Pod> = startInformer(client, Pod, {
      clock,
      random,
      signal,
      onError,
      fieldSelector: 'status.phase!=Succeeded,status.phase!=Failed',
    })
    nodes.addHandlers({
      added: (node) => this.#nodeAdded(node),
      updated: (node, before) => this.#nodeUpdated(node, before),
      deleted: ({ metadata }) => this.#state.deleteNode(metadata.name),
    })
    pods.addHandlers({
      added: (pod) => this.#podSeen(pod),
      updated: (pod, before) => this.#podSeen(pod, before),
      deleted: (pod) => this.#podGone(pod),
    })
    await Promise.all([nodes.synced(), pods.synced()])
    this.#started = true
    this.#wake()
  }

  #nodeAdded(node: Node): void {
    this.#state.setNode(node)
    this.#queue.happened({ kind: 'Node', actions: ['added'], after: node })
  }

  #nodeUpdated(node: Node, before: Node): void {
    this.#state.setNode(node)
    const actions = nodeChanges(before, node)
    if (actions.length > 0) this.#queue.happened({ kind: 'Node', actions, before, after: node })
  }

  #podSeen(pod: Pod, before?: Pod): void {
    const { uid } = pod.metadata
    if (pod.spec.nodeName) {
      this.#assumed.delete(uid)
      this.#queue.delete(uid)
      this.#state.setPod(pod)
      const actions = before?.spec.nodeName ? podChanges(before, pod) : []
      if (actions.length > 0) this.#queue.happened({ kind: 'Pod', actions, before, after: pod })
    } else if (pod.spec.schedulerName === this.#name && !pod.metadata.deletionTimestamp && !this.#assumed.has(uid)) {
      this.#queue.put(pod)
    } else if (pod.metadata.deletionTimestamp) {
      this.#queue.delete(uid)
    }
  }

  #podGone(pod: Pod): void {
    const { uid } = pod.metadata
    this.#assumed.delete(uid)
    this.#queue.delete(uid)
    this.#state.deletePod(uid)
    if (pod.spec.nodeName) this.#queue.happened({ kind: 'Pod', actions: ['deleted'], before: pod })
  }

  #wake(): void {
    if (this.#isRunning || !this.#started || this.#options.signal.aborted) return
    this.#isRunning = true
    this.#options.clock.after(0, () => this.#work())
  }

  #work(): void {
    this.#isRunning = false
    if (this.#options.signal.aborted) return
    for (let i = 0; i < batch; i++) {
      const entry = this.#queue.pop()
      if (!entry) return
      this.#decide(entry)
    }
    this.#wake()
  }

  #decide(entry: QueuedPod): void {
    const { pod } = entry
    const placement = place(pod, this.#state, { profile: this.#profile, random: this.#options.random, startAt: this.#startAt })
    if (!placement.node) {
      this.#queue.reject(entry, placement.rejectedBy)
      void this.#reportFailure(pod, placement)
      return
    }
    this.#startAt = (this.#startAt + placement.evaluated) % Math.max(1, this.#state.nodes.length)
    this.#assumed.add(pod.metadata.uid)
    this.#state.setPod({ ...pod, spec: { ...pod.spec, nodeName: placement.node.name } })
    void this.#bind(entry, placement.node.name)
  }

  async #bind(entry: QueuedPod, node: string): Promise<void> {
    const { metadata } = entry.pod
    const { name, namespace, uid } = metadata
    const body = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name, namespace, uid },
      target: { apiVersion: 'v1', kind: 'Node', name: node },
    }
    try {
      await this.#options.client.post(Pod, metadata, { subresource: 'binding', body })
    } catch (error) {
      this.#assumed.delete(uid)
      this.#state.deletePod(uid)
      if (hasReason(error, 'NotFound', 'Conflict')) return this.#queue.done(entry)
      this.#queue.retry(entry)
      this.#options.onError?.(error)
      return
    }
    this.#queue.done(entry)
    this.#events.record(entry.pod, {
      type: 'Normal',
      reason: 'Scheduled',
      message: `Successfully assigned ${namespace}/${name} to ${node}`,
      action: 'Binding',
    })
  }

  async #reportFailure(pod: Pod, { message }: Extract<Placement, { node: undefined }>): Promise<void> {
    this.#events.record(pod, { type: 'Warning', reason: 'FailedScheduling', message, action: 'Scheduling' })
    const known = pod.status.conditions?.find(({ type }) => type === 'PodScheduled')
    if (known?.status === 'False' && known.reason === 'Unschedulable' && known.message === message) return
    const lastTransitionTime = known?.status === 'False' ? known.lastTransitionTime : formatTime(this.#options.clock.now())
    const observedGeneration = pod.metadata.generation
    const condition = {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message,
      lastTransitionTime,
      observedGeneration,
    }
    try {
      await this.#options.client.patch(
        Pod,
        pod.metadata,
        { type: 'strategic', body: { metadata: { uid: pod.metadata.uid }, status: { conditions: [condition] } } },
        { subresource: 'status' },
      )
    } catch (error) {
      if (!hasReason(error, 'NotFound', 'Conflict')) this.#options.onError?.(error)
    }
  }
}
