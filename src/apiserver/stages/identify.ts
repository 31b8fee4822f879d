/** Who asks: authentication, then impersonation where the headers ask for it. */
import { then } from '#lib/soon.ts'
import { authenticate as ask } from '../authn/authenticate.ts'
import type { Authenticator } from '../authn/authenticator.ts'
import { asksToImpersonate, impersonate as wanted } from '../authn/impersonate.ts'
import type { Authorizer } from '../authz/authorizer.ts'
import type { Stage } from '../request.ts'
import { attributesOf } from './authorize.ts'

export function authenticate(authenticators: readonly Authenticator[]): Stage {
  return (request, next) =>
    then(ask(authenticators, request), (user) => {
      request.user = user
      return next(request)
    })
}

export function impersonate(authorizer: Authorizer): Stage {
  return (request, next) => {
    if (request.origin.type !== 'network' || !asksToImpersonate(request.headers)) return next(request)
    return wanted(request.headers, { attributes: attributesOf(request), authorizer }).then((user) => {
      if (user) request.audit?.impersonated(user)
      request.user = user ?? request.user
      return next(request)
    })
  }
}
