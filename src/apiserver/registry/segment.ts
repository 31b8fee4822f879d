/** A stretch of a long list as it stood at one revision: its JSON, and what selectors find in it, are made when somebody asks and kept for the next. */
import type { KubeObject } from '#schema/kind.ts'
import { type CachedRow, joinServed } from '#store/cached-row.ts'
import { orderOf } from '#store/sorted-map.ts'

export type CacheRow = CachedRow<KubeObject>

/** Bytes that may be kept. */
export interface Room {
  left: number
}

export interface Selector {
  /** The same text matches the same objects. */
  readonly text: string
  matches(object: KubeObject): boolean
}

/** Rows and their JSON, each with a comma behind it. */
export class Stretch {
  readonly rows: readonly CacheRow[]
  #room: Room
  #bytes: Uint8Array | undefined
  #wasAsked = false
  #isOver = false

  constructor(rows: readonly CacheRow[], room: Room) {
    this.rows = rows
    this.#room = room
  }

  /** Kept from the second time on: what is listed once only need not be. */
  get bytes(): Uint8Array {
    if (this.#bytes) return this.#bytes
    const bytes = joinServed(this.rows)
    if (this.#wasAsked && !this.#isOver && bytes.length <= this.#room.left) {
      this.#room.left -= bytes.length
      this.#bytes = bytes
    }
    this.#wasAsked = true
    return bytes
  }

  /** Nothing is kept any longer. */
  letGo(): void {
    this.#isOver = true
    this.#room.left += this.#bytes?.length ?? 0
    this.#bytes = undefined
  }
}

/** Of different ones, whose finds a segment keeps. */
const maxSelectors = 4

/** It never changes. */
export class Segment extends Stretch {
  /** Of the first key. */
  readonly order: string
  #room: Room
  #found = new Map<string, Stretch>()
  /** What stood here before, and was looked through already. */
  #former: Segment | undefined

  constructor(rows: readonly CacheRow[], room: Room, former?: Segment) {
    super(rows, room)
    this.order = orderOf((rows[0] as CacheRow).key)
    this.#room = room
    this.#former = former
  }

  /** Rows that `find` would have to look at. */
  unknown({ text }: Selector): readonly CacheRow[] {
    if (this.#found.has(text)) return []
    if (!this.#foundBefore(text)) return this.rows
    const known = new Set(this.#former?.rows)
    return this.rows.filter((row) => !known.has(row))
  }

  /** Those of its rows that the selector matches. */
  find(selector: Selector, objectOf: (row: CacheRow) => KubeObject): Stretch {
    let found = this.#found.get(selector.text)
    if (found) return found
    const news = new Set(this.unknown(selector))
    const old = new Set(this.#foundBefore(selector.text)?.rows)
    const rows = this.rows.filter((row) => (news.has(row) ? selector.matches(objectOf(row)) : old.has(row)))
    found = rows.length === this.rows.length ? this : new Stretch(rows, this.#room)
    this.#found.set(selector.text, found)
    const [oldest] = this.#found.keys()
    if (this.#found.size > maxSelectors && oldest !== undefined) this.#forget(oldest)
    return found
  }

  override letGo(): void {
    super.letGo()
    this.#former = undefined
    for (const found of this.#found.values()) if (found !== this) found.letGo()
  }

  #foundBefore(text: string): Stretch | undefined {
    const former = this.#former
    return former ? former.#found.get(text) : undefined
  }

  #forget(text: string): void {
    const found = this.#found.get(text)
    if (found !== this) found?.letGo()
    this.#found.delete(text)
  }
}
