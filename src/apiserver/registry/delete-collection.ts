/** DELETE of a collection: everything the selectors match, one by one. */
import type { Kind } from '#schema/kind.ts'
import { hasReason } from '#schema/status-error.ts'
import type { Request, Response } from '../request.ts'
import { deleteContext, deleteObject, readDeleteOptions } from './delete.ts'
import { listAnswer, listPage } from './list.ts'
import type { Registry } from './registry.ts'

/** Not atomic, as upstream: an error ends it halfway. Answers what was there before. */
export async function deleteCollection(registry: Registry, request: Request, kind: Kind): Promise<Response> {
  const options = await readDeleteOptions(request)
  const page = await listPage(registry, request, kind)
  for (const { object } of page.entries) {
    const { name, namespace = '' } = object.metadata
    const context = { ...deleteContext(registry, request, { kind, options, name }), namespace }
    try {
      await deleteObject(context, options)
    } catch (error) {
      if (!hasReason(error, 'NotFound')) throw error
    }
  }
  return listAnswer(kind, page)
}
