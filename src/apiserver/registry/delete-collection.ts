/** DELETE of a collection: everything the selectors match. */
import type { Kind } from '#schema/kind.ts'
import { hasReason } from '#schema/status-error.ts'
import type { Request, Response } from '../request.ts'
import { deleteContext, deleteObject, readDeleteOptions } from './delete.ts'
import { listAnswer, listPage } from './list.ts'
import type { Registry } from './registry.ts'

/** So many at once share the commits of the store (`--delete-collection-workers` is 1 upstream, where each waits for its own). */
const workers = 64

/** Not atomic, as upstream: an error ends it halfway. Answers what was there before. */
export async function deleteCollection(registry: Registry, request: Request, kind: Kind): Promise<Response> {
  const options = await readDeleteOptions(request)
  const page = await listPage(registry, request, kind)
  const left = page.entries.values()
  const work = async () => {
    for (const { object } of left) {
      const { name, namespace = '' } = object.metadata
      const context = { ...deleteContext(registry, request, { kind, options, name }), namespace }
      try {
        await deleteObject(context, options)
      } catch (error) {
        if (!hasReason(error, 'NotFound')) throw error
      }
    }
  }
  const ended = await Promise.allSettled(Array.from({ length: workers }, work))
  const failure = ended.find((one) => one.status === 'rejected')
  if (failure) throw failure.reason
  return listAnswer(kind, page)
}
