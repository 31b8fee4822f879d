/** May this user do that? */
import type { AuditRecord } from '../audit/record.ts'
import { demand, forbiddenRequest } from '../authz/authorize.ts'
import type { Attributes, Authorizer } from '../authz/authorizer.ts'
import type { Request, Stage, User } from '../request.ts'

export function authorize(authorizer: Authorizer): Stage {
  return (request, next) => {
    const attributes = attributesOf(request)
    const demanded = request.audit ? annotated(request.audit, authorizer, attributes) : demand(authorizer, attributes)
    return demanded ? demanded.then(() => next(request)) : next(request)
  }
}

/** The audit event tells how it was decided, and why. */
async function annotated(audit: AuditRecord, authorizer: Authorizer, attributes: Attributes): Promise<void> {
  const { verdict, reason } = await authorizer.authorize(attributes)
  audit.annotate('authorization.k8s.io/decision', verdict === 'allow' ? 'allow' : 'forbid')
  audit.annotate('authorization.k8s.io/reason', reason ?? '')
  if (verdict !== 'allow') throw forbiddenRequest(attributes, reason)
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
