/**
 * `applyObject`: client-side apply, as `kubectl apply` does it. What was applied is kept in an annotation; a later apply changes what
 * changed in the file, removes what was removed from it, and leaves alone what others set.
 */
import type { Kind, KubeObject } from '#schema/kind.ts'
import { threeWayPatch } from '#schema/merge.ts'
import { hasReason } from '#schema/status-error.ts'
import type { Draft } from '#schema/words.ts'
import type { Client, WriteOptions } from './client.ts'

export const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration'

export interface Applied<T> {
  readonly result: 'created' | 'configured' | 'unchanged'
  readonly object: T
}

const mostTries = 5

/** `object` is what the file says, with apiVersion, kind and name. */
export async function applyObject<T extends KubeObject>(
  client: Client,
  kind: Kind<string, T>,
  object: Draft<T>,
  options: WriteOptions = {},
): Promise<Applied<T>> {
  const wanted = withLastApplied(object as JsonObject)
  const at = (object as unknown as KubeObject).metadata
  for (let tries = 1; ; tries++) {
    const current = await client.get(kind, at, { signal: options.signal }).catch(absent)
    if (!current) {
      try {
        return { result: 'created', object: await client.create(kind, wanted as Draft<T>, options) }
      } catch (error) {
        if (hasReason(error, 'AlreadyExists') && tries < mostTries) continue
        throw error
      }
    }
    const original = JSON.parse(current.metadata.annotations?.[lastApplied] ?? '{}')
    const body = threeWayPatch(kind.schema, { original, modified: wanted, current })
    if (Object.keys(body).length === 0) return { result: 'unchanged', object: current }
    try {
      const patched = await client.patch(kind, at, { type: 'strategic', body }, options)
      const isSame = patched.metadata.resourceVersion === current.metadata.resourceVersion
      return { result: isSame ? 'unchanged' : 'configured', object: patched }
    } catch (error) {
      if (!hasReason(error, 'Conflict', 'NotFound') || tries >= mostTries) throw error
    }
  }
}

type JsonObject = { metadata?: { annotations?: Record<string, string> }; [field: string]: unknown }

/** The annotation holds the file's content without itself, with a line feed at the end, as kubectl writes it. */
export function withLastApplied(object: JsonObject): JsonObject {
  const { [lastApplied]: _, ...annotations } = object.metadata?.annotations ?? {}
  const bare = { ...object, metadata: { ...object.metadata, annotations } }
  const text = `${JSON.stringify(sorted(bare))}\n`
  return { ...bare, metadata: { ...bare.metadata, annotations: { ...annotations, [lastApplied]: text } } }
}

/** Go writes the keys of maps in order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  )
}

function absent(error: unknown): undefined {
  if (hasReason(error, 'NotFound')) return undefined
  throw error
}
