/**
 * Long lists, kept in pieces of some 256 objects: a list after few changes looks only at the pieces that these fall into, and joins
 * only their JSON anew.
 */
import type { KubeObject } from '#schema/kind.ts'
import { orderOf } from '#store/sorted-map.ts'
import { prefixEnd } from '#store/store.ts'
import type { WatchCache } from '#store/watch-cache.ts'
import { type CacheRow, type Room, Segment } from './segment.ts'

type Rows = Pick<WatchCache<KubeObject>, 'revision' | 'list' | 'between' | 'changesSince'>

interface List {
  readonly revision: number
  readonly segments: readonly Segment[]
}

const segmentSize = 256
/** Shorter lists are soon made. */
const shortest = 64
/** How many lists (the whole kind, single namespaces) are kept; the one not asked longest gives way. */
const maxLists = 8
/** Bytes of JSON that are kept, all lists of a kind together. */
const mostBytes = 192 << 20

export class ListSegments {
  #lists = new Map<string, List>()
  #room: Room = { left: mostBytes }

  /** All rows of the cache below `prefix` now, in order. */
  of(prefix: string, cache: Rows): readonly Segment[] {
    const known = this.#lists.get(prefix)
    const segments = (known && this.#refreshed(known, prefix, cache)) ?? this.#build(cache.list(prefix))
    if (known && segments !== known.segments) letGo(known, segments)
    this.#lists.delete(prefix)
    if (segments.length > 1 || (segments[0]?.rows.length ?? 0) > shortest)
      this.#lists.set(prefix, { revision: cache.revision, segments })
    if (this.#lists.size > maxLists) this.#forgetOldest()
    return segments
  }

  /** A segment stands for the keys from its first to the next one's first. Undefined where too much has happened since. */
  #refreshed({ revision, segments }: List, prefix: string, cache: Rows): readonly Segment[] | undefined {
    const changes = cache.changesSince(revision)
    if (!changes || changes.length > segments.length * segmentSize) return undefined
    const dirty = new Set<number>()
    for (const { row } of changes) if (row.key.startsWith(prefix)) dirty.add(segmentFor(segments, orderOf(row.key)))
    if (dirty.size === 0) return segments
    return segments.flatMap((segment, at) => {
      if (!dirty.has(at)) return [segment]
      const from = at === 0 ? prefix : firstKey(segment)
      const next = segments[at + 1]
      return this.#build(cache.between(from, next ? firstKey(next) : prefixEnd(prefix)), segment)
    })
  }

  /** Twice the size is still one segment, so that growing lists do not split at each object. */
  #build(rows: readonly CacheRow[], former?: Segment): Segment[] {
    const segments: Segment[] = []
    for (let at = 0; at < rows.length; ) {
      const left = rows.length - at
      const size = left <= 2 * segmentSize ? left : segmentSize
      segments.push(new Segment(rows.slice(at, at + size), this.#room, former))
      at += size
    }
    return segments
  }

  #forgetOldest(): void {
    for (const [prefix, list] of this.#lists) {
      this.#lists.delete(prefix)
      letGo(list, [])
      return
    }
  }
}

/** Of those that do not go on. */
function letGo({ segments }: List, kept: readonly Segment[]): void {
  const stay = new Set(kept)
  for (const segment of segments) if (!stay.has(segment)) segment.letGo()
}

function firstKey({ rows }: Segment): string {
  return (rows[0] as CacheRow).key
}

/** The last that begins at or before `order`; else the first. */
function segmentFor(segments: readonly Segment[], order: string): number {
  let low = 0
  let high = segments.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((segments[middle] as Segment).order <= order) low = middle + 1
    else high = middle
  }
  return Math.max(0, low - 1)
}
