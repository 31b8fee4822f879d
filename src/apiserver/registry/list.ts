/** GET of a collection. */
import type { Clock } from '#lib/clock.ts'
import { type Soon, then } from '#lib/soon.ts'
import { nextTurn } from '#lib/turn.ts'
import { type Kind, type KubeObject, listKindOf } from '#schema/kind.ts'
import { badRequest, expired } from '#schema/status-error.ts'
import { hasCode, prefixEnd, type RangeResult } from '#store/store.ts'
import type { Request, Response } from '../request.ts'
import { continueExpired, decodeContinue, encodeContinue } from './continue-token.ts'
import { reach, tooLarge } from './freshness.ts'
import { parseVersion } from './get.ts'
import { type ListOptions, listOptions } from './list-options.ts'
import type { Registry } from './registry.ts'
import type { CacheRow, Segment, Stretch } from './segment.ts'
import { type Selection, selectionOf } from './selection.ts'
import type { Cache, Entry, Storage } from './storage.ts'

export interface Page {
  readonly entries: readonly Entry[]
  readonly revision: number
  /** Where the next page begins. */
  readonly next?: { readonly token: string; readonly remaining?: number }
  /** The JSON of `entries` in pieces, commas included, where something better is known than one by one. */
  pieces?(): Iterable<Uint8Array>
}

export function list(registry: Registry, request: Request, kind: Kind): Soon<Response> {
  return then(listPage(registry, request, kind), (page) => listAnswer(kind, page))
}

export function listPage(registry: Registry, request: Request, kind: Kind, over?: Partial<ListOptions>): Soon<Page> {
  return then(registry.storage(kind), (storage) => pageFrom(storage, { registry, request, kind, over }))
}

interface Listing {
  readonly registry: Registry
  readonly request: Request
  readonly kind: Kind
  readonly over: Partial<ListOptions> | undefined
}

function pageFrom(storage: Storage, { registry, request, kind, over }: Listing): Soon<Page> {
  const options = { ...listOptions(request.query, false), ...over }
  const selection = selectionOf(request, kind, storage)
  if (options.continue) return continued(storage, selection, options)
  const version = parseVersion(options.resourceVersion)
  const legacyExact = options.limit > 0 && version !== undefined && version > 0 && !options.resourceVersionMatch
  if (options.resourceVersionMatch === 'Exact' || legacyExact) {
    return fromStore(storage, selection, { ...options, start: selection.key, revision: version as number })
  }
  return fromCache(registry, { storage, selection, options, version })
}

interface Reading {
  readonly selection: Selection
  /** 0: all. */
  readonly limit: number
  readonly clock: Clock
}

interface CacheList {
  readonly storage: Storage
  readonly selection: Selection
  readonly options: ListOptions
  readonly version: number | undefined
}

/** Version 0 takes what is there and knows no pages. */
function fromCache({ clock }: Registry, { storage, selection, options, version }: CacheList): Soon<Page> {
  const { cache } = storage
  const limit = version === 0 ? 0 : options.limit
  const isThere = version === undefined ? cache.catchUp() : version > cache.revision ? reach(cache, version, clock) : undefined
  return then<unknown, Page>(isThere, () => readCache(storage, { selection, limit, clock }))
}

function readCache(storage: Storage, { selection, limit, clock }: Reading): Soon<Page> {
  const { cache } = storage
  const { revision } = cache
  if (!selection.index && selection.key.endsWith('/') && !storage.kind.def.storedAs) {
    const segments = storage.segments.of(selection.key, cache)
    if (limit > 0) return firstPage(segments, { storage, selection, limit, revision, clock })
    if (selection.everything) return pageOf(storage, segments, revision)
    return then(lookThrough(segments, selection, clock), () => pageOf(storage, found(segments, storage, selection), revision))
  }
  return oneByOne(storage, { selection, limit, clock })
}

async function oneByOne(storage: Storage, { selection, limit }: Reading): Promise<Page> {
  const { cache } = storage
  const { revision } = cache
  const rows = rowsOf(cache, selection)
  await storage.bring(rows)
  const entries: Entry[] = []
  for (const [at, row] of rows.entries()) {
    const entry = storage.entry(row)
    if (!selection.everything && !selection.matches(entry.object)) continue
    if (limit > 0 && entries.length === limit) {
      return {
        entries,
        revision,
        next: nextPage(storage, selection, { after: rows[at - 1]?.key ?? '', revision, left: rows.length - limit }),
      }
    }
    entries.push(entry)
  }
  return { entries, revision }
}

/** Objects are decoded, and their JSON is joined, only if somebody looks at them. */
function pageOf(storage: Storage, stretches: readonly Stretch[], revision: number): Page {
  let entries: readonly Entry[] | undefined
  return {
    revision,
    get entries() {
      return (entries ??= stretches.flatMap(({ rows }) => rows.map((row) => storage.entry(row))))
    },
    pieces: () => joined(stretches),
  }
}

/** Those of a long list as they are asked for. */
function joined(stretches: readonly Stretch[]): Iterable<Uint8Array> {
  const bytesAt = (at: number): Uint8Array => {
    const { bytes } = stretches[at] as Stretch
    return at < stretches.length - 1 ? bytes : bytes.subarray(0, -1)
  }
  if (stretches.length <= fewStretches) return stretches.map((_, at) => bytesAt(at))
  return stretches.keys().map(bytesAt)
}

const fewStretches = 8

/** Milliseconds that one request may take of a turn of the loop. */
const share = 2

/** Decodes what the selector is to look at, a while in each turn: of 100,000 objects that takes a second. */
function lookThrough(segments: readonly Segment[], selection: Selection, clock: Clock): Soon<void> {
  const news = segments.filter((segment) => segment.unknown(selection).length > 0)
  return news.length === 0 ? undefined : decodeInTurns(news, selection, clock)
}

async function decodeInTurns(segments: readonly Segment[], selection: Selection, clock: Clock): Promise<void> {
  let began = clock.monotonic()
  for (const segment of segments) {
    for (const row of segment.unknown(selection)) {
      void row.decoded
      if (clock.monotonic() - began < share) continue
      await nextTurn()
      began = clock.monotonic()
    }
  }
}

function found(segments: readonly Segment[], storage: Storage, selection: Selection): Stretch[] {
  const objectOf = (row: CacheRow): KubeObject => storage.entry(row).object
  return segments.map((segment) => segment.find(selection, objectOf)).filter(({ rows }) => rows.length > 0)
}

interface FirstPage extends Reading {
  readonly storage: Storage
  readonly revision: number
}

/** Looks no further than it must. */
async function firstPage(segments: readonly Segment[], { storage, selection, limit, revision, clock }: FirstPage): Promise<Page> {
  const rows: CacheRow[] = []
  for (const segment of segments) {
    if (!selection.everything) await lookThrough([segment], selection, clock)
    for (const stretch of selection.everything ? [segment] : found([segment], storage, selection)) rows.push(...stretch.rows)
    if (rows.length > limit) break
  }
  const entries = rows.slice(0, limit).map((row) => storage.entry(row))
  if (rows.length <= limit) return { entries, revision }
  const left = segments.reduce((sum, segment) => sum + segment.rows.length, 0) - limit
  return { entries, revision, next: nextPage(storage, selection, { after: (rows[limit - 1] as CacheRow).key, revision, left }) }
}

function rowsOf(cache: Cache, { key, index }: Selection) {
  if (!index) return cache.list(key)
  return cache.byIndex(index.name, index.value).filter((row) => row.key.startsWith(key))
}

function nextPage(
  storage: Storage,
  { everything, key }: Selection,
  { after, revision, left }: { after: string; revision: number; left: number },
) {
  const token = encodeContinue(`${after}\0`, key.endsWith('/') ? key : storage.prefix(), revision)
  return everything ? { token, remaining: left } : { token }
}

async function continued(storage: Storage, selection: Selection, options: ListOptions): Promise<Page> {
  if (options.resourceVersion && options.resourceVersion !== '0') {
    throw badRequest('specifying resource version is not allowed when using continue')
  }
  const prefix = selection.key.endsWith('/') ? selection.key : storage.prefix()
  const { key, revision } = decodeContinue(options.continue, prefix)
  try {
    return await fromStore(storage, selection, { ...options, start: key, revision: revision < 0 ? undefined : revision })
  } catch (error) {
    if (hasCode(error, 'Compacted')) throw continueExpired(key, prefix)
    throw error
  }
}

interface StoreList {
  readonly limit: number
  readonly continue: string
  /** First key to look at. */
  readonly start: string
  readonly revision: number | undefined
}

/** Reads the past; asks again as long as the selectors leave the page short. */
async function fromStore(
  storage: Storage,
  selection: Selection,
  { limit, start, revision, ...options }: StoreList,
): Promise<Page> {
  const single = !selection.key.endsWith('/')
  const end = single ? `${selection.key}\0` : prefixEnd(selection.key)
  const entries: Entry[] = []
  let at = revision
  let key = start
  for (;;) {
    const result = await readRange(
      storage,
      { key, end, ...(limit && { limit }), ...(at !== undefined && { revision: at }) },
      options,
    )
    at ??= result.revision
    const rows = result.rows.map((row) => storage.cachedRow(row))
    await storage.bring(rows)
    for (const [index, row] of rows.entries()) {
      const entry = storage.entry(row)
      if (!selection.everything && !selection.matches(entry.object)) continue
      entries.push(entry)
      if (limit > 0 && entries.length === limit) {
        const left = result.count - index - 1
        if (left === 0) return { entries, revision: at }
        return { entries, revision: at, next: nextPage(storage, selection, { after: row.key, revision: at, left }) }
      }
    }
    const last = result.rows.at(-1)
    if (!result.more || !last) return { entries, revision: at }
    key = `${last.key}\0`
  }
}

async function readRange(
  storage: Storage,
  range: { key: string; end: string; limit?: number; revision?: number },
  options: { continue: string },
): Promise<RangeResult> {
  try {
    return await storage.range(range)
  } catch (error) {
    if (hasCode(error, 'FutureRevision')) throw tooLarge(range.revision as number, storage.cache.revision)
    if (hasCode(error, 'Compacted') && !options.continue) throw expired('The resourceVersion for the provided list is too old.')
    throw error
  }
}

/** The list, with its JSON joined from the bytes that the cache keeps. */
export function listAnswer(kind: Kind, page: Page): Response {
  const { revision, next } = page
  const metadata = {
    resourceVersion: String(revision),
    ...(next && { continue: next.token }),
    ...(next?.remaining !== undefined && { remainingItemCount: next.remaining }),
  }
  const head = { kind: listKindOf(kind), apiVersion: kind.apiVersion, metadata }
  const opening = `${JSON.stringify(head).slice(0, -1)},"items":[`
  let object: unknown
  return {
    type: 'object',
    status: 200,
    get object() {
      return (object ??= { ...head, items: page.entries.map((entry) => entry.object) })
    },
    get pieces() {
      return framed(opening, page.pieces?.() ?? separated(page.entries))
    },
  }
}

const comma = Buffer.from(',')
const closing = Buffer.from(']}\n')

function framed(opening: string, pieces: Iterable<Uint8Array>): Iterable<Uint8Array> {
  const begin = Buffer.from(opening)
  return Array.isArray(pieces) ? [begin, ...pieces, closing] : between(begin, pieces)
}

function* between(begin: Uint8Array, pieces: Iterable<Uint8Array>): Generator<Uint8Array> {
  yield begin
  yield* pieces
  yield closing
}

function* separated(entries: readonly Entry[]): Generator<Uint8Array> {
  for (const [at, { bytes }] of entries.entries()) {
    if (at > 0) yield comma
    yield bytes
  }
}
