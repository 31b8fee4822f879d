/** Who shows nothing is nobody in particular: last in the order. */
import type { User } from '../request.ts'
import type { Authenticator } from './authenticator.ts'

export const anonymous: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] }

export const anonymousAuthenticator: Authenticator = {
  name: 'anonymous',
  authenticate: () => anonymous,
}

/** Lets nobody in anonymously but to these paths (`anonymous.conditions` of the authentication configuration). */
export function anonymousOn(paths: readonly string[]): Authenticator {
  const allowed = new Set(paths)
  return { name: 'anonymous', authenticate: ({ path }) => (allowed.has(path) ? anonymous : undefined) }
}
