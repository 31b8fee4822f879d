/**
 * The pods that wait for a node. Ready ones stand in the order of the profile's QueueSort; those that failed wait either for their
 * back-off to pass or for an event that may cure what rejected them (upstream's active, backoff and unschedulable queues).
 *
 * Guarantees: an event costs only as much as there are waiting pods that it may cure; one timer, however many wait.
 */
import type { Pod } from '#api/core/v1/pod.ts'
import type { Clock, Timer } from '#lib/clock.ts'
import { Heap } from '#lib/heap.ts'
import { ownChanges } from './changes.ts'
import type { ActionType, Cure, Plugin, Queued } from './framework/plugin.ts'
import { priorityOf } from './framework/pod-facts.ts'
import type { Snapshot } from './framework/snapshot.ts'
import type { Weighted } from './profiles.ts'
import { ReadyPods } from './ready-pods.ts'
import { WaitingRoom } from './waiting-room.ts'

/** However no event comes: rejected pods are tried again after this time. */
const longestWait = 5 * 60_000

export interface QueuedPod {
  pod: Pod
  /** Place in the order of arrival; a pod that failed goes behind those that came meanwhile. */
  arrival: number
  attempts: number
  /** Events seen when it was popped. */
  events: number
  /** When it was first tried, by the monotonic clock. */
  firstTry: number
  /** When the last attempt failed, by the monotonic clock. */
  failedAt: number
  /** Names of the plugins that rejected it; empty where an error did, which any event may cure. */
  rejectedBy: ReadonlySet<string>
  place: 'active' | 'backoff' | 'waiting' | 'gated' | 'inFlight'
  /** When it leaves `backoff` or `waiting`. */
  due: number
}

/** Something that happened to an object of `kind`. */
export interface ClusterEvent {
  readonly kind: string
  readonly actions: readonly ActionType[]
  readonly before?: unknown
  readonly after?: unknown
  /** UID of the one pod that this says nothing to, since it is about itself. */
  readonly except?: string
}

export interface SchedulingQueue {
  /** Adds a pod, or brings a waiting one up to date. */
  put(pod: Pod): void
  delete(uid: string): void
  /**
   * The next pod to place; it is in flight until `done`, `reject` or `retry`. When nothing else is to be done, a rejected pod that may have been cured
   * need not sit out its back-off (upstream's `SchedulerPopFromBackoffQ`).
   */
  pop(): QueuedPod | undefined
  done(entry: QueuedPod): void
  /** No node fits: waits for a cure, unless one came while it was in flight. */
  reject(entry: QueuedPod, by: ReadonlySet<string>): void
  /** Something else failed: tried again after its back-off. */
  retry(entry: QueuedPod): void
  happened(event: ClusterEvent): void
  /** Tries a waiting pod again, after its back-off. */
  wake(uid: string): void
  has(uid: string): boolean
  /** How many wait where, by upstream's names of the queues. */
  pending(): Readonly<Record<'active' | 'backoff' | 'unschedulable' | 'gated', number>>
  readonly size: number
  /** Hints asked for and pods moved, ever: a measure of work. */
  readonly work: number
}

export interface QueueOptions {
  readonly clock: Clock
  /** Of the pod's profile. */
  readonly pluginsOf: (pod: Pod) => readonly Weighted[]
  readonly onReady: () => void
  /** What plugins look at before they let a pod in. */
  readonly snapshot?: Snapshot | undefined
  /** Milliseconds: the first back-off, which doubles up to the longest. */
  readonly initialBackoff?: number | undefined
  readonly maxBackoff?: number | undefined
}

export function createQueue(options: QueueOptions): SchedulingQueue {
  return new Queue(options)
}

class Queue implements SchedulingQueue {
  work = 0
  #options: QueueOptions
  #entries = new Map<string, QueuedPod>()
  #active: ReadyPods<QueuedPod>
  /** By `due`; entries that moved on meanwhile are left in and skipped. */
  #later = new Heap<{ readonly entry: QueuedPod; readonly due: number }>((a, b) => a.due - b.due)
  /** Of them those that back off after a rejection, not after an error. */
  #cured = new Heap<{ readonly entry: QueuedPod; readonly due: number }>((a, b) => a.due - b.due)
  #waiting = new WaitingRoom()
  #sort: NonNullable<Plugin['compare']> | undefined
  #timer: { readonly timer: Timer; readonly due: number } | undefined
  #arrivals = 0
  #inFlight = new Set<QueuedPod>()
  /** What happened while some pod was in flight, the newest last, and how many events there were ever. */
  #recent: ClusterEvent[] = []
  #events = 0

  constructor(options: QueueOptions) {
    this.#options = options
    this.#active = new ReadyPods((a, b) => this.#compare(a, b))
  }

  get size(): number {
    return this.#entries.size
  }

  pending() {
    const count = { active: 0, backoff: 0, unschedulable: 0, gated: 0 }
    for (const { place } of this.#entries.values()) {
      if (place !== 'inFlight') count[place === 'waiting' ? 'unschedulable' : place]++
    }
    return count
  }

  has(uid: string): boolean {
    return this.#entries.has(uid)
  }

  put(pod: Pod): void {
    const known = this.#entries.get(pod.metadata.uid)
    if (known) return this.#update(known, pod)
    const entry: QueuedPod = {
      pod,
      arrival: this.#arrivals++,
      attempts: 0,
      firstTry: 0,
      events: 0,
      failedAt: 0,
      rejectedBy: nobody,
      place: 'gated',
      due: 0,
    }
    this.#entries.set(pod.metadata.uid, entry)
    this.#enter(entry)
  }

  delete(uid: string): void {
    const entry = this.#entries.get(uid)
    if (!entry) return
    this.#waiting.remove(entry)
    this.#entries.delete(uid)
    this.#landed(entry)
  }

  pop(): QueuedPod | undefined {
    const entry = this.#firstActive() ?? this.#firstCured()
    if (!entry) return undefined
    entry.place = 'inFlight'
    entry.events = this.#events
    this.#inFlight.add(entry)
    if (entry.attempts++ === 0) entry.firstTry = this.#options.clock.monotonic()
    return entry
  }

  #firstActive(): QueuedPod | undefined {
    for (let entry = this.#active.pop(); entry; entry = this.#active.pop()) {
      if (entry.place === 'active' && this.#entries.get(entry.pod.metadata.uid) === entry) return entry
    }
    return undefined
  }

  /** Of those that back off after a rejection the one that is due first. */
  #firstCured(): QueuedPod | undefined {
    for (let next = this.#cured.pop(); next; next = this.#cured.pop()) {
      const { entry, due } = next
      if (entry.place === 'backoff' && entry.due === due && this.#entries.get(entry.pod.metadata.uid) === entry) return entry
    }
    return undefined
  }

  done({ pod }: QueuedPod): void {
    this.delete(pod.metadata.uid)
  }

  reject(entry: QueuedPod, by: ReadonlySet<string>): void {
    const missed = this.#missedBy(entry)
    if (!this.#fail(entry)) return
    entry.rejectedBy = by
    const plugins = this.#options.pluginsOf(entry.pod)
    if (!missed || missed.some((event) => mayCure(event, entry, this.#options))) return this.#wake(entry)
    entry.place = 'waiting'
    this.#waiting.add(entry, plugins)
    this.#wakeAt(entry, entry.failedAt + longestWait)
  }

  retry(entry: QueuedPod): void {
    if (!this.#fail(entry)) return
    entry.rejectedBy = nobody
    this.#wake(entry)
  }

  /** Undefined where there were more than are remembered. */
  #missedBy({ events }: QueuedPod): readonly ClusterEvent[] | undefined {
    const missed = this.#events - events
    return missed > this.#recent.length ? undefined : this.#recent.slice(this.#recent.length - missed)
  }

  #landed(entry: QueuedPod): void {
    if (this.#inFlight.delete(entry) && this.#inFlight.size === 0) this.#recent = []
  }

  happened(event: ClusterEvent): void {
    const { kind, actions, before, after, except } = event
    this.#events++
    if (this.#inFlight.size > 0) this.#recent.push(event)
    if (this.#recent.length > mostRemembered) this.#recent.splice(0, mostRemembered / 2)
    for (const { entry, cures } of this.#waiting.concerned(kind, actions)) {
      if (entry.pod.metadata.uid === except) continue
      this.work++
      if (!cures.some(({ helps }) => helps?.(entry.pod, before, after, this.#options.snapshot) ?? true)) continue
      if (entry.place === 'gated') this.#enter(entry)
      else this.#wake(entry)
    }
  }

  wake(uid: string): void {
    const entry = this.#entries.get(uid)
    if (entry?.place === 'gated') this.#enter(entry)
    else if (entry?.place === 'waiting') this.#wake(entry)
  }

  /** All profiles sort alike: the configuration sees to that. */
  #compare(a: QueuedPod, b: QueuedPod): number {
    this.#sort ??= this.#options.pluginsOf(a.pod).find(({ plugin }) => plugin.compare)?.plugin.compare ?? byPriority
    return this.#sort(a, b)
  }

  /** A pod in flight meets its own update only if it fails and is still the newest known. */
  #update(entry: QueuedPod, pod: Pod): void {
    const before = entry.pod
    entry.pod = pod
    if (entry.place === 'gated') return this.#enter(entry)
    if (entry.place === 'inFlight') {
      // Nobody knows yet who will refuse it.
      if (changesPlacement(before, pod)) entry.events = Number.NEGATIVE_INFINITY
      return
    }
    if (this.#hold(entry)) return
    if (entry.place === 'active' && priorityOf(before) !== priorityOf(pod)) this.#active.push(entry)
    if (entry.place === 'waiting' && mayFitNow(entry, before, this.#options)) this.#wake(entry)
  }

  /** False when the pod was deleted meanwhile. */
  #fail(entry: QueuedPod): boolean {
    entry.failedAt = this.#options.clock.monotonic()
    entry.arrival = this.#arrivals++
    this.#landed(entry)
    if (this.#entries.get(entry.pod.metadata.uid) !== entry) return false
    return !this.#hold(entry)
  }

  #enter(entry: QueuedPod): void {
    if (!this.#hold(entry)) this.#wake(entry)
  }

  /** True when some plugin does not let the pod in: it waits for what may change that plugin's mind. */
  #hold(entry: QueuedPod): boolean {
    const { pluginsOf, snapshot } = this.#options
    const plugins = pluginsOf(entry.pod)
    const gate = gatesOf(plugins).find(({ plugin }) => plugin.preEnqueue?.(entry.pod, snapshot) !== undefined)
    if (!gate) return false
    entry.place = 'gated'
    entry.rejectedBy = new Set([gate.plugin.name])
    this.#waiting.add(entry, plugins)
    return true
  }

  /** To the ready ones, or to those whose back-off has not passed. */
  #wake(entry: QueuedPod): void {
    this.work++
    this.#waiting.remove(entry)
    const due = entry.failedAt + this.#backoffOf(entry.attempts)
    if (entry.attempts === 0 || due <= this.#options.clock.monotonic()) return this.#activate(entry)
    entry.place = 'backoff'
    this.#wakeAt(entry, due)
    if (entry.rejectedBy.size === 0) return
    this.#cured.push({ entry, due })
    this.#options.onReady()
  }

  #activate(entry: QueuedPod): void {
    this.#waiting.remove(entry)
    entry.place = 'active'
    entry.due = 0
    this.#active.push(entry)
    this.#options.onReady()
  }

  #wakeAt(entry: QueuedPod, due: number): void {
    entry.due = due
    this.#later.push({ entry, due })
    this.#setTimer()
  }

  #setTimer(): void {
    const due = this.#later.peek()?.due
    if (due === undefined || (this.#timer && this.#timer.due <= due)) return
    this.#timer?.timer.cancel()
    const wait = Math.max(0, due - this.#options.clock.monotonic())
    this.#timer = { due, timer: this.#options.clock.after(wait, () => this.#timePassed()) }
  }

  #timePassed(): void {
    this.#timer = undefined
    const now = this.#options.clock.monotonic()
    for (let next = this.#later.peek(); next && next.due <= now; next = this.#later.peek()) {
      this.#later.pop()
      const { entry, due } = next
      if (entry.due !== due || this.#entries.get(entry.pod.metadata.uid) !== entry) continue
      if (entry.place === 'backoff') this.#activate(entry)
      else if (entry.place === 'waiting') this.#wake(entry)
    }
    this.#setTimer()
  }

  /** 1 s, 2 s, 4 s, 8 s, then 10 s. */
  #backoffOf(attempts: number): number {
    const { initialBackoff = 1_000, maxBackoff = 10_000 } = this.#options
    return attempts === 0 ? 0 : Math.min(initialBackoff * 2 ** (attempts - 1), maxBackoff)
  }
}

const nobody: ReadonlySet<string> = new Set()

const mostRemembered = 1_024

/** The pod was refused by plugins that the event may bring round. */
function mayCure(event: ClusterEvent, entry: QueuedPod, { pluginsOf, snapshot }: QueueOptions): boolean {
  const { kind, actions, before, after, except } = event
  const { pod, rejectedBy } = entry
  if (pod.metadata.uid === except) return false
  if (rejectedBy.size === 0) return true
  return curesOf(rejectedBy, pluginsOf(pod)).some(
    (cure) =>
      cure.kind.kind === kind &&
      cure.when.some((action) => actions.includes(action)) &&
      (cure.helps?.(pod, before, after, snapshot) ?? true),
  )
}

const gates = new WeakMap<readonly Weighted[], readonly Weighted[]>()

/** Of a profile's plugins those that may keep a pod out of the queue. */
function gatesOf(plugins: readonly Weighted[]): readonly Weighted[] {
  let found = gates.get(plugins)
  if (!found) gates.set(plugins, (found = plugins.filter(({ plugin }) => plugin.preEnqueue)))
  return found
}

function byPriority(a: Queued, b: Queued): number {
  return priorityOf(b.pod) - priorityOf(a.pod) || a.arrival - b.arrival
}

/** Whether the update of a waiting pod may bring those round who refused it. */
function mayFitNow({ pod, rejectedBy }: QueuedPod, before: Pod, { pluginsOf, snapshot }: QueueOptions): boolean {
  if (rejectedBy.size === 0) return changesPlacement(before, pod)
  const changes = ownChanges(before, pod)
  const plugins = pluginsOf(pod)
  return curesOf(rejectedBy, plugins).some(
    ({ kind, when, helps }) =>
      kind.kind === 'Pod' && when.some((action) => changes.includes(action)) && (helps?.(pod, before, pod, snapshot) ?? true),
  )
}

function curesOf(names: ReadonlySet<string>, plugins: readonly Weighted[]): readonly Cure[] {
  return plugins.flatMap(({ plugin }) => (names.has(plugin.name) ? plugin.requeueOn : []))
}

/** Whether an update of a pod may make it fit: its status and managed fields may not. */
function changesPlacement(before: Pod, after: Pod): boolean {
  const relevant = ({ metadata, spec }: Pod) => JSON.stringify([metadata.labels, metadata.annotations, spec])
  const claims = ({ status }: Pod) => JSON.stringify(status?.resourceClaimStatuses ?? [])
  return relevant(before) !== relevant(after) || claims(before) !== claims(after)
}
