/**
 * The JSON of long lists, kept in joined pieces of some 256 objects: a list after few changes rebuilds only the pieces that these
 * fall into.
 */
import type { KubeObject } from '#schema/kind.ts'
import type { CachedRow } from '#store/cached-row.ts'

type CacheRow = CachedRow<KubeObject>

interface Segment {
  readonly rows: readonly CacheRow[]
  /** Objects joined by commas. */
  readonly bytes: Uint8Array
}

const segmentSize = 256
/** Shorter lists are joined anew each time. */
export const worthKeeping = segmentSize
/** How many lists (the whole kind, single namespaces) are kept; the one not asked longest gives way. */
const maxLists = 8

export class ListSegments {
  #lists = new Map<string, readonly Segment[]>()

  /** `rows` sorted by key: everything below `prefix`. The pieces are to be joined by commas. */
  pieces(prefix: string, rows: readonly CacheRow[]): readonly Uint8Array[] {
    const segments = refreshed(this.#lists.get(prefix) ?? [], rows)
    this.#lists.delete(prefix)
    this.#lists.set(prefix, segments)
    const [oldest] = this.#lists.keys()
    if (this.#lists.size > maxLists && oldest !== undefined) this.#lists.delete(oldest)
    return segments.map(({ bytes }) => bytes)
  }
}

/** Walks both in order of their keys; a segment stands for the keys from its first to the next one's first. */
function refreshed(old: readonly Segment[], rows: readonly CacheRow[]): readonly Segment[] {
  const segments: Segment[] = []
  let from = 0
  for (const [at, segment] of old.entries()) {
    const next = old[at + 1]?.rows[0]?.key
    let to = from
    while (to < rows.length && (next === undefined || (rows[to] as CacheRow).key < next)) to++
    if (isSame(segment.rows, rows, from, to)) segments.push(segment)
    else segments.push(...build(rows.slice(from, to)))
    from = to
  }
  segments.push(...build(rows.slice(from)))
  return segments
}

function isSame(old: readonly CacheRow[], rows: readonly CacheRow[], from: number, to: number): boolean {
  if (old.length !== to - from) return false
  for (let i = from; i < to; i++) if (rows[i] !== old[i - from]) return false
  return true
}

/** Twice the size is still one segment, so that growing lists do not split at each object. */
function build(rows: readonly CacheRow[]): Segment[] {
  const segments: Segment[] = []
  for (let at = 0; at < rows.length; ) {
    const left = rows.length - at
    const size = left <= 2 * segmentSize ? left : segmentSize
    segments.push(join(rows.slice(at, at + size)))
    at += size
  }
  return segments
}

function join(rows: readonly CacheRow[]): Segment {
  const parts = rows.map((row) => row.bytes)
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength + 1, -1))
  let at = 0
  for (const part of parts) {
    if (at > 0) bytes[at++] = comma
    bytes.set(part, at)
    at += part.byteLength
  }
  return { rows, bytes }
}

const comma = ','.charCodeAt(0)
