/** GET of one object. */
import type { Kind } from '#schema/kind.ts'
import { badRequest, notFound } from '#schema/status-error.ts'
import type { Request, Response } from '../request.ts'
import { answer } from './answer.ts'
import { reach } from './freshness.ts'
import type { Registry } from './registry.ts'
import type { Entry } from './storage.ts'

export async function get(registry: Registry, request: Request, kind: Kind): Promise<Response> {
  const { name, namespace } = request.info
  const entry = await getEntry(registry, kind, { name, namespace, resourceVersion: request.query.get('resourceVersion') ?? '' })
  return answer({ object: entry.object, entry })
}

export interface Wanted {
  readonly name: string
  readonly namespace: string
  /** '' reads the newest state, '0' what the cache has, N a state not older than that. */
  readonly resourceVersion?: string
}

export async function getEntry(
  registry: Registry,
  kind: Kind,
  { name, namespace, resourceVersion = '' }: Wanted,
): Promise<Entry> {
  const storage = await registry.storage(kind)
  const key = storage.keyOf(namespace, name)
  const version = parseVersion(resourceVersion)
  if (version !== undefined) await reach(storage.cache, version, registry.clock)
  const entry = version === undefined ? await storage.get(key) : storage.cached(key)
  if (!entry) throw notFound(kind, name)
  return entry
}

/** Undefined where none was asked for. */
export function parseVersion(text: string): number | undefined {
  if (text === '') return undefined
  if (/^\d+$/.test(text)) return Number(text)
  const quoted = JSON.stringify(text)
  const why = `Invalid value: ${quoted}: strconv.ParseUint: parsing ${quoted}: invalid syntax`
  throw badRequest(`invalid resource version: resourceVersion: ${why}`)
}
