/** Tokens that the server was started with, kept as hashes in memory only. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { User } from '../request.ts'
import type { TokenAuthenticator } from './token-authenticator.ts'

export interface StaticToken {
  readonly token: string
  readonly user: User
}

/** Every token is compared with every hash, so the time taken says nothing about any of them. */
export function staticTokenAuthenticator(tokens: readonly StaticToken[], audiences: readonly string[]): TokenAuthenticator {
  const known = tokens.map(({ token, user }) => ({ hash: digest(token), user }))
  return {
    name: 'tokenfile',
    async authenticateToken(token, wanted) {
      const hash = digest(token)
      let found: User | undefined
      for (const { hash: other, user } of known) if (timingSafeEqual(hash, other)) found = user
      const granted = audiences.filter((audience) => wanted.includes(audience))
      return found && granted.length > 0 ? { user: found, audiences: granted } : undefined
    },
  }
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
