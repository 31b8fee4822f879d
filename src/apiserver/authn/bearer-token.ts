/** Bearer tokens: finds the token in a request and asks each kind of token in turn (upstream `request/bearertoken`, `request/websocket`). */
import { StatusError } from '#schema/status-error.ts'
import type { Request, User } from '../request.ts'
import type { Authenticator } from './authenticator.ts'
import type { TokenAuthenticator, TokenIdentity } from './token-authenticator.ts'
import { type Witness, witnessOf } from './witness.ts'

/** `audiences` are those of the API server: a token for anybody else does not open it. */
export function bearerTokenAuthenticator(options: TokenOptions): Authenticator {
  return {
    name: 'bearer',
    authenticate(request) {
      const token = bearerToken(request)
      return token === undefined ? undefined : userOf(token, { ...options, witness: witnessOf(request) })
    },
  }
}

async function userOf(token: string, options: AskOptions): Promise<User> {
  try {
    const identity = await authenticateToken(token, options)
    if (identity) return identity.user
  } catch (cause) {
    throw new StatusError('Unauthorized', 'Unauthorized', { cause })
  }
  throw new StatusError('Unauthorized', 'Unauthorized', { cause: new Error('invalid bearer token') })
}

export interface TokenOptions {
  readonly tokens: readonly TokenAuthenticator[]
  readonly audiences: readonly string[]
}

export interface AskOptions extends TokenOptions {
  readonly witness?: Witness
}

/** The first that knows the token decides; an error stands only if no later one knows it. */
export async function authenticateToken(
  token: string,
  { tokens, audiences, witness }: AskOptions,
): Promise<TokenIdentity | undefined> {
  const errors: unknown[] = []
  for (const authenticator of tokens) {
    try {
      const identity = await authenticator.authenticateToken(token, audiences, witness)
      if (identity) return identity
    } catch (error) {
      errors.push(error)
    }
  }
  if (errors.length > 0) throw errors[0]
  return undefined
}

const subprotocol = 'base64url.bearer.authorization.k8s.io.'

/** From `Authorization`, or on a WebSocket (browsers cannot set headers there) from a subprotocol. */
export function bearerToken({ headers }: Request): string | undefined {
  const [scheme = '', token = ''] = (headers.authorization ?? '').trim().split(' ')
  if (scheme.toLowerCase() === 'bearer') return token || undefined
  if (headers.authorization || headers.upgrade?.toLowerCase() !== 'websocket') return undefined
  const protocols = (headers['sec-websocket-protocol'] ?? '').split(',').map((part) => part.trim())
  const encoded = protocols.filter((part) => part.startsWith(subprotocol)).map((part) => part.slice(subprotocol.length))
  if (encoded.length === 0) return undefined
  if (encoded.length > 1)
    throw new StatusError('Unauthorized', 'Unauthorized', {
      cause: new Error('multiple base64.bearer.authorization tokens specified'),
    })
  return Buffer.from(encoded[0] as string, 'base64url').toString() || undefined
}
