/** Tokens that the server was started with, kept as hashes in memory only. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { User } from '../request.ts'
import type { TokenAuthenticator } from './token-authenticator.ts'

export interface StaticToken {
  readonly token: string
  readonly user: User
}

/** `--token-auth-file`: a line of CSV for each, token, user, UID and optionally groups, of which several stand in quotes. */
export function parseTokenFile(text: string): readonly StaticToken[] {
  return text.split(/\r?\n/).flatMap((line, i) => {
    if (line.trim() === '') return []
    const columns = columnsOf(line)
    if (columns.length < 3) {
      throw new Error(`token file must have at least 3 columns (token, user name, user uid), found ${columns.length}`)
    }
    const [token = '', name = '', uid = '', groups = ''] = columns
    if (token === '') throw new Error(`empty token has been found in token file, line ${i + 1}`)
    const user = { name, groups: groups ? groups.split(',').map((group) => group.trim()) : [], ...(uid && { uid }) }
    return [{ token, user }]
  })
}

function columnsOf(line: string): string[] {
  const columns = line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)
  return [...columns].map(([, quoted, plain = '']) => (quoted === undefined ? plain.trim() : quoted.replaceAll('""', '"')))
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
