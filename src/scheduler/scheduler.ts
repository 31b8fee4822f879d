/**
 * The scheduler: watches pods without a node, decides with `place`, and binds.
 *
 * Guarantees: a pod that was decided on counts on its node at once, before the API server has confirmed it; a refused binding is taken back and tried
 * again. Crash-only: everything is rebuilt from the API at the start. Two schedulers at once are safe: the second
 * binding of a pod is refused by the server.
 */
import type { Pod } from '#api/core/v1/pod.ts'
import { boundedTransport } from '#client/bounded-transport.ts'
import type { Client } from '#client/client.ts'
import { createEventRecorder, type EventRecorder } from '#client/events.ts'
import { createClient } from '#client/typed-client.ts'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import type { GiveWay } from '#lib/turn.ts'
import { hasReason, type StatusError } from '#schema/status-error.ts'
import { bind, Permits, permit, type Refusal, reserve, takesTime, unreserve } from './binding.ts'
import { podChanges } from './changes.ts'
import { ClusterState } from './cluster-state.ts'
import { type Placed, type Placement, type PlaceOptions, place, type Refused } from './cycle.ts'
import { placeWithExtenders } from './extenders/consult.ts'
import type { Extender } from './extenders/extender.ts'
import type { Actor } from './framework/plugin.ts'
import { onNode, priorityOf } from './framework/pod-facts.ts'
import { evictVictims } from './preempt.ts'
import { defaultSchedulerName, makeDefaultProfile, type Profile } from './profiles.ts'
import { createQueue, type QueuedPod, type SchedulingQueue } from './queue.ts'
import { patchStatus, type Reporting, reportFailure } from './report.ts'
import { ResultCache } from './shared-results.ts'
import { watchCluster } from './watch-cluster.ts'

export interface SchedulerOptions {
  readonly client: Client
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
  /** One for each `spec.schedulerName` that it answers to. Default: `default-scheduler` with the default plugins. */
  readonly profiles?: readonly Profile[] | undefined
  /** Programs beside the scheduler that have a say, in the order in which they are asked. */
  readonly extenders?: readonly Extender[] | undefined
  /** Seconds. */
  readonly podInitialBackoffSeconds?: number | undefined
  readonly podMaxBackoffSeconds?: number | undefined
  /** Whether pods of one template share results; the decisions are the same. Default true. */
  readonly sharesResults?: boolean | undefined
  readonly watcher?: SchedulerWatcher | undefined
  /** Asked while the first state is taken in; default: never. */
  readonly giveWay?: GiveWay | undefined
  readonly onError?: ((error: unknown) => void) | undefined
}

/** Is told what happens, for metrics. Times in milliseconds. */
export interface SchedulerWatcher {
  /** What waits now, by upstream's names of the queues. */
  started(pending: () => Readonly<Record<'active' | 'backoff' | 'unschedulable' | 'gated', number>>): void
  decided(decision: { profile: string; result: 'scheduled' | 'unschedulable' | 'error'; took: number }): void
  bound(binding: { attempts: number; since: number }): void
  preempting(victims: number): void
}

/** Runs until the signal is aborted; resolves when it has seen the cluster and schedules. */
export async function runScheduler(options: SchedulerOptions): Promise<void> {
  const { client, clock } = options
  const bounded = createClient(boundedTransport(client.transport, { width: callsAtOnce, clock }))
  await new Scheduler({ ...options, client: bounded }).start()
}

/** Decisions come faster than any server binds; what it has not taken yet waits here and not in its queues, which are short. */
const callsAtOnce = 64

/** Pods decided in one go before others get the thread. */
const batch = 64

interface Served {
  readonly profile: Profile
  readonly events: EventRecorder
  readonly cache: ResultCache | undefined
}

class Scheduler {
  #options: SchedulerOptions
  #served: ReadonlyMap<string, Served>
  #state = new ClusterState()
  #queue: SchedulingQueue
  #permits = new Permits()
  #extenders: readonly Extender[]
  #startAt = 0
  #isRunning = false
  #started = false
  /** Pods bound by us whose binding the watch has not shown yet. */
  #assumed = new Set<string>()
  /** By UID: where pods are said to be going, by ourselves, and are not bound yet. */
  #announced = new Map<string, string>()
  /** By UID: pods that wait for what they need before they are bound. */
  #preparing = new Map<string, AbortController>()
  /** Pods for which room is being made right now. */
  #preempting = new Set<string>()

  constructor(options: SchedulerOptions) {
    this.#options = options
    const { clock, podInitialBackoffSeconds, podMaxBackoffSeconds, extenders = [] } = options
    this.#extenders = extenders
    this.#served = new Map(profilesOf(options).map((profile) => [profile.name, this.#serve(profile)]))
    this.#queue = createQueue({
      clock,
      pluginsOf: ({ spec }) => this.#served.get(spec.schedulerName)?.profile.plugins ?? [],
      onReady: () => this.#wake(),
      snapshot: this.#state,
      initialBackoff: podInitialBackoffSeconds === undefined ? undefined : podInitialBackoffSeconds * 1000,
      maxBackoff: podMaxBackoffSeconds === undefined ? undefined : podMaxBackoffSeconds * 1000,
    })
  }

  #serve(profile: Profile): Served {
    const { client, clock, random, signal, onError, sharesResults = true } = this.#options
    const events = createEventRecorder(client, { clock, random, component: profile.name, signal, onError })
    return { profile, events, cache: sharesResults ? new ResultCache() : undefined }
  }

  async start(): Promise<void> {
    const { client, clock, random, signal, onError, giveWay } = this.#options
    await watchCluster(client, {
      ...{ clock, random, signal, onError, giveWay },
      state: this.#state,
      happened: (event) => this.#queue.happened(event),
      podSeen: (pod, before) => this.#podSeen(pod, before),
      podGone: (pod) => this.#podGone(pod),
    })
    this.#started = true
    this.#options.watcher?.started(() => this.#queue.pending())
    this.#wake()
  }

  #podSeen(pod: Pod, before?: Pod): void {
    const { uid, deletionTimestamp } = pod.metadata
    if (pod.spec.nodeName) {
      this.#assumed.delete(uid)
      this.#queue.delete(uid)
      this.#state.nominate(pod, '')
      this.#state.setPod(pod)
      const actions = before?.spec.nodeName ? podChanges(before, pod) : (['added'] as const)
      if (actions.length > 0) this.#queue.happened({ kind: 'Pod', actions, before, after: pod })
    } else if (deletionTimestamp) {
      this.#queue.delete(uid)
      this.#forgetNomination(pod)
    } else if (this.#served.has(pod.spec.schedulerName) && !this.#assumed.has(uid)) {
      this.#state.nominate(pod, this.#state.nominationOf(uid) ?? pod.status.nominatedNodeName ?? '')
      this.#queue.put(pod)
    }
  }

  #podGone(pod: Pod): void {
    const { uid } = pod.metadata
    this.#assumed.delete(uid)
    this.#queue.delete(uid)
    this.#state.deletePod(uid)
    this.#forgetNomination(pod)
    if (pod.spec.nodeName) this.#queue.happened({ kind: 'Pod', actions: ['deleted'], before: pod })
  }

  /** The room that was kept is free for others. */
  #forgetNomination(pod: Pod): void {
    const node = this.#state.nominationOf(pod.metadata.uid)
    if (node === undefined) return
    this.#state.nominate(pod, '')
    this.#queue.happened({ kind: 'Pod', actions: ['deleted'], before: onNode(pod, node) })
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
      const served = this.#served.get(entry.pod.spec.schedulerName)
      if (!served) continue
      if (this.#extenders.length > 0) return this.#askAndDecide(entry, served)
      this.#decide(entry, served)
    }
    this.#wake()
  }

  /** No other pod is decided on until the extenders have answered. */
  #askAndDecide(entry: QueuedPod, served: Served): void {
    this.#isRunning = true
    void this.#decideWithExtenders(entry, served).finally(() => {
      this.#isRunning = false
      this.#wake()
    })
  }

  #decide(entry: QueuedPod, served: Served): void {
    const { pod } = entry
    if (this.#preempting.has(pod.metadata.uid)) return this.#queue.retry(entry)
    const began = this.#options.clock.monotonic()
    try {
      this.#follow(entry, served, { placement: place(pod, this.#state, this.#placing(served)), began })
    } catch (error) {
      this.#failed(entry, served, { error, began })
    }
  }

  async #decideWithExtenders(entry: QueuedPod, served: Served): Promise<void> {
    const { pod } = entry
    if (this.#preempting.has(pod.metadata.uid)) return this.#queue.retry(entry)
    const began = this.#options.clock.monotonic()
    try {
      const options = { ...this.#placing(served), extenders: this.#extenders }
      const placement = await placeWithExtenders(pod, this.#state, options)
      if (this.#options.signal.aborted) return
      // Deleted or bound by somebody else meanwhile.
      if (this.#queue.has(pod.metadata.uid)) this.#follow(entry, served, { placement, began })
    } catch (error) {
      this.#failed(entry, served, { error, began })
    }
  }

  #placing({ profile, cache }: Served): PlaceOptions {
    const { random } = this.#options
    const percentage = profile.percentageOfNodesToScore ?? 0
    return { profile: profile.plugins, percentage, random, startAt: this.#startAt, cache }
  }

  #follow(entry: QueuedPod, served: Served, { placement, began }: { placement: Placement; began: number }): void {
    const result = placement.node ? 'scheduled' : placement.isError ? 'error' : 'unschedulable'
    this.#decided(served, result, began)
    if (placement.node) this.#take(entry, served, placement)
    else this.#refuse(entry, served, placement)
  }

  #failed(entry: QueuedPod, served: Served, { error, began }: { error: unknown; began: number }): void {
    this.#decided(served, 'error', began)
    this.#queue.retry(entry)
    this.#options.onError?.(error)
  }

  #decided({ profile }: Served, result: 'scheduled' | 'unschedulable' | 'error', began: number): void {
    const { watcher, clock } = this.#options
    watcher?.decided({ profile: profile.name, result, took: clock.monotonic() - began })
  }

  #take(entry: QueuedPod, served: Served, placed: Placed): void {
    const { pod } = entry
    const { uid } = pod.metadata
    this.#startAt = (this.#startAt + placed.evaluated) % Math.max(1, this.#state.nodes.length)
    this.#assumed.add(uid)
    this.#state.setPod(onNode(pod, placed.node.name))
    const refusal = reserve(placed)
    if (refusal) return this.#takeBack(entry, served, { placed, refusal })
    const permitted = permit(placed)
    if (typeof permitted !== 'number') return this.#takeBack(entry, served, { placed, refusal: permitted })
    const nominated = this.#state.nominationOf(uid)
    if (nominated !== undefined) this.#state.nominate(pod, '')
    void this.#bind(entry, served, { placed, wait: permitted })
  }

  async #bind(entry: QueuedPod, served: Served, { placed, wait }: { placed: Placed; wait: number }): Promise<void> {
    const { pod } = entry
    const { client, clock, signal, onError } = this.#options
    const actor: Actor = { client, clock, signal }
    const node = placed.node.name
    try {
      if (wait > 0 || takesTime(placed)) await this.#announce(pod, served, node)
      const waited = wait > 0 ? await this.#permits.wait(pod, wait, actor) : undefined
      const rejection = { message: `pod "${pod.metadata.name}" rejected while waiting on permit: ${waited}` }
      const refusal = waited ? { rejection, by: '' } : await this.#bindNow(placed, actor)
      if (refusal) return this.#takeBack(entry, served, { placed, refusal })
    } catch (error) {
      if (signal.aborted) return
      if (hasReason(error, 'NotFound', 'Conflict') && isAboutPod(error)) {
        this.#giveBack(pod, placed)
        this.#announced.delete(pod.metadata.uid)
        return this.#queue.done(entry)
      }
      const message = error instanceof Error ? error.message : String(error)
      this.#takeBack(entry, served, { placed, refusal: { rejection: { message, error: true }, by: '' } })
      onError?.(error)
      return
    }
    this.#announced.delete(pod.metadata.uid)
    this.#queue.done(entry)
    this.#options.watcher?.bound({ attempts: entry.attempts, since: clock.monotonic() - entry.firstTry })
    const { name, namespace } = pod.metadata
    served.events.record(pod, {
      type: 'Normal',
      reason: 'Scheduled',
      message: `Successfully assigned ${namespace}/${name} to ${node}`,
      action: 'Binding',
    })
  }

  async #bindNow(placed: Placed, actor: Actor): Promise<Refusal | undefined> {
    const { uid } = placed.run.pod.metadata
    const extenders = this.#extenders
    if (!takesTime(placed)) return bind(placed.run, placed.node.name, { ...actor, extenders })
    const preempted = new AbortController()
    this.#preparing.set(uid, preempted)
    const onBinding = () => this.#preparing.delete(uid)
    try {
      return await bind(placed.run, placed.node.name, { ...actor, extenders, preempted: preempted.signal, onBinding })
    } finally {
      this.#preparing.delete(uid)
    }
  }

  /** True when the pod was on its way and now is not, so that it need not be deleted. */
  #turnBack(uid: string): boolean {
    const preparing = this.#preparing.get(uid)
    preparing?.abort()
    return preparing !== undefined || this.#permits.reject(uid, 'preempted')
  }

  /** Tells others where the pod is about to go, since it will take a while (upstream's `NominatedNodeNameForExpectation`). */
  async #announce(pod: Pod, served: Served, node: string): Promise<void> {
    if (pod.status.nominatedNodeName === node) return
    this.#announced.set(pod.metadata.uid, node)
    await patchStatus(pod, { nominatedNodeName: node }, this.#reporting(served))
  }

  /** Unless the watch has meanwhile shown where the pod really is. */
  #giveBack(pod: Pod, { run, node }: Placed): void {
    const { uid } = pod.metadata
    unreserve(run, node.name)
    if (!this.#assumed.delete(uid)) return
    this.#state.deletePod(uid)
    this.#queue.happened({ kind: 'Pod', actions: ['deleted'], before: onNode(pod, node.name) })
  }

  #takeBack(entry: QueuedPod, served: Served, { placed, refusal }: { placed: Placed; refusal: Refusal }): void {
    const { rejection, by } = refusal
    // While it waited for a permit or its volumes, nobody told it of cures.
    const isOutdated = this.#queue.isOutdated(entry)
    this.#giveBack(entry.pod, placed)
    if (rejection.error || !by || isOutdated) this.#queue.retry(entry)
    else this.#queue.reject(entry, new Set([by]))
    const reason = rejection.error ? 'SchedulerError' : 'Unschedulable'
    const { uid } = entry.pod.metadata
    const announced = this.#announced.get(uid)
    this.#announced.delete(uid)
    const status = { ...entry.pod.status, ...(announced !== undefined && { nominatedNodeName: announced }) }
    const failure = { message: rejection.message, reason, ...(announced !== undefined && { nominated: '' }) } as const
    void reportFailure({ ...entry.pod, status }, failure, this.#reporting(served))
  }

  #refuse(entry: QueuedPod, served: Served, { message, rejectedBy, isError, nomination }: Refused): void {
    const { pod } = entry
    const reporting = this.#reporting(served)
    if (isError) {
      this.#queue.retry(entry)
      void reportFailure(pod, { message, reason: 'SchedulerError' }, reporting)
      return
    }
    this.#queue.reject(entry, rejectedBy)
    const nominated = nomination?.node
    if (nominated !== undefined && nominated !== (this.#state.nominationOf(pod.metadata.uid) ?? '')) {
      this.#state.nominate(pod, nominated)
    }
    void reportFailure(pod, { message, reason: 'Unschedulable', nominated }, reporting)
    const { client, clock, signal, onError } = this.#options
    nomination?.act?.({ client, clock, signal }).catch((error) => onError?.(error))
    if (nominated && nomination?.victims) void this.#preempt(pod, served, { node: nominated, victims: nomination.victims })
  }

  async #preempt(pod: Pod, served: Served, room: { node: string; victims: readonly Pod[] }): Promise<void> {
    const { uid } = pod.metadata
    const reporting = this.#reporting(served)
    this.#preempting.add(uid)
    this.#options.watcher?.preempting(room.victims.length)
    const rejectWaiting = (victim: string) => this.#turnBack(victim)
    const done = await evictVictims(pod, room, { ...reporting, schedulerName: served.profile.name, rejectWaiting })
    this.#preempting.delete(uid)
    for (const other of this.#state.nominatedTo(room.node)) {
      if (other.metadata.uid === uid || priorityOf(other) >= priorityOf(pod)) continue
      this.#state.nominate(other, '')
      void patchStatus(other, { nominatedNodeName: null }, reporting)
      this.#queue.wake(other.metadata.uid)
    }
    if (!done) this.#queue.wake(uid)
  }

  #reporting({ events }: Served): Reporting {
    const { client, clock, onError } = this.#options
    return { client, clock, events, onError }
  }
}

function profilesOf({ profiles, random }: SchedulerOptions): readonly Profile[] {
  return profiles ?? [{ name: defaultSchedulerName, plugins: makeDefaultProfile({ random }) }]
}

/** The binding was refused since the pod is gone or has a node, not for something that it uses. */
function isAboutPod({ details }: StatusError): boolean {
  return details?.kind === undefined || details.kind === 'pods' || details.kind === 'pods/binding'
}
