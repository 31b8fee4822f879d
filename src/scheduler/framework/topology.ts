/** Which domain of a topology each node is in: one small number per node and label key, kept up to date node by node. */
import type { Node } from '#api/core/v1/node.ts'

export interface Domains {
  /** By slot; -1 where the node has no such label. */
  readonly of: Int32Array
  /** Domains are below this number. */
  readonly count: number
  /** Nodes in each. */
  readonly sizes: readonly number[]
  /** Grows when a node comes to a domain or leaves one. */
  readonly generation: number
}

interface Entry {
  of: Int32Array
  count: number
  generation: number
  readonly sizes: number[]
  readonly ids: Map<string, number>
}

export class Topology {
  #entries = new Map<string, Entry>()
  #labels: (Readonly<Record<string, string>> | undefined)[] = []

  domains(key: string): Domains {
    const known = this.#entries.get(key)
    if (known && known.count <= 2 * this.#labels.length + 64) return known
    const of = new Int32Array(capacityFor(this.#labels.length)).fill(-1)
    const entry: Entry = { of, count: 0, generation: 1, sizes: [], ids: new Map() }
    this.#entries.set(key, entry)
    for (const [slot, labels] of this.#labels.entries()) place(entry, slot, labels?.[key])
    return entry
  }

  set(slot: number, { metadata }: Node): void {
    const labels = metadata.labels ?? {}
    this.#labels[slot] = labels
    for (const [key, entry] of this.#entries) place(entry, slot, labels[key])
  }

  delete(slot: number): void {
    this.#labels[slot] = undefined
    for (const entry of this.#entries.values()) place(entry, slot, undefined)
  }
}

function place(entry: Entry, slot: number, value: string | undefined): void {
  if (slot >= entry.of.length) {
    const grown = new Int32Array(capacityFor(slot + 1)).fill(-1)
    grown.set(entry.of)
    entry.of = grown
  }
  const before = entry.of[slot] as number
  const after = value === undefined ? -1 : domainOf(entry, value)
  if (before === after) return
  entry.of[slot] = after
  entry.generation++
  if (before >= 0) entry.sizes[before] = (entry.sizes[before] as number) - 1
  if (after >= 0) entry.sizes[after] = (entry.sizes[after] as number) + 1
}

function domainOf(entry: Entry, value: string): number {
  const known = entry.ids.get(value)
  if (known !== undefined) return known
  const id = entry.count++
  entry.ids.set(value, id)
  entry.sizes.push(0)
  return id
}

export function capacityFor(slots: number): number {
  return Math.max(64, 2 ** Math.ceil(Math.log2(slots + 1)))
}
