/** Who asks: authentication, then impersonation where the headers ask for it. */
import { authenticate as ask } from '../authn/authenticate.ts'
import type { Authenticator } from '../authn/authenticator.ts'
import { impersonate as wanted } from '../authn/impersonate.ts'
import type { Authorizer } from '../authz/authorizer.ts'
import type { Stage } from '../request.ts'
import { attributesOf } from './authorize.ts'

export function authenticate(authenticators: readonly Authenticator[]): Stage {
  return async (request, next) => {
    request.user = await ask(authenticators, request)
    return next()
  }
}

export function impersonate(authorizer: Authorizer): Stage {
  return async (request, next) => {
    if (request.origin.type === 'network') {
      const attributes = attributesOf(request)
      request.user = (await wanted(request.headers, { attributes, authorizer })) ?? request.user
    }
    return next()
  }
}
