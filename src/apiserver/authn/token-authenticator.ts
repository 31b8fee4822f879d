/** What turns a bearer token into a user: one file per kind of token. TokenReview asks them as well. */
import type { User } from '../request.ts'
import type { Witness } from './witness.ts'

export interface TokenIdentity {
  readonly user: User
  /** Those of the wanted audiences that the token is meant for. */
  readonly audiences: readonly string[]
}

/**
 * Answers undefined for a token that is not of its kind; throws when it is and is wrong. The error's message may be shown in a
 * TokenReview and holds nothing secret.
 */
export interface TokenAuthenticator {
  readonly name: string
  authenticateToken(token: string, audiences: readonly string[], witness?: Witness): Promise<TokenIdentity | undefined>
}
