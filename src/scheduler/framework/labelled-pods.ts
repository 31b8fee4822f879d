/** Pods on nodes by one of their labels: a selection that asks for a label need not look at all pods. */
import type { Pod } from '#api/core/v1/pod.ts'
import type { PodTerm } from './pod-terms.ts'

export class LabelledPods {
  /** `key=value` -> pods with the label, with the slots of their nodes. */
  #pods = new Map<string, Map<Pod, number>>()

  constructor(pods: Iterable<readonly [slot: number, pods: readonly Pod[]]>) {
    for (const [slot, some] of pods) for (const pod of some) this.change(slot, pod, 1)
  }

  /** The pod is told of as the same object when it comes and when it goes. */
  change(slot: number, pod: Pod, by: 1 | -1): void {
    for (const label of labelsOf(pod)) {
      const some = this.#pods.get(label)
      if (by === 1) {
        if (some) some.set(pod, slot)
        else this.#pods.set(label, new Map([[pod, slot]]))
      } else if (some?.delete(pod) && some.size === 0) this.#pods.delete(label)
    }
  }

  with(label: string): Iterable<readonly [Pod, number]> {
    return this.#pods.get(label) ?? []
  }
}

export function labelsOf({ metadata: { labels = {} } }: Pod): string[] {
  return Object.keys(labels).map((key) => `${key}=${labels[key]}`)
}

/** A label that all pods have which fulfil the terms, as `key=value`; undefined where none is sure. */
export function labelOfAll(terms: readonly PodTerm[]): string | undefined {
  for (const { selector } of terms) {
    for (const { key } of selector.requirements) {
      const value = selector.exactValue(key)
      if (value !== undefined) return `${key}=${value}`
    }
  }
  return undefined
}
