/**
 * Long lists, kept in pieces of some 256 objects: a list after few changes looks only at the pieces that these fall into, and joins
 * only their JSON anew.
 */
import type { KubeObject } from '#schema/kind.ts'
import type { CachedRow } from '#store/cached-row.ts'
import { orderOf } from '#store/sorted-map.ts'
import { prefixEnd } from '#store/store.ts'
import type { WatchCache } from '#store/watch-cache.ts'

type CacheRow = CachedRow<KubeObject>
type Rows = Pick<WatchCache<KubeObject>, 'revision' | 'list' | 'between' | 'changesSince'>

/** A stretch of a list as it stood at one revision; it never changes. */
export class Segment {
  readonly rows: readonly CacheRow[]
  /** Of the first key. */
  readonly order: string
  #bytes: Uint8Array | undefined

  constructor(rows: readonly CacheRow[]) {
    this.rows = rows
    this.order = orderOf((rows[0] as CacheRow).key)
  }

  /** Objects, each with a comma behind it. */
  get bytes(): Uint8Array {
    return (this.#bytes ??= join(this.rows))
  }
}

interface List {
  readonly revision: number
  readonly segments: readonly Segment[]
}

const segmentSize = 256
/** How many lists (the whole kind, single namespaces) are kept; the one not asked longest gives way. */
const maxLists = 8

export class ListSegments {
  #lists = new Map<string, List>()

  /** All rows of the cache below `prefix` now, in order. */
  of(prefix: string, cache: Rows): readonly Segment[] {
    const known = this.#lists.get(prefix)
    const segments = (known && refreshed(known, prefix, cache)) ?? build(cache.list(prefix))
    this.#lists.delete(prefix)
    // Short lists are soon made.
    if (segments.length > 1) this.#lists.set(prefix, { revision: cache.revision, segments })
    const [oldest] = this.#lists.keys()
    if (this.#lists.size > maxLists && oldest !== undefined) this.#lists.delete(oldest)
    return segments
  }
}

/** A segment stands for the keys from its first to the next one's first. Undefined where too much has happened since. */
function refreshed({ revision, segments }: List, prefix: string, cache: Rows): readonly Segment[] | undefined {
  const changes = cache.changesSince(revision)
  if (!changes || changes.length > segments.length * segmentSize) return undefined
  const dirty = new Set<number>()
  for (const { row } of changes) if (row.key.startsWith(prefix)) dirty.add(segmentFor(segments, orderOf(row.key)))
  if (dirty.size === 0) return segments
  return segments.flatMap((segment, at) => {
    if (!dirty.has(at)) return [segment]
    const from = at === 0 ? prefix : firstKey(segment)
    const next = segments[at + 1]
    return build(cache.between(from, next ? firstKey(next) : prefixEnd(prefix)))
  })
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

/** Twice the size is still one segment, so that growing lists do not split at each object. */
function build(rows: readonly CacheRow[]): Segment[] {
  const segments: Segment[] = []
  for (let at = 0; at < rows.length; ) {
    const left = rows.length - at
    const size = left <= 2 * segmentSize ? left : segmentSize
    segments.push(new Segment(rows.slice(at, at + size)))
    at += size
  }
  return segments
}

function join(rows: readonly CacheRow[]): Uint8Array {
  const parts = rows.map((row) => row.bytes)
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength + 1, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.byteLength
    bytes[at++] = comma
  }
  return bytes
}

const comma = ','.charCodeAt(0)
