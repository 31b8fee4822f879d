/** Who shows nothing is nobody in particular: last in the order. */
import type { User } from '../request.ts'
import type { Authenticator } from './authenticator.ts'

export const anonymous: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] }

export const anonymousAuthenticator: Authenticator = {
  name: 'anonymous',
  authenticate: () => anonymous,
}
