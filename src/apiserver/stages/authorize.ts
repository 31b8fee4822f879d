/** May this user do that? */
import { demand } from '../authz/authorize.ts'
import type { Attributes, Authorizer } from '../authz/authorizer.ts'
import type { Request, Stage, User } from '../request.ts'

export function authorize(authorizer: Authorizer): Stage {
  return (request, next) => {
    const demanded = demand(authorizer, attributesOf(request))
    return demanded ? demanded.then(() => next(request)) : next(request)
  }
}

const withSelectors = new Set(['list', 'watch', 'deletecollection'])

export function attributesOf({ info, user, query }: Request): Attributes {
  const { verb, isResource, path, group, version, resource, subresource, namespace, name } = info
  // Watches by path prefix do not honour selectors consistently, so they are authorized without.
  const selects = isResource && withSelectors.has(verb) && !/^\/(api|apis\/[^/]+)\/[^/]+\/watch\//.test(path)
  const fieldSelector = selects && query.get('fieldSelector')
  const labelSelector = selects && query.get('labelSelector')
  const attributes = { user, verb, isResource, path, group, version, resource, subresource, namespace, name }
  if (!fieldSelector && !labelSelector) return attributes
  return { ...attributes, ...(fieldSelector && { fieldSelector }), ...(labelSelector && { labelSelector }) }
}

/** What it takes to do `verb` on the request's own resource, for writes that turn into another verb. */
export function attributesFor(request: Request, user: User, verb: string): Attributes {
  return { ...attributesOf(request), user, verb }
}
