/** Numbers by the slots of nodes, and their sums over the domains of the topologies that were ever asked for, kept up to date number by number. */
import { capacityFor, type Domains } from './topology.ts'

interface Sums {
  readonly domains: Domains
  /** Of the topology when it was summed up. */
  generation: number
  values: Float64Array
}

export class SlotCounts {
  slots = new Int32Array(64)
  total = 0
  #sums: Sums[] = []

  add(slot: number, by: number): void {
    if (slot >= this.slots.length) {
      const grown = new Int32Array(capacityFor(slot + 1))
      grown.set(this.slots)
      this.slots = grown
    }
    this.slots[slot] = (this.slots[slot] as number) + by
    this.total += by
    for (const { domains, generation, values } of this.#sums) {
      if (generation !== domains.generation) continue
      const domain = domains.of[slot] ?? -1
      if (domain >= 0) values[domain] = (values[domain] as number) + by
    }
  }

  /** By domain; for reading, and only until the next change. */
  byDomain(domains: Domains): Float64Array {
    let sums = this.#sums.find((one) => one.domains === domains)
    if (sums?.generation === domains.generation) return sums.values
    if (!sums) {
      if (this.#sums.length === mostTopologies) this.#sums.shift()
      this.#sums.push((sums = { domains, generation: 0, values: new Float64Array(0) }))
    }
    sums.generation = domains.generation
    sums.values = summedUp(this.slots, domains)
    return sums.values
  }
}

/** Pods rarely name more. */
const mostTopologies = 4

/** Slots without a node are in no domain. */
function summedUp(slots: Int32Array, { of, count }: Domains): Float64Array {
  const values = new Float64Array(count)
  const end = Math.min(of.length, slots.length)
  for (let slot = 0; slot < end; slot++) {
    const domain = of[slot] as number
    if (domain >= 0) values[domain] = (values[domain] as number) + (slots[slot] as number)
  }
  return values
}
