/** A row of the watch cache with what was made of it: the decoded object and the bytes to serve. */
import { mostAdded, serveInto, serveLine } from './splice.ts'
import type { Row } from './store.ts'

/** How a row becomes an object; what it answers is shared by everybody and read-only. `before`: what the same bytes were made into already. */
export type Decode<T> = (row: Row, before?: T) => T

/** Told of everything that is made of a row, and how to let go of it. */
export interface Keeper {
  add(size: number, drop: () => void): void
}

/** For rows that live no longer than what is made of them: it holds nothing, and so nothing holds them. */
export const asLongAsTheRow: Keeper = { add: () => {} }

/**
 * What is made of rows is kept only for the last ones asked, up to a number of stored bytes: 150,000 pods decoded take more
 * than twice the memory of their bytes.
 */
export class Recent implements Keeper {
  #limit: number
  #bytes = 0
  #kept: { size: number; drop: () => void }[] = []
  #first = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  add(size: number, drop: () => void): void {
    this.#kept.push({ size, drop })
    this.#bytes += size
    while (this.#bytes > this.#limit && this.#first < this.#kept.length) {
      const oldest = this.#kept[this.#first++]
      this.#bytes -= oldest?.size ?? 0
      oldest?.drop()
    }
    if (this.#first < 1024 || this.#first < this.#kept.length / 2) return
    this.#kept = this.#kept.slice(this.#first)
    this.#first = 0
  }
}

export interface Making<T> {
  readonly decode: Decode<T>
  readonly decoded: Keeper
  readonly served: Keeper
}

export class CachedRow<T> {
  readonly row: Row
  #making: Making<T>
  #decoded: T | undefined
  #line: Uint8Array | undefined
  #failure: unknown
  #origin: CachedRow<T> | undefined

  /** `origin` has the same bytes under another revision. */
  constructor(row: Row, making: Making<T>, origin?: CachedRow<T>) {
    this.row = row
    this.#making = making
    this.#origin = origin
  }

  get key(): string {
    return this.row.key
  }

  get revision(): number {
    return this.row.revision
  }

  /** The shared object, which must not be changed; undefined where the bytes cannot be decoded, and `failure` says why. */
  get decoded(): T | undefined {
    if (this.#decoded !== undefined || this.#failure !== undefined) return this.#decoded
    try {
      this.#decoded = this.#making.decode(this.row, this.#origin?.decoded)
    } catch (error) {
      this.#failure = error ?? new Error('cannot decode')
      return undefined
    }
    this.#making.decoded.add(this.row.value.byteLength, () => {
      this.#decoded = undefined
    })
    return this.#decoded
  }

  get failure(): unknown {
    return this.decoded === undefined ? this.#failure : undefined
  }

  /** The JSON to serve, resource version included. */
  get bytes(): Uint8Array {
    return this.line.subarray(0, -1)
  }

  /** The same with the newline that ends a body. */
  get line(): Uint8Array {
    if (this.#line) return this.#line
    const line = serveLine(this.row)
    this.#line = line
    this.#making.served.add(line.byteLength, () => {
      this.#line = undefined
    })
    return line
  }

  /** `bytes` with a comma behind it. */
  get item(): Uint8Array {
    const item = this.line.slice()
    item[item.byteLength - 1] = comma
    return item
  }
}

/** The JSON of rows, each with a comma behind it. */
export function joinServed(rows: readonly Pick<CachedRow<unknown>, 'row' | 'item'>[]): Uint8Array {
  let size = 0
  for (const { row } of rows) size += row.value.byteLength + mostAdded + 1
  const target = Buffer.allocUnsafeSlow(size)
  let at = 0
  for (const { row } of rows) {
    const end = serveInto(row, target, at)
    if (end === undefined) return Buffer.concat(rows.map(({ item }) => item))
    target[end] = comma
    at = end + 1
  }
  return target.subarray(0, at)
}

const comma = 0x2c
