/**
 * A map in the order of its keys' UTF-8 bytes. New entries are put in their places when somebody asks for the order: few by a binary search and a
 * move within one short chunk each, many by sorting them and going once through the whole.
 */

interface Entry<V> {
  readonly key: string
  /** What is compared: see `orderOf`. */
  readonly order: string
  value: V
}

const fullChunk = 512
/** Going through so many entries in order costs as much as finding one its place. */
const perPlace = 32

/** Not to be changed while `scan` runs. */
export class SortedMap<V> {
  #entries = new Map<string, Entry<V>>()
  /** Never empty inside; concatenated they are the sorted entries, but for those that are new. */
  #chunks: Entry<V>[][] = []
  #added: Entry<V>[] = []
  /** What was last looked up, and whether it is there: a key is compared, read and written in turn. */
  #asked: string | undefined
  #found: Entry<V> | undefined

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
      return
    }
    const entry = { key, order: orderOf(key), value }
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
    const at = this.#chunkFor(entry.order)
    const chunk = this.#chunks[at] as Entry<V>[]
    chunk.splice(firstAtOrAfter(chunk, entry.order), 1)
    if (chunk.length === 0) this.#chunks.splice(at, 1)
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
    let within = firstAtOrAfter(this.#chunks[at] ?? [], start)
    for (; at < this.#chunks.length; at++, within = 0) {
      const chunk = this.#chunks[at] as Entry<V>[]
      for (; within < chunk.length; within++) {
        const entry = chunk[within] as Entry<V>
        if (stop !== undefined && entry.order >= stop) return
        if (visit(entry.value, entry.key) === false) return
      }
    }
  }

  #find(key: string): Entry<V> | undefined {
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

  #merge(added: readonly Entry<V>[]): void {
    const known = this.#chunks.flat()
    this.#chunks = []
    let chunk: Entry<V>[] = []
    for (let i = 0, j = 0; i < known.length || j < added.length; ) {
      const [first, other] = [known[i], added[j]]
      const isKnown = other === undefined || (first !== undefined && first.order < other.order)
      chunk.push((isKnown ? first : other) as Entry<V>)
      if (isKnown) i++
      else j++
      if (chunk.length < fullChunk / 2) continue
      this.#chunks.push(chunk)
      chunk = []
    }
    if (chunk.length > 0) this.#chunks.push(chunk)
  }

  #insert(entry: Entry<V>): void {
    const at = Math.min(this.#chunkFor(entry.order), Math.max(0, this.#chunks.length - 1))
    const chunk = this.#chunks[at]
    if (!chunk) {
      this.#chunks.push([entry])
      return
    }
    chunk.splice(firstAtOrAfter(chunk, entry.order), 0, entry)
    if (chunk.length > fullChunk) this.#chunks.splice(at + 1, 0, chunk.splice(chunk.length >> 1))
  }

  /** Index of the first chunk whose last entry is at or after `order`; the number of chunks where there is none. */
  #chunkFor(order: string): number {
    let low = 0
    let high = this.#chunks.length
    while (low < high) {
      const middle = (low + high) >> 1
      const chunk = this.#chunks[middle] as Entry<V>[]
      if ((chunk[chunk.length - 1] as Entry<V>).order < order) low = middle + 1
      else high = middle
    }
    return low
  }
}

function inOrder<V>(a: Entry<V>, b: Entry<V>): number {
  return a.order < b.order ? -1 : 1
}

function firstAtOrAfter<V>(chunk: readonly Entry<V>[], order: string): number {
  let low = 0
  let high = chunk.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((chunk[middle] as Entry<V>).order < order) low = middle + 1
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
