/** Last stage: finds the kind and hands the request to the registry. */
import type { Registry } from '../registry/registry.ts'
import { serveResource } from '../registry/serve-resource.ts'
import type { Stage } from '../request.ts'
import { pageNotFound } from './not-found.ts'

export function serve(registry: Registry): Stage {
  return (request) => {
    const { info } = request
    const kind = info.isResource ? registry.kinds.find(info) : undefined
    if (!kind) return pageNotFound()
    request.kind = kind
    return serveResource(registry, request, kind)
  }
}
