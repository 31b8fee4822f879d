/** One kind's place in the store: keys, rows to objects, guarded writes. Two served versions may share one place. */
import type { Clock } from '#lib/clock.ts'
import { type Soon, then } from '#lib/soon.ts'
import type { Kind, KubeObject, StoredForm } from '#schema/kind.ts'
import { type NullLists, nullLists } from '#schema/null-lists.ts'
import { StatusError } from '#schema/status-error.ts'
import { asLongAsTheRow, CachedRow, type Making } from '#store/cached-row.ts'
import { type Cause, create, type Row, remove, type Store, update } from '#store/store.ts'
import { openWatchCache, type WatchCache } from '#store/watch-cache.ts'
import type { ServedEvent } from '../request.ts'
import { alwaysThere, decodeRow, encodeObject, objectLine, withVersion } from './codec.ts'
import { ListSegments } from './list-segments.ts'

export type Cache = WatchCache<KubeObject>
export type CacheRow = CachedRow<KubeObject>

/** A stored object as this kind serves it. `object` is shared and read-only. */
export interface Entry<T extends KubeObject = any> {
  readonly row: Row
  readonly object: T
  /** Its JSON, made on first need. */
  readonly bytes: Uint8Array
  /** The same with the newline that ends a body. */
  readonly line: Uint8Array
}

export type Written = { readonly ok: true; readonly entry: Entry } | { readonly ok: false; readonly current: Entry | undefined }

export interface WriteAs {
  readonly cause: Cause
  readonly lease?: number
}

export interface CacheOptions {
  readonly store: Store
  readonly clock: Clock
  /** Shared objects cannot be changed by mistake; costs time. */
  readonly freeze: boolean
}

/** The cache of a stored kind, shared by all that are served from it. */
export function openCache(kind: Kind, { store, clock, freeze }: CacheOptions): Cache {
  const fields = indexedFields(kind).map((field) => [field, kind.def.selectable?.[field] as (object: any) => string] as const)
  const indexers = Object.fromEntries(fields)
  const structs = alwaysThere(kind)
  return openWatchCache<KubeObject>({
    store,
    clock,
    prefix: prefixOf(kind),
    indexers,
    decode: (row, before) => decodeRow(row, { freeze, nulls: nullLists(kind.schema), structs }, before),
  })
}

/** Selectable fields that the cache of a kind finds objects by: every node asks for what is its own. */
export function indexedFields(kind: Kind): readonly string[] {
  return kind.def.selectable?.['spec.nodeName'] ? ['spec.nodeName'] : []
}

/** The kind whose form and place in the store this one uses. */
export function storedKindOf(kind: Kind): Kind {
  return kind.def.storedAs?.kind() ?? kind
}

function prefixOf(kind: Kind): string {
  return `/registry/${kind.def.storagePrefix ?? kind.plural}/`
}

export class Storage {
  readonly kind: Kind
  readonly cache: Cache
  readonly segments = new ListSegments()
  /** What watchers of everything are sent for a batch of the cache's events. */
  readonly shared = new WeakMap<object, readonly ServedEvent[]>()
  #store: Store
  #prefix: string
  #entries = new WeakMap<CachedRow<KubeObject>, Entry>()
  #stopped = new AbortController()
  /** For rows that the cache has not seen yet. */
  #making: Making<KubeObject>
  #nulls: NullLists | undefined

  constructor(kind: Kind, { store, cache, freeze }: { store: Store; cache: Cache; freeze: boolean }) {
    this.kind = kind
    this.cache = cache
    this.#store = store
    this.#prefix = prefixOf(storedKindOf(kind))
    this.#nulls = nullLists(storedKindOf(kind).schema)
    const decoding = { freeze, nulls: this.#nulls, structs: alwaysThere(storedKindOf(kind)) }
    this.#making = { decode: (row, before) => decodeRow(row, decoding, before), decoded: asLongAsTheRow, served: asLongAsTheRow }
  }

  keyOf(namespace: string, name: string): string {
    return this.prefix(namespace) + name
  }

  /** Of everything, or of one namespace. */
  prefix(namespace = ''): string {
    return this.kind.namespaced && namespace ? `${this.#prefix}${namespace}/` : this.#prefix
  }

  /** Sees every write that was acknowledged before the call. */
  get(key: string): Soon<Entry | undefined> {
    if (!this.#store.peek) return this.#store.range({ key }).then(({ rows: [row] }) => row && this.#near(row))
    const row = this.#store.peek(key)
    return row && this.#near(row)
  }

  /** Whether the row would be stored otherwise if it were written now: with another encryption key. */
  async isStale(key: string): Promise<boolean> {
    const { rows } = await this.#store.range({ key })
    return rows[0]?.isStale ?? false
  }

  /** What the cache has, which may be a moment old. */
  cached(key: string): Entry | undefined {
    const row = this.cache.get(key)
    return row && this.entry(row)
  }

  /** The same, of an object that may first have to be converted by others. */
  cachedNear(key: string): Soon<Entry | undefined> {
    const row = this.cache.get(key)
    return row && then(this.bring([row]), () => this.entry(row))
  }

  /** Has those rows converted that others must convert, before `entry` tells them. */
  bring(rows: readonly CacheRow[]): Soon<void> {
    const { fromFar, isFar } = this.kind.def.storedAs ?? {}
    if (!fromFar || !isFar) return undefined
    const far = rows.filter((row) => !this.#entries.has(row) && isFar(decodedOf(row)))
    return far.length === 0 ? undefined : this.#convert(far, fromFar)
  }

  async #convert(rows: readonly CacheRow[], fromFar: NonNullable<StoredForm['fromFar']>): Promise<void> {
    const objects = await fromFar(rows.map(decodedOf))
    for (const [i, row] of rows.entries()) this.#entries.set(row, servedEntry(this.kind, row, objects[i]))
  }

  #near(row: Row): Soon<Entry> {
    const cached = this.cachedRow(row)
    return then(this.bring([cached]), () => this.entry(cached))
  }

  /** The cache's own where it has it. */
  cachedRow(row: Row): CacheRow {
    const cached = this.cache.get(row.key)
    return cached?.revision === row.revision ? cached : new CachedRow(row, this.#making)
  }

  /** All or a page of what stood there at `revision`, or stands there now. */
  range(request: { key: string; end: string; limit?: number; revision?: number }) {
    return this.#store.range(request)
  }

  rowEntry(row: Row): Entry {
    return this.entry(this.cachedRow(row))
  }

  entry(row: CachedRow<KubeObject>): Entry {
    if (!this.kind.def.storedAs) return new PlainEntry(row)
    let entry = this.#entries.get(row)
    if (!entry) this.#entries.set(row, (entry = convertedEntry(this.kind, row)))
    return entry
  }

  /** What a watcher sees last of an object: its former state under the version of what ended it. */
  lastState(row: Row, revision: number, entry?: Entry): Entry {
    const known = this.cache.get(row.key)
    const last = new CachedRow({ ...row, revision }, this.#making, known?.revision === row.revision ? known : undefined)
    return entry && this.kind.def.storedAs ? servedEntry(this.kind, last, entry.object) : this.entry(last)
  }

  /** Whether an unchanged object would be stored differently today. */
  isOutdated({ row }: Entry): boolean {
    const { isOutdated } = this.kind.def.storedAs ?? {}
    if (!isOutdated) return false
    const { metadata, ...rest } = decodedOf(this.cachedRow(row))
    const { resourceVersion: _, ...kept } = metadata
    return isOutdated({ ...rest, metadata: kept })
  }

  /** Ends the watches: the kind is served differently from now on. */
  stop(): void {
    this.#stopped.abort()
  }

  get stopped(): AbortSignal {
    return this.#stopped.signal
  }

  async create(key: string, object: KubeObject, { cause, lease = 0 }: WriteAs): Promise<Written> {
    const value = await this.#encode(object)
    const result = await create(this.#store, { key, value, ...(lease && { lease }) }, cause)
    return this.#written(result, { key, value, createRevision: result.revision, version: 1, lease })
  }

  /** Replaces `entry` if nobody else did. */
  async update(entry: Entry, object: KubeObject, { cause, lease = entry.row.lease }: WriteAs): Promise<Written> {
    const { key, revision, createRevision, version } = entry.row
    const value = await this.#encode(object)
    const result = await update(this.#store, { key, value, revision, ...(lease && { lease }) }, cause)
    return this.#written(result, { key, value, createRevision, version: version + 1, lease })
  }

  /** Deletes `entry` if nobody else changed it; answers its last state with the version of the deletion. */
  async remove(entry: Entry, cause: Cause): Promise<Written> {
    const { key, revision } = entry.row
    const result = await remove(this.#store, { key, revision }, cause)
    if (!result.ok) return { ok: false, current: result.current && (await this.#near(result.current)) }
    return { ok: true, entry: this.lastState(entry.row, result.revision, entry) }
  }

  #written(result: { ok: boolean; revision: number; current?: Row }, row: Omit<Row, 'revision' | 'subRevision'>): Soon<Written> {
    if (!result.ok) return then(result.current && this.#near(result.current), (current): Written => ({ ok: false, current }))
    const entry = this.#near({ ...row, revision: result.revision, subRevision: 0 })
    return then(entry, (written): Written => ({ ok: true, entry: written }))
  }

  #encode(object: KubeObject): Soon<Uint8Array> {
    const { storedAs } = this.kind.def
    if (!storedAs) return encodeObject(object, this.#nulls)
    const stored = (storedAs.toFar?.(object) ?? storedAs.toStored(object)) as Soon<KubeObject>
    return then(stored, (converted) => encodeObject(converted, this.#nulls))
  }
}

class PlainEntry implements Entry {
  #row: CachedRow<KubeObject>

  constructor(row: CachedRow<KubeObject>) {
    this.#row = row
  }

  get row(): Row {
    return this.#row.row
  }

  get object(): any {
    return decodedOf(this.#row)
  }

  get bytes(): Uint8Array {
    return this.#row.bytes
  }

  get line(): Uint8Array {
    return this.#row.line
  }
}

function decodedOf(row: CachedRow<KubeObject>): KubeObject {
  if (row.decoded) return row.decoded
  const why = row.failure instanceof Error ? row.failure.message : String(row.failure)
  throw new StatusError('InternalError', `Internal error occurred: ${row.key}: ${why}`)
}

function convertedEntry(kind: Kind, cached: CachedRow<KubeObject>): Entry {
  return servedEntry(kind, cached, kind.def.storedAs?.fromStored(decodedOf(cached)))
}

function servedEntry({ schema }: Kind, cached: CachedRow<KubeObject>, converted: KubeObject): Entry {
  const object = withVersion(converted, String(cached.revision))
  let line: Uint8Array | undefined
  return {
    row: cached.row,
    object,
    get bytes() {
      return this.line.subarray(0, -1)
    },
    get line() {
      return (line ??= objectLine(object, nullLists(schema)))
    },
  }
}
