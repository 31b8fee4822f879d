/** Who asks: authentication, then impersonation where the headers ask for it. */
import type { Clock } from '#lib/clock.ts'
import { type Soon, then } from '#lib/soon.ts'
import { StatusError } from '#schema/status-error.ts'
import { authenticate as ask } from '../authn/authenticate.ts'
import type { Authenticator } from '../authn/authenticator.ts'
import { asksToImpersonate, impersonate as wanted } from '../authn/impersonate.ts'
import type { Authorizer } from '../authz/authorizer.ts'
import type { RequestInstruments } from '../publish/request-instruments.ts'
import type { Stage, User } from '../request.ts'
import { attributesOf } from './authorize.ts'

export interface AuthenticateOptions {
  readonly clock: Clock
  readonly instruments?: RequestInstruments | undefined
}

export function authenticate(authenticators: readonly Authenticator[], { clock, instruments }: AuthenticateOptions): Stage {
  if (!instruments) {
    return (request, next) =>
      then(ask(authenticators, request), (user) => {
        request.user = user
        return next(request)
      })
  }
  return (request, next) => {
    const known = counted(() => ask(authenticators, request), { clock, instruments })
    if (!(known instanceof Promise)) {
      request.user = known
      return next(request)
    }
    return known.then((user) => {
      request.user = user
      return next(request)
    })
  }
}

/** What is known at once takes no time worth telling. */
function counted(find: () => Soon<User>, { clock, instruments }: { clock: Clock; instruments: RequestInstruments }): Soon<User> {
  const refused = (error: unknown, seconds: number): never => {
    const isWrong = error instanceof StatusError && error.cause !== undefined
    instruments.notAuthenticated(isWrong ? 'error' : 'failure', seconds)
    throw error
  }
  let found: Soon<User>
  try {
    found = find()
  } catch (error) {
    return refused(error, 0)
  }
  if (!(found instanceof Promise)) {
    instruments.authenticated(found, 0)
    return found
  }
  const began = clock.monotonic()
  const seconds = () => (clock.monotonic() - began) / 1000
  return found.then(
    (user) => {
      instruments.authenticated(user, seconds())
      return user
    },
    (error) => refused(error, seconds()),
  )
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
