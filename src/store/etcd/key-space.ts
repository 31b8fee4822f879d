/** Between our keys and revisions and etcd's: a prefix of the user's choice, keys of our own that nobody sees, and an offset. */
import type { Compare, Row } from '../store.ts'
import type { CompareMessage, KeyValue } from './messages.ts'

/** What all keys of the API begin with, before a prefix of the user's choice takes its place. */
const registry = '/registry'

export class KeySpace {
  /** Absent: the store is all of etcd, and keys stay as they are. */
  readonly #prefix: string | undefined
  /** Begins all keys that the engine keeps for itself. */
  readonly internal: string
  readonly #afterInternal: string
  /** Added to etcd's revisions: a cluster that moved in had higher ones. */
  offset = 0
  /** etcd's revision of the last step of that move: where there is a newer one, `offset` is no longer true. */
  movedAt = 0

  constructor(prefix: string | undefined) {
    this.#prefix = prefix
    this.internal = prefix === undefined ? '.nami/' : `${prefix}/.nami/`
    this.#afterInternal = `${this.internal.slice(0, -1)}0`
  }

  /** The range of everything that is ours in etcd, or of all that there is. */
  all(isPrefixOnly: boolean): { key: Buffer; range_end: Buffer } {
    const prefix = this.#prefix
    if (!isPrefixOnly || prefix === undefined) return { key: Buffer.of(0), range_end: Buffer.of(0) }
    return { key: Buffer.from(`${prefix}/`), range_end: Buffer.from(`${prefix}0`) }
  }

  get isConfined(): boolean {
    return this.#prefix !== undefined
  }

  toStored(key: string): string {
    return this.#prefix !== undefined && key.startsWith(registry) ? this.#prefix + key.slice(registry.length) : key
  }

  /** Whether this name in etcd is one of ours. */
  holds(stored: string): boolean {
    return this.#prefix === undefined || stored.startsWith(`${this.#prefix}/`)
  }

  /** Undefined for what is not ours, and for what is the engine's own. */
  fromStored(bytes: Uint8Array): string | undefined {
    const key = asBuffer(bytes).toString()
    if (key.startsWith(this.internal)) return undefined
    if (this.#prefix === undefined || !key.includes('/')) return key
    return key.startsWith(`${this.#prefix}/`) ? registry + key.slice(this.#prefix.length) : undefined
  }

  span(key: string, end?: string): { key: Buffer; range_end?: Buffer } {
    if (end === undefined) return { key: Buffer.from(this.toStored(key)) }
    let [start, stop] = [this.toStored(key), this.toStored(end)]
    if (this.#prefix !== undefined && !key.startsWith(registry)) [start, stop] = [`${this.#prefix}/`, `${this.#prefix}0`]
    if (start < this.#afterInternal && stop > this.internal) start = this.#afterInternal
    return { key: Buffer.from(start), range_end: Buffer.from(stop) }
  }

  toRaw(revision: number): number {
    return revision - this.offset
  }

  toPublic(raw: number): number {
    return raw + this.offset
  }

  rowOf(kv: KeyValue, key: string, subRevision: number): Row {
    return {
      key,
      // A copy: what gRPC hands out keeps the whole message alive.
      value: new Uint8Array(kv.value),
      revision: this.toPublic(kv.mod_revision),
      subRevision,
      createRevision: this.toPublic(kv.create_revision),
      version: kv.version,
      lease: kv.lease,
    }
  }

  compareOf({ key, end, target, op, operand }: Compare): CompareMessage {
    const span = this.span(key, end)
    const result = results[op]
    if (target === 'value') return { ...span, result, target: 3, value: operand as Uint8Array }
    const number = operand as number
    if (target === 'version') return { ...span, result, target: 0, version: number }
    if (target === 'lease') return { ...span, result, target: 4, lease: number }
    const revision = this.#operand(number, op)
    if (target === 'createRevision') return { ...span, result, target: 1, create_revision: revision }
    return { ...span, result, target: 2, mod_revision: revision }
  }

  /** Below the offset no row of etcd can lie; 0 is that of absent ones. */
  #operand(revision: number, op: Compare['op']): number {
    if (revision === 0) return 0
    return revision > this.offset ? this.toRaw(revision) : below[op]
  }
}

const results = { '=': 0, '>': 1, '<': 2, '!=': 3 }

/** Operands that no row has, that every row is above, and that only absent rows are below. */
const below = { '=': -1, '!=': -1, '>': 0, '<': 1 }

export function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}
