/**
 * A map in the order of its keys' UTF-8 bytes. New entries are put in their places when somebody asks for the order: few by a binary search and a
 * move within one short chunk each, many by sorting them and going once through the whole.
 */

interface Entry<V, T> {
  readonly key: string
  /** What is compared: see `orderOf`. */
  readonly order: string
  value: V
  /** Where it has its place; undefined while it has none. */
  chunk: Chunk<V, T> | undefined
}

/** Neighbours. Never empty in the map. */
interface Chunk<V, T> {
  entries: Entry<V, T>[]
  /** What `summarize` made of their values; undefined since one of them has changed. */
  summary: T | undefined
}

export interface Folding<V, T> {
  /** Is told what `summarize` made of many neighbours, all of them asked for; false: they are visited one by one. */
  readonly many: (summary: T) => boolean
  readonly one: (value: V) => void
}

const fullChunk = 512
/** Going through so many entries in order costs as much as finding one its place. */
const perPlace = 32

/** Not to be changed while `scan` or `fold` runs. */
export class SortedMap<V, T = undefined> {
  #entries = new Map<string, Entry<V, T>>()
  /** Concatenated they are the sorted entries, but for those that are new. */
  #chunks: Chunk<V, T>[] = []
  #added: Entry<V, T>[] = []
  /** What was last looked up, and whether it is there: a key is compared, read and written in turn. */
  #asked: string | undefined
  #found: Entry<V, T> | undefined
  #summarize: ((values: Iterable<V>) => T) | undefined

  /** `summarize`: for those who `fold`. */
  constructor(summarize?: (values: Iterable<V>) => T) {
    this.#summarize = summarize
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: string): V | undefined {
    return this.#find(key)?.value
  }

  set(key: string, value: V): void {
    const known = this.#find(key)
    if (known) {
      known.value = value
      if (known.chunk) known.chunk.summary = undefined
      return
    }
    const entry = { key, order: orderOf(key), value, chunk: undefined }
    this.#entries.set(key, entry)
    this.#found = entry
    this.#added.push(entry)
  }

  delete(key: string): boolean {
    const entry = this.#find(key)
    if (!entry) return false
    this.#settle()
    this.#entries.delete(key)
    this.#found = undefined
    const chunk = entry.chunk as Chunk<V, T>
    chunk.summary = undefined
    if (chunk.entries.length === 1) this.#chunks.splice(this.#chunkFor(entry.order), 1)
    else chunk.entries.splice(firstAtOrAfter(chunk.entries, entry.order), 1)
    return true
  }

  clear(): void {
    this.#entries.clear()
    this.#found = undefined
    this.#chunks = []
    this.#added = []
  }

  /** Visits `from <= key < end` in order until `visit` answers false; without `end` to the last. */
  scan(from: string, end: string | undefined, visit: (value: V, key: string) => boolean | void): void {
    this.#settle()
    const start = orderOf(from)
    const stop = end === undefined ? undefined : orderOf(end)
    let at = this.#chunkFor(start)
    let within = firstAtOrAfter(this.#chunks[at]?.entries ?? [], start)
    for (; at < this.#chunks.length; at++, within = 0) {
      const { entries } = this.#chunks[at] as Chunk<V, T>
      for (; within < entries.length; within++) {
        const entry = entries[within] as Entry<V, T>
        if (stop !== undefined && entry.order >= stop) return
        if (visit(entry.value, entry.key) === false) return
      }
    }
  }

  /** What lies in `from <= key < end`, in order, most of it without being visited. */
  fold(from: string, end: string | undefined, { many, one }: Folding<V, T>): void {
    this.#settle()
    const start = orderOf(from)
    const stop = end === undefined ? undefined : orderOf(end)
    for (let at = this.#chunkFor(start); at < this.#chunks.length; at++) {
      const chunk = this.#chunks[at] as Chunk<V, T>
      const { entries } = chunk
      const isWhole = (entries[0] as Entry<V, T>).order >= start && (stop === undefined || lastOf(chunk).order < stop)
      if (isWhole && many(this.#summaryOf(chunk))) continue
      for (let within = firstAtOrAfter(entries, start); within < entries.length; within++) {
        const entry = entries[within] as Entry<V, T>
        if (stop !== undefined && entry.order >= stop) return
        one(entry.value)
      }
    }
  }

  #summaryOf(chunk: Chunk<V, T>): T {
    chunk.summary ??= this.#summarize?.(chunk.entries.map(({ value }) => value))
    return chunk.summary as T
  }

  #find(key: string): Entry<V, T> | undefined {
    if (key === this.#asked) return this.#found
    this.#asked = key
    this.#found = this.#entries.get(key)
    return this.#found
  }

  /** Gives new entries their places. */
  #settle(): void {
    const added = this.#added
    if (added.length === 0) return
    this.#added = []
    if (added.length * perPlace < this.#entries.size) for (const entry of added) this.#insert(entry)
    else this.#merge(added.sort(inOrder))
  }

  #merge(added: readonly Entry<V, T>[]): void {
    const known = this.#chunks.flatMap(({ entries }) => entries)
    this.#chunks = []
    let entries: Entry<V, T>[] = []
    for (let i = 0, j = 0; i < known.length || j < added.length; ) {
      const [first, other] = [known[i], added[j]]
      const isKnown = other === undefined || (first !== undefined && first.order < other.order)
      entries.push((isKnown ? first : other) as Entry<V, T>)
      if (isKnown) i++
      else j++
      if (entries.length < fullChunk / 2) continue
      this.#chunks.push(chunkOf(entries))
      entries = []
    }
    if (entries.length > 0) this.#chunks.push(chunkOf(entries))
  }

  #insert(entry: Entry<V, T>): void {
    const at = Math.min(this.#chunkFor(entry.order), Math.max(0, this.#chunks.length - 1))
    const chunk = this.#chunks[at]
    if (!chunk) {
      this.#chunks.push(chunkOf([entry]))
      return
    }
    const { entries } = chunk
    entries.splice(firstAtOrAfter(entries, entry.order), 0, entry)
    entry.chunk = chunk
    chunk.summary = undefined
    if (entries.length > fullChunk) this.#chunks.splice(at + 1, 0, chunkOf(entries.splice(entries.length >> 1)))
  }

  /** Index of the first chunk whose last entry is at or after `order`; the number of chunks where there is none. */
  #chunkFor(order: string): number {
    let low = 0
    let high = this.#chunks.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (lastOf(this.#chunks[middle] as Chunk<V, T>).order < order) low = middle + 1
      else high = middle
    }
    return low
  }
}

function chunkOf<V, T>(entries: Entry<V, T>[]): Chunk<V, T> {
  const chunk = { entries, summary: undefined }
  for (const entry of entries) entry.chunk = chunk
  return chunk
}

function lastOf<V, T>({ entries }: Chunk<V, T>): Entry<V, T> {
  return entries[entries.length - 1] as Entry<V, T>
}

function inOrder(a: { readonly order: string }, b: { readonly order: string }): number {
  return a.order < b.order ? -1 : 1
}

function firstAtOrAfter(entries: readonly { readonly order: string }[], order: string): number {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((entries[middle] as { readonly order: string }).order < order) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * A string whose UTF-16 order is the key's UTF-8 order. They differ only where surrogates meet U+E000..U+FFFF, so those
 * two blocks change places; keys without either, which is nearly all, stand for themselves.
 */
export function orderOf(key: string): string {
  if (!/[\ud800-\uffff]/.test(key)) return key
  return key.replace(/[\ud800-\uffff]/g, (unit) => {
    const code = unit.charCodeAt(0)
    return String.fromCharCode(code >= 0xe000 ? code - 0x800 : code + 0x2000)
  })
}
