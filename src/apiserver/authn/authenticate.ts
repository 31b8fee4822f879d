/** Asks the authenticators in order who sends a request, and adds the groups that everybody is in. */
import type { Soon } from '#lib/soon.ts'
import { StatusError } from '#schema/status-error.ts'
import type { Request, User } from '../request.ts'
import { anonymous, anonymousAuthenticator } from './anonymous.ts'
import type { Authenticator } from './authenticator.ts'

/**
 * In-process callers come with their identity. Of the network's, the first authenticator that knows the caller decides. Wrong
 * credentials make nobody anonymous: they are a 401 unless another authenticator knows the caller.
 */
export function authenticate(authenticators: readonly Authenticator[], request: Request): Soon<User> {
  if (request.origin.type === 'in-process') return withAuthenticatedGroup(request.origin.user)
  return ask(authenticators, request, { from: 0, failure: undefined })
}

interface Asked {
  /** The first that is still to be asked. */
  readonly from: number
  /** What the first that refused said. */
  readonly failure: unknown
}

function ask(authenticators: readonly Authenticator[], request: Request, { from, failure: earlier }: Asked): Soon<User> {
  let failure = earlier
  for (let i = from; i < authenticators.length; i++) {
    const authenticator = authenticators[i] as Authenticator
    if (failure !== undefined && authenticator.name === anonymousAuthenticator.name) break
    try {
      const user = authenticator.authenticate(request)
      if (user instanceof Promise) {
        const others = (why: unknown) => ask(authenticators, request, { from: i + 1, failure: failure ?? why })
        return user.then((known) => (known ? withAuthenticatedGroup(known) : others(undefined)), others)
      }
      if (user) return withAuthenticatedGroup(user)
    } catch (error) {
      failure ??= error
    }
  }
  throw new StatusError('Unauthorized', 'Unauthorized', { cause: failure })
}

/** The same user object with that group is given out again: what others remember of a user they remember by it. */
const grouped = new WeakMap<User, User>()

/** Upstream's `AuthenticatedGroupAdder`. */
export function withAuthenticatedGroup(user: User): User {
  let known = grouped.get(user)
  if (!known) grouped.set(user, (known = withGroup(user)))
  return known
}

function withGroup(user: User): User {
  if (user.name === anonymous.name) return user
  if (user.groups.includes('system:authenticated') || user.groups.includes('system:unauthenticated')) return user
  return { ...user, groups: [...user.groups, 'system:authenticated'] }
}
