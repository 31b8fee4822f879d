/**
 * The pods that wait for a node. Ready ones stand in order of priority, then of arrival; those that failed wait either for their
 * back-off to pass or for an event that may cure what rejected them (upstream's active, backoff and unschedulable queues).
 */
import type { Pod } from '#api/core/v1/pod.ts'
import type { Clock, Timer } from '#lib/clock.ts'
import { Heap } from '#lib/heap.ts'
import type { ActionType } from './framework/plugin.ts'
import type { Weighted } from './profiles.ts'

const initialBackoff = 1_000
const maxBackoff = 10_000
/** However no event comes: rejected pods are tried again after this time. */
const longestWait = 5 * 60_000

export interface QueuedPod {
  pod: Pod
  readonly arrival: number
  attempts: number
  /** When the last attempt failed, by the monotonic clock. */
  failedAt: number
  /** Names of the plugins that rejected it; empty where an error did, which any event may cure. */
  rejectedBy: ReadonlySet<string>
  place: 'active' | 'backoff' | 'waiting' | 'gated' | 'inFlight'
}

/** Something that happened to an object of `kind`. */
export interface ClusterEvent {
  readonly kind: string
  readonly actions: readonly ActionType[]
  readonly before?: unknown
  readonly after?: unknown
}

export interface SchedulingQueue {
  /** Adds a pod, or brings a waiting one up to date. */
  put(pod: Pod): void
  delete(uid: string): void
  /** The next pod to place; it is in flight until `done`, `reject` or `retry`. */
  pop(): QueuedPod | undefined
  done(entry: QueuedPod): void
  /** No node fits: waits for a cure. */
  reject(entry: QueuedPod, by: ReadonlySet<string>): void
  /** Something else failed: tried again after its back-off. */
  retry(entry: QueuedPod): void
  /** Wakes those whom the event may help. */
  happened(event: ClusterEvent): void
  readonly size: number
}

export interface QueueOptions {
  readonly clock: Clock
  readonly plugins: readonly Weighted[]
  /** Called when a pod has become ready. */
  readonly onReady: () => void
}

export function createQueue({ clock, plugins, onReady }: QueueOptions): SchedulingQueue {
  return new Queue(clock, plugins, onReady)
}

class Queue implements SchedulingQueue {
  #clock: Clock
  #plugins: readonly Weighted[]
  #onReady: () => void
  #entries = new Map<string, QueuedPod>()
  #active = new Heap<QueuedPod>((a, b) => priorityOf(b.pod) - priorityOf(a.pod) || a.arrival - b.arrival)
  #arrivals = 0
  #timers = new Map<string, Timer>()

  constructor(clock: Clock, plugins: readonly Weighted[], onReady: () => void) {
    this.#clock = clock
    this.#plugins = plugins
    this.#onReady = onReady
  }

  get size(): number {
    return this.#entries.size
  }

  put(pod: Pod): void {
    const { uid } = pod.metadata
    const known = this.#entries.get(uid)
    if (!known) {
      const entry: QueuedPod = { pod, arrival: this.#arrivals++, attempts: 0, failedAt: 0, rejectedBy: new Set(), place: 'gated' }
      this.#entries.set(uid, entry)
      if (!this.#isGated(pod)) this.#activate(entry)
      return
    }
    const before = known.pod
    known.pod = pod
    if (known.place === 'gated' && !this.#isGated(pod)) this.#activate(known)
    else if (known.place === 'waiting' && changesPlacement(before, pod)) this.#wake(known)
  }

  delete(uid: string): void {
    this.#timers.get(uid)?.cancel()
    this.#timers.delete(uid)
    this.#entries.delete(uid)
  }

  pop(): QueuedPod | undefined {
    for (let entry = this.#active.pop(); entry; entry = this.#active.pop()) {
      if (entry.place !== 'active' || this.#entries.get(entry.pod.metadata.uid) !== entry) continue
      entry.place = 'inFlight'
      entry.attempts++
      return entry
    }
    return undefined
  }

  done({ pod }: QueuedPod): void {
    this.delete(pod.metadata.uid)
  }

  reject(entry: QueuedPod, by: ReadonlySet<string>): void {
    if (!this.#fail(entry)) return
    entry.rejectedBy = by
    entry.place = 'waiting'
    this.#after(entry, longestWait)
  }

  retry(entry: QueuedPod): void {
    if (!this.#fail(entry)) return
    entry.rejectedBy = new Set()
    this.#wake(entry)
  }

  happened(event: ClusterEvent): void {
    for (const entry of this.#entries.values()) {
      if (entry.place === 'waiting' && this.#mayCure(event, entry)) this.#wake(entry)
    }
  }

  /** False when the pod was deleted meanwhile. */
  #fail(entry: QueuedPod): boolean {
    entry.failedAt = this.#clock.monotonic()
    return this.#entries.get(entry.pod.metadata.uid) === entry
  }

  #isGated(pod: Pod): boolean {
    return this.#plugins.some(({ plugin }) => plugin.preEnqueue?.(pod) !== undefined)
  }

  #mayCure({ kind, actions, before, after }: ClusterEvent, { pod, rejectedBy }: QueuedPod): boolean {
    if (rejectedBy.size === 0) return true
    return this.#plugins.some(
      ({ plugin }) =>
        rejectedBy.has(plugin.name) &&
        plugin.requeueOn.some(
          (cure) =>
            cure.kind.kind === kind &&
            cure.when.some((action) => actions.includes(action)) &&
            (cure.helps?.(pod, before, after) ?? true),
        ),
    )
  }

  /** To the ready ones, or to those whose back-off has not passed. */
  #wake(entry: QueuedPod): void {
    const left = entry.failedAt + backoffOf(entry.attempts) - this.#clock.monotonic()
    if (left <= 0) return this.#activate(entry)
    entry.place = 'backoff'
    this.#after(entry, left)
  }

  #activate(entry: QueuedPod): void {
    const { uid } = entry.pod.metadata
    this.#timers.get(uid)?.cancel()
    this.#timers.delete(uid)
    entry.place = 'active'
    this.#active.push(entry)
    this.#onReady()
  }

  #after(entry: QueuedPod, delay: number): void {
    const { uid } = entry.pod.metadata
    this.#timers.get(uid)?.cancel()
    this.#timers.set(
      uid,
      this.#clock.after(delay, () => this.#activate(entry)),
    )
  }
}

function priorityOf({ spec }: Pod): number {
  return spec.priority ?? 0
}

/** 1 s, 2 s, 4 s, 8 s, then 10 s. */
function backoffOf(attempts: number): number {
  return attempts === 0 ? 0 : Math.min(initialBackoff * 2 ** (attempts - 1), maxBackoff)
}

/** Whether an update of a waiting pod may make it fit: its status and managed fields may not. */
function changesPlacement(before: Pod, after: Pod): boolean {
  const relevant = ({ metadata, spec }: Pod) => JSON.stringify([metadata.labels, metadata.annotations, spec])
  return relevant(before) !== relevant(after)
}
