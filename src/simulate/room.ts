/** What is left of a node, as its agent counts it: it takes no pod that does not fit (upstream `lifecycle/predicate.go`). */
import type { Pod } from '#api/core/v1/pod.ts'
import { podRequests } from '#api/core/v1/pod-resources.ts'
import { milliValue, quantityValue } from '#schema/quantity.ts'

export class Room {
  #allocatable: Readonly<Record<string, number>>
  #used: Record<string, number> = { pods: 0 }

  constructor(allocatable: Readonly<Record<string, string>>) {
    this.#allocatable = amounts(allocatable)
  }

  resize(allocatable: Readonly<Record<string, string>>): void {
    this.#allocatable = amounts(allocatable)
  }

  /** Takes what the pod asks for, or says why it cannot be had. */
  take(pod: Pod): { readonly reason: string; readonly message: string } | undefined {
    const wanted = wantedBy(pod)
    for (const [resource, amount] of Object.entries(wanted)) {
      const used = this.#used[resource] ?? 0
      const capacity = this.#allocatable[resource] ?? 0
      if (amount === 0 || used + amount <= capacity) continue
      const figures = `requested: ${amount}, used: ${used}, capacity: ${capacity}`
      const message = `Pod was rejected: Node didn't have enough resource: ${resource}, ${figures}`
      return { reason: `OutOf${resource}`, message }
    }
    this.keep(pod)
    return undefined
  }

  /** For a pod that was taken before. */
  keep(pod: Pod): void {
    for (const [resource, amount] of Object.entries(wantedBy(pod))) this.#used[resource] = (this.#used[resource] ?? 0) + amount
  }

  give(pod: Pod): void {
    for (const [resource, amount] of Object.entries(wantedBy(pod))) this.#used[resource] = (this.#used[resource] ?? 0) - amount
  }
}

function wantedBy({ spec }: Pod): Record<string, number> {
  return { pods: 1, ...amounts(podRequests(spec)) }
}

/** CPU in thousandths of a core. */
function amounts(quantities: Readonly<Record<string, string>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(quantities).map(([name, value]) => [name, name === 'cpu' ? milliValue(value) : quantityValue(value)]),
  )
}
