/** Asks the authenticators in order who sends a request, and adds the groups that everybody is in. */
import { StatusError } from '#schema/status-error.ts'
import type { Request, User } from '../request.ts'
import { anonymous, anonymousAuthenticator } from './anonymous.ts'
import type { Authenticator } from './authenticator.ts'

/**
 * In-process callers come with their identity. Of the network's, the first authenticator that knows the caller decides. Wrong
 * credentials make nobody anonymous: they are a 401 unless another authenticator knows the caller.
 */
export async function authenticate(authenticators: readonly Authenticator[], request: Request): Promise<User> {
  if (request.origin.type === 'in-process') return withAuthenticatedGroup(request.origin.user)
  let failure: unknown
  for (const authenticator of authenticators) {
    if (failure !== undefined && authenticator === anonymousAuthenticator) break
    try {
      const user = await authenticator.authenticate(request)
      if (user) return withAuthenticatedGroup(user)
    } catch (error) {
      failure ??= error
    }
  }
  throw new StatusError('Unauthorized', 'Unauthorized', { cause: failure })
}

/** Upstream's `AuthenticatedGroupAdder`. */
export function withAuthenticatedGroup(user: User): User {
  if (user.name === anonymous.name) return user
  if (user.groups.includes('system:authenticated') || user.groups.includes('system:unauthenticated')) return user
  return { ...user, groups: [...user.groups, 'system:authenticated'] }
}
