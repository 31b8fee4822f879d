/** Authentication: who sends this? One file per authenticator in this folder; `authenticate.ts` asks them in order. */
import type { Soon } from '#lib/soon.ts'
import type { Request, User } from '../request.ts'

/**
 * Answers the user, or undefined when the request carries nothing this authenticator knows. Throws
 * StatusError('Unauthorized') when it carries something that is wrong. Never logs what it was given.
 */
export interface Authenticator {
  readonly name: string
  authenticate(request: Request): Soon<User | undefined>
}
