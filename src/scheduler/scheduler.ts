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
import { hasReason } from '#schema/status-error.ts'
import { bind, isAboutPod, Permits, permit, type Refusal, reserve, takesTime, unreserve, type Waits } from './binding.ts'
import { podChanges } from './changes.ts'
import { ClusterState } from './cluster-state.ts'
import { type Placed, type Placement, type PlaceOptions, place, type Refused } from './cycle.ts'
import { placeWithExtenders } from './extenders/consult.ts'
import type { Extender } from './extenders/extender.ts'
import type { Actor } from './framework/plugin.ts'
import { onNode, priorityOf } from './framework/pod-facts.ts'
import { asNominated, nominationLeft, nominationSeen } from './nominations.ts'
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
  /** Whether pods of one template share results (upstream's gate `OpportunisticBatching`); the decisions are the same. Default true. */
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
  /** Pods for which room is being made, or something is being taken back, before they are tried again. */
  #unsettled = new Set<string>()

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
      this.#turnBack(uid)
      this.#state.nominate(pod, '')
      this.#state.setPod(pod)
      const actions = before?.spec.nodeName ? podChanges(before, pod) : (['added'] as const)
      if (actions.length > 0) this.#queue.happened({ kind: 'Pod', actions, before, after: pod })
    } else if (deletionTimestamp) {
      this.#queue.delete(uid)
      this.#turnBack(uid)
      this.#forgetNomination(pod)
    } else if (this.#served.has(pod.spec.schedulerName) && !this.#assumed.has(uid)) {
      this.#state.nominate(pod, nominationSeen(pod, before, this.#state.nominationOf(uid)))
      this.#queue.put(pod)
      const left = nominationLeft(pod, before)
      if (left) this.#queue.happened({ kind: 'Pod', actions: ['deleted'], before: onNode(pod, left) })
    }
  }

  #podGone(pod: Pod): void {
    const { uid } = pod.metadata
    this.#assumed.delete(uid)
    this.#queue.delete(uid)
    this.#turnBack(uid)
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
    const pod = this.#asNominated(entry)
    if (this.#unsettled.has(pod.metadata.uid)) return this.#queue.retry(entry)
    const began = this.#options.clock.monotonic()
    try {
      this.#follow(entry, served, { placement: place(pod, this.#state, this.#placing(served)), began })
    } catch (error) {
      this.#failed(entry, served, { error, began })
    }
  }

  async #decideWithExtenders(entry: QueuedPod, served: Served): Promise<void> {
    const pod = this.#asNominated(entry)
    if (this.#unsettled.has(pod.metadata.uid)) return this.#queue.retry(entry)
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

  #asNominated({ pod }: QueuedPod): Pod {
    return asNominated(pod, this.#state.nominationOf(pod.metadata.uid))
  }

  #nominate(pod: Pod, node: string): void {
    if (node !== (this.#state.nominationOf(pod.metadata.uid) ?? '')) this.#state.nominate(pod, node)
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
    const waits = permit(placed, this.#permits)
    if ('rejection' in waits) return this.#takeBack(entry, served, { placed, refusal: waits })
    this.#nominate(pod, '')
    void this.#bind(entry, served, { placed, waits })
  }

  async #bind(entry: QueuedPod, served: Served, { placed, waits }: { placed: Placed; waits: Waits }): Promise<void> {
    const { pod } = entry
    const { clock, signal, onError } = this.#options
    const actor = this.#actor(served)
    const node = placed.node.name
    try {
      const waiting = waits.size > 0 ? this.#permits.wait(pod, waits, actor) : undefined
      const announced = waiting || takesTime(placed) ? this.#announce(pod, served, node) : undefined
      const [rejected] = announced ? await Promise.all([waiting, announced]) : []
      const refusal = rejected ?? (await this.#bindNow(placed, actor))
      if (refusal) return this.#takeBack(entry, served, { placed, refusal })
    } catch (error) {
      if (signal.aborted) return
      const isGone = hasReason(error, 'NotFound', 'Conflict') && isAboutPod(error)
      if (isGone) this.#queue.delete(pod.metadata.uid)
      const message = error instanceof Error ? error.message : String(error)
      this.#takeBack(entry, served, { placed, refusal: { rejection: { message, error: true }, by: '' } })
      if (!isGone) onError?.(error)
      return
    }
    this.#announced.delete(pod.metadata.uid)
    this.#queue.done(entry)
    this.#options.watcher?.bound({ attempts: entry.attempts, since: clock.monotonic() - entry.firstTry })
    const message = `Successfully assigned ${pod.metadata.namespace}/${pod.metadata.name} to ${node}`
    served.events.record(pod, { type: 'Normal', reason: 'Scheduled', message, action: 'Binding' })
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
    return preparing !== undefined || this.#permits.reject(uid, 'DefaultPreemption', 'preempted')
  }

  /** Tells others where the pod is about to go, since it will take a while (upstream's `NominatedNodeNameForExpectation`). */
  async #announce(pod: Pod, served: Served, node: string): Promise<void> {
    if (pod.status.nominatedNodeName === node) return
    this.#announced.set(pod.metadata.uid, node)
    await patchStatus(pod, { nominatedNodeName: node }, this.#reporting(served))
  }

  #actor({ events }: Served): Actor {
    const { client, clock, signal } = this.#options
    return { client, clock, signal, events }
  }

  /** Unless the watch has meanwhile shown where the pod is. */
  #giveBack(pod: Pod, { run, node }: Placed, served: Served): void {
    const { uid } = pod.metadata
    this.#unsettled.add(uid)
    const takenBack = unreserve(run, node.name, this.#actor(served)).catch((error) => this.#options.onError?.(error))
    void takenBack.finally(() => this.#unsettled.delete(uid))
    if (!this.#assumed.delete(uid)) return
    this.#state.deletePod(uid)
    this.#queue.happened({ kind: 'Pod', actions: ['deleted'], before: onNode(pod, node.name), except: uid })
  }

  #takeBack(entry: QueuedPod, served: Served, { placed, refusal }: { placed: Placed; refusal: Refusal }): void {
    const { rejection, by } = refusal
    const { uid } = entry.pod.metadata
    const pod = asNominated(entry.pod, this.#announced.get(uid) ?? this.#state.nominationOf(uid))
    this.#announced.delete(uid)
    this.#nominate(pod, '')
    this.#giveBack(entry.pod, placed, served)
    // Gone meanwhile, or bound by somebody else.
    if (!this.#queue.has(uid)) return
    if (rejection.error || !by) this.#queue.retry(entry)
    else this.#queue.reject(entry, new Set([by]))
    const reason = rejection.error ? 'SchedulerError' : 'Unschedulable'
    void reportFailure(pod, { message: rejection.message, reason, nominated: '' }, this.#reporting(served))
  }

  #refuse(entry: QueuedPod, served: Served, { message, rejectedBy, isError, nomination }: Refused): void {
    const pod = this.#asNominated(entry)
    if (isError) this.#queue.retry(entry)
    else this.#queue.reject(entry, rejectedBy)
    const nominated = isError ? '' : nomination?.node
    if (nominated !== undefined) this.#nominate(entry.pod, nominated)
    const reason = isError ? 'SchedulerError' : 'Unschedulable'
    void reportFailure(pod, { message, reason, nominated }, this.#reporting(served))
    nomination?.act?.(this.#actor(served)).catch((error) => this.#options.onError?.(error))
    if (nominated && nomination?.victims) void this.#preempt(pod, served, { node: nominated, victims: nomination.victims })
  }

  async #preempt(pod: Pod, served: Served, room: { node: string; victims: readonly Pod[] }): Promise<void> {
    const { uid } = pod.metadata
    const reporting = this.#reporting(served)
    this.#unsettled.add(uid)
    this.#options.watcher?.preempting(room.victims.length)
    const as = { schedulerName: served.profile.name, rejectWaiting: (victim: string) => this.#turnBack(victim) }
    const done = await evictVictims(pod, room, { ...reporting, ...as })
    this.#unsettled.delete(uid)
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

function profilesOf({ profiles, random, clock }: SchedulerOptions): readonly Profile[] {
  return profiles ?? [{ name: defaultSchedulerName, plugins: makeDefaultProfile({ random, clock }) }]
}
