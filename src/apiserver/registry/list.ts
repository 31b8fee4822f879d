/** GET of a collection. */
import { type Kind, listKindOf } from '#schema/kind.ts'
import { badRequest, expired } from '#schema/status-error.ts'
import { hasCode, prefixEnd, type RangeResult } from '#store/store.ts'
import type { Request, Response } from '../request.ts'
import { continueExpired, decodeContinue, encodeContinue } from './continue-token.ts'
import { reach, tooLarge } from './freshness.ts'
import { parseVersion } from './get.ts'
import { type ListOptions, listOptions } from './list-options.ts'
import type { Registry } from './registry.ts'
import { type Selection, selectionOf } from './selection.ts'
import type { Cache, Entry, Storage } from './storage.ts'

export interface Page {
  readonly entries: readonly Entry[]
  readonly revision: number
  /** Where the next page begins. */
  readonly next?: { readonly token: string; readonly remaining?: number }
  /** The JSON of `entries` in pieces, commas included, where something better is known than one by one. */
  pieces?(): readonly Uint8Array[]
}

export async function list(registry: Registry, request: Request, kind: Kind): Promise<Response> {
  const page = await listPage(registry, request, kind)
  return listAnswer(kind, page)
}

export async function listPage(registry: Registry, request: Request, kind: Kind, over: Partial<ListOptions> = {}): Promise<Page> {
  const storage = await registry.storage(kind)
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

interface CacheList {
  readonly storage: Storage
  readonly selection: Selection
  readonly options: ListOptions
  readonly version: number | undefined
}

/** Version 0 takes what is there and knows no pages. */
async function fromCache({ clock }: Registry, { storage, selection, options, version }: CacheList): Promise<Page> {
  const { cache } = storage
  if (version === undefined) await cache.catchUp()
  else await reach(cache, version, clock)
  const { revision } = cache
  const limit = version === 0 ? 0 : options.limit
  if (selection.everything && limit === 0 && selection.key.endsWith('/') && !storage.kind.def.storedAs) {
    return everything(storage, selection.key)
  }
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

/** All of a kind or a namespace, as it stands at this moment: objects are decoded, and joined, only if somebody looks at them. */
function everything(storage: Storage, key: string): Page {
  const segments = storage.segments.of(key, storage.cache)
  let entries: readonly Entry[] | undefined
  return {
    revision: storage.cache.revision,
    get entries() {
      return (entries ??= segments.flatMap(({ rows }) => rows.map((row) => storage.entry(row))))
    },
    pieces: () => segments.map(({ bytes }, at) => (at < segments.length - 1 ? bytes : bytes.subarray(0, -1))),
  }
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

const encoder = new TextEncoder()

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

const comma = encoder.encode(',')

function* framed(opening: string, pieces: Iterable<Uint8Array>): Generator<Uint8Array> {
  yield encoder.encode(opening)
  yield* pieces
  yield encoder.encode(']}')
}

function* separated(entries: readonly Entry[]): Generator<Uint8Array> {
  for (const [at, { bytes }] of entries.entries()) {
    if (at > 0) yield comma
    yield bytes
  }
}
