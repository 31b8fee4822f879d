/** Who asks: authentication, then impersonation where the headers ask for it. */
import type { FeatureGates } from '#api/feature-gates.ts'
import type { Clock } from '#lib/clock.ts'
import { type Soon, then } from '#lib/soon.ts'
import { StatusError } from '#schema/status-error.ts'
import { authenticate as ask } from '../authn/authenticate.ts'
import type { Authenticator } from '../authn/authenticator.ts'
import { asksToImpersonate, impersonate as wanted } from '../authn/impersonate.ts'
import { impersonationModes } from '../authn/impersonation-modes.ts'
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
    let known: Soon<User>
    try {
      known = ask(authenticators, request)
    } catch (error) {
      instruments.notAuthenticated(resultOf(error), 0)
      throw error
    }
    if (known instanceof Promise) {
      return later(known, clock, instruments).then((user) => {
        request.user = user
        return next(request)
      })
    }
    // What is known at once takes no time worth telling.
    instruments.authenticated(known, 0)
    request.user = known
    return next(request)
  }
}

function later(known: Promise<User>, clock: Clock, instruments: RequestInstruments): Promise<User> {
  const began = clock.monotonic()
  const seconds = () => (clock.monotonic() - began) / 1000
  return known.then(
    (user) => {
      instruments.authenticated(user, seconds())
      return user
    },
    (error) => {
      instruments.notAuthenticated(resultOf(error), seconds())
      throw error
    },
  )
}

function resultOf(error: unknown): 'error' | 'failure' {
  return error instanceof StatusError && error.cause !== undefined ? 'error' : 'failure'
}

export function impersonate(authorizer: Authorizer, { clock, gates }: { clock: Clock; gates: FeatureGates }): Stage {
  const modes = gates.isOn('ConstrainedImpersonation') ? impersonationModes : impersonationModes.slice(-1)
  return (request, next) => {
    if (request.origin.type !== 'network' || !asksToImpersonate(request.headers)) return next(request)
    const began = clock.monotonic()
    const asked = wanted(request, { attributes: attributesOf(request), authorizer, modes })
    const decided = asked.finally(() => request.audit?.took('impersonation', clock.monotonic() - began))
    return decided.then((impersonated) => {
      if (impersonated) {
        request.audit?.impersonated(impersonated.user, impersonated.constraint)
        request.user = impersonated.user
      }
      return next(request)
    })
  }
}
