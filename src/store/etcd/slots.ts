/**
 * Slots: small keys of this server in etcd, each used by one write at a time. A write compares its slot with what it was and overwrites
 * it in the same txn, so that it is carried out once at most however often it is sent, and leaves behind who made it, and why.
 */
import type { Cause } from '../store.ts'

export interface Slot {
  readonly key: string
  /** etcd's, of its last write; 0: there is none. */
  revision: number
}

/** What a slot holds. */
export interface Mark extends Cause {
  /** Tells writes apart. */
  readonly txn: string
  readonly branch: 'success' | 'failure'
}

const most = 512

export class Slots {
  #prefix: string
  #free: Slot[] = []
  #made = 0
  #waiting: ((slot: Slot) => void)[] = []

  /** The names of all servers on one etcd differ. A server that comes back finds its slots again, and needs not know them. */
  constructor(internal: string, name: string) {
    this.#prefix = `${causesOf(internal)}${name}/`
  }

  take(): Slot | Promise<Slot> {
    const slot = this.#free.pop()
    if (slot) return slot
    if (this.#made < most) return { key: `${this.#prefix}${this.#made++}`, revision: 0 }
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  give(slot: Slot): void {
    const next = this.#waiting.shift()
    if (next) next(slot)
    else this.#free.push(slot)
  }
}

export function causesOf(internal: string): string {
  return `${internal}causes/`
}

export function markOf(value: Uint8Array): Mark | undefined {
  try {
    return JSON.parse(Buffer.from(value).toString())
  } catch {
    return undefined
  }
}
