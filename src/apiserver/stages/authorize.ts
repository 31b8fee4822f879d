/** May this user do that? */
import type { Clock } from '#lib/clock.ts'
import type { AuditRecord } from '../audit/record.ts'
import { forbiddenRequest, undecided } from '../authz/authorize.ts'
import type { Attributes, Authorizer, Decision } from '../authz/authorizer.ts'
import type { RequestInstruments } from '../publish/request-instruments.ts'
import type { Request, Stage, User } from '../request.ts'

export interface AuthorizeOptions {
  readonly clock: Clock
  readonly instruments?: RequestInstruments | undefined
}

export function authorize(authorizer: Authorizer, { clock, instruments }: AuthorizeOptions): Stage {
  return (request, next) => {
    const attributes = attributesOf(request)
    const decided = authorizer.authorize(attributes)
    if (!(decided instanceof Promise)) {
      if (decided.verdict === 'allow' && !request.audit) instruments?.authorized('allowed', 0)
      else settle(decided, attributes, { audit: request.audit, instruments, seconds: 0 })
      return next(request)
    }
    const began = clock.monotonic()
    return decided.then((decision) => {
      const seconds = (clock.monotonic() - began) / 1000
      request.audit?.took('authorization', seconds * 1000)
      settle(decision, attributes, { audit: request.audit, instruments, seconds })
      return next(request)
    })
  }
}

interface Witnesses {
  readonly audit: AuditRecord | undefined
  readonly instruments: RequestInstruments | undefined
  readonly seconds: number
}

/** Throws the refusal. The audit event tells how it was decided, and why. */
function settle(decision: Decision, attributes: Attributes, { audit, instruments, seconds }: Witnesses): void {
  const { verdict, reason = '', error } = decision
  instruments?.authorized(resultOf(decision), seconds)
  if (verdict !== 'allow' && error) {
    audit?.annotate('authorization.k8s.io/reason', 'internal error')
    throw undecided(attributes, error)
  }
  audit?.annotate('authorization.k8s.io/decision', verdict === 'allow' ? 'allow' : 'forbid')
  audit?.annotate('authorization.k8s.io/reason', reason)
  if (verdict !== 'allow') throw forbiddenRequest(attributes, reason)
}

function resultOf({ verdict, error }: Decision): 'allowed' | 'denied' | 'no-opinion' | 'error' {
  if (verdict === 'allow') return 'allowed'
  if (error) return 'error'
  return verdict === 'deny' ? 'denied' : 'no-opinion'
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
