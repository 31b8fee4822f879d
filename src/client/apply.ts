/**
 * `applyObject`: server-side apply of what a file says. A later apply changes what changed in the file, removes what was removed from it,
 * and leaves alone what others set.
 */
import type { Kind, KubeObject } from '#schema/kind.ts'
import { hasReason } from '#schema/status-error.ts'
import type { Draft } from '#schema/words.ts'
import type { Client, WriteOptions } from './client.ts'

export interface Applied<T> {
  readonly result: 'created' | 'configured' | 'unchanged'
  readonly object: T
}

/** `object` is what the file says, with apiVersion, kind and name. The file wins over whoever set its fields otherwise. */
export async function applyObject<T extends KubeObject>(
  client: Client,
  kind: Kind<string, T>,
  object: Draft<T>,
  options: WriteOptions & { readonly fieldManager: string },
): Promise<Applied<T>> {
  const at = (object as unknown as KubeObject).metadata
  const current = await client.get(kind, at, { signal: options.signal }).catch(absent)
  const applied = await client.patch(kind, at, { type: 'apply', body: object as object, force: true }, options)
  if (!current) return { result: 'created', object: applied }
  const isSame = applied.metadata.resourceVersion === current.metadata.resourceVersion
  return { result: isSame ? 'unchanged' : 'configured', object: applied }
}

function absent(error: unknown): undefined {
  if (hasReason(error, 'NotFound')) return undefined
  throw error
}
