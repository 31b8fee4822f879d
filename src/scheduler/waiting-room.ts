/** Pods that wait for a cure, found by the events that may bring it, so that other events pass them by. */
import type { ActionType, Cure } from './framework/plugin.ts'
import type { Weighted } from './profiles.ts'
import type { QueuedPod } from './queue.ts'

interface Concerned {
  readonly entry: QueuedPod
  readonly cures: readonly Cure[]
}

export class WaitingRoom {
  /** By kind and action, then by pod: the cures that this event may be. */
  #byEvent = new Map<string, Map<QueuedPod, Cure[]>>()
  #events = new Map<QueuedPod, string[]>()

  /** A pod that nobody rejected is waiting for anything. */
  add(entry: QueuedPod, plugins: readonly Weighted[]): void {
    this.remove(entry)
    const events: string[] = []
    for (const { plugin } of plugins) {
      if (entry.rejectedBy.size > 0 && !entry.rejectedBy.has(plugin.name)) continue
      for (const cure of plugin.requeueOn) {
        for (const action of cure.when) {
          const key = `${cure.kind.kind} ${action}`
          events.push(key)
          let pods = this.#byEvent.get(key)
          if (!pods) this.#byEvent.set(key, (pods = new Map()))
          const cures = pods.get(entry)
          if (cures) cures.push(cure)
          else pods.set(entry, [cure])
        }
      }
    }
    this.#events.set(entry, events)
  }

  remove(entry: QueuedPod): void {
    const events = this.#events.get(entry)
    if (!events) return
    this.#events.delete(entry)
    for (const key of events) {
      const pods = this.#byEvent.get(key)
      pods?.delete(entry)
      if (pods?.size === 0) this.#byEvent.delete(key)
    }
  }

  concerned(kind: string, actions: readonly ActionType[]): readonly Concerned[] {
    const found = new Map<QueuedPod, Cure[]>()
    for (const action of actions) {
      for (const [entry, cures] of this.#byEvent.get(`${kind} ${action}`) ?? []) {
        found.set(entry, [...(found.get(entry) ?? []), ...cures])
      }
    }
    return [...found].map(([entry, cures]) => ({ entry, cures }))
  }
}
