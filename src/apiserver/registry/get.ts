/** GET of one object. */
import { type Soon, then } from '#lib/soon.ts'
import type { Kind } from '#schema/kind.ts'
import { badRequest, notFound } from '#schema/status-error.ts'
import type { Request, Response } from '../request.ts'
import { EntryAnswer } from './answer.ts'
import { reach } from './freshness.ts'
import type { Registry } from './registry.ts'
import type { Entry, Storage } from './storage.ts'

export function get(registry: Registry, request: Request, kind: Kind): Soon<Response> {
  const { name, namespace } = request.info
  const entry = getEntry(registry, kind, { name, namespace, resourceVersion: request.query.get('resourceVersion') ?? '' })
  return then(entry, (found) => new EntryAnswer(found))
}

export interface Wanted {
  readonly name: string
  readonly namespace: string
  /** '' reads the newest state, '0' what the cache has, N a state not older than that. */
  readonly resourceVersion?: string
}

export function getEntry(registry: Registry, kind: Kind, { name, namespace, resourceVersion = '' }: Wanted): Soon<Entry> {
  const version = parseVersion(resourceVersion)
  return then(registry.storage(kind), (storage) => {
    const key = storage.keyOf(namespace, name)
    const found = version === undefined ? storage.get(key) : cachedSince(registry, { storage, key, version })
    return then(found, (entry) => {
      if (!entry) throw notFound(kind, name)
      return entry
    })
  })
}

interface Cached {
  readonly storage: Storage
  readonly key: string
  readonly version: number
}

async function cachedSince({ clock }: Registry, { storage, key, version }: Cached): Promise<Entry | undefined> {
  await reach(storage.cache, version, clock)
  return storage.cachedNear(key)
}

/** Undefined where none was asked for. */
export function parseVersion(text: string): number | undefined {
  if (text === '') return undefined
  if (/^\d+$/.test(text)) return Number(text)
  const quoted = JSON.stringify(text)
  const why = `Invalid value: ${quoted}: strconv.ParseUint: parsing ${quoted}: invalid syntax`
  throw badRequest(`invalid resource version: resourceVersion: ${why}`)
}
