/**
 * Who may do what at a registry. Identities come from a client certificate, a password (Basic), or a token that was got with either
 * (the token flow of Docker's registries, distribution's `spec/auth/token`); requests without any are judged by where they come from.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Clock } from '#lib/clock.ts'
import { RegistryError } from './registry-error.ts'

export type Action = 'pull' | 'push' | 'delete'

export interface Rights {
  /** `''` is anybody. */
  readonly user: string
  may(action: Action, repository: string): boolean
}

export interface Caller {
  readonly authorization: string | undefined
  /** Address of the other side. */
  readonly address: string
  /** Of a client certificate that the registry's authority has signed. */
  readonly certificate: { readonly commonName: string; readonly organizations: readonly string[] } | undefined
}

export interface AccessOptions {
  readonly clock: Clock
  /** Signs tokens; a new one makes all older tokens void. */
  readonly secret: Uint8Array
  /** How callers are asked to show who they are; default with tokens. */
  readonly challenge?: 'bearer' | 'basic'
  /** What callers without any identity may do. */
  anonymous(address: string): Rights | undefined
  password(user: string, password: string): Promise<Rights | undefined>
  certificate(of: NonNullable<Caller['certificate']>): Rights | undefined
}

export interface Access {
  /** Throws UNAUTHORIZED with a challenge, or DENIED. */
  check(caller: Caller, wanted: { readonly action: Action; readonly repository: string }, realm: string): Promise<void>
  may(caller: Caller, action: Action, repository: string): Promise<boolean>
  /** For `/v2/`: whether the caller is anybody at all. */
  known(caller: Caller, realm: string): Promise<void>
  token(
    caller: Caller,
    scopes: readonly string[],
    realm: string,
  ): Promise<{ token: string; expires_in: number; issued_at: string }>
  /** Which of these repositories the caller may see. */
  visible(caller: Caller, repositories: readonly string[], realm: string): Promise<string[]>
}

const tokenSeconds = 300
const service = 'nami'

export const everything = (user: string): Rights => ({ user, may: () => true })
export const pulls = (user: string): Rights => ({ user, may: (action) => action === 'pull' })

export function createAccess(options: AccessOptions): Access {
  const { clock, secret } = options

  const rightsOf = async ({ authorization, address, certificate }: Caller): Promise<Rights | undefined> => {
    const [scheme = '', value = ''] = (authorization ?? '').split(/\s+/, 2)
    if (/^basic$/i.test(scheme)) {
      const [user = '', password = ''] = Buffer.from(value, 'base64').toString().split(/:(.*)/s)
      return options.password(user, password)
    }
    if (/^bearer$/i.test(scheme)) return verify(value, { secret, now: clock.now() })
    return (certificate && options.certificate(certificate)) ?? options.anonymous(address)
  }

  const challenge = (realm: string, wanted?: { action: Action; repository: string }) => {
    const scope = wanted && `repository:${wanted.repository}:${wanted.action === 'push' ? 'pull,push' : wanted.action}`
    const text =
      options.challenge === 'basic'
        ? `Basic realm="${service}"`
        : `Bearer realm="${realm}",service="${service}"${scope ? `,scope="${scope}"` : ''}`
    return new RegistryError('UNAUTHORIZED', 'authentication required', { headers: { 'www-authenticate': text } })
  }

  return {
    async check(caller, wanted, realm) {
      const rights = await rightsOf(caller)
      if (rights?.may(wanted.action, wanted.repository)) return
      // A token of too small a scope is to be replaced by one of a larger, hence 401 also for those who are known.
      if (!rights || rights.user === '' || /^bearer/i.test(caller.authorization ?? '')) throw challenge(realm, wanted)
      throw new RegistryError(
        'DENIED',
        `requested access to the resource is denied: ${rights.user} may not ${wanted.action} ${wanted.repository}`,
      )
    },
    may: async (caller, action, repository) => (await rightsOf(caller))?.may(action, repository) ?? false,
    async known(caller, realm) {
      if (!(await rightsOf(caller))) throw challenge(realm)
    },
    async token(caller, scopes, realm) {
      const rights = await rightsOf(caller)
      if (!rights) {
        throw new RegistryError('UNAUTHORIZED', 'authentication required', {
          headers: { 'www-authenticate': `Basic realm="${new URL(realm).host}"` },
        })
      }
      const now = Math.floor(clock.now() / 1000)
      const access = scopes.flatMap((scope) => grantOf(scope, rights))
      const payload = { iss: service, aud: service, sub: rights.user, iat: now, nbf: now - 60, exp: now + tokenSeconds, access }
      return { token: sign(payload, secret), expires_in: tokenSeconds, issued_at: new Date(now * 1000).toISOString() }
    },
    async visible(caller, repositories, realm) {
      const rights = await rightsOf(caller)
      if (!rights) throw challenge(realm)
      return repositories.filter((repository) => rights.may('pull', repository))
    },
  }
}

interface Grant {
  readonly type: 'repository'
  readonly name: string
  readonly actions: readonly Action[]
}

/** Of `repository:team/web:pull,push` what the rights cover. */
function grantOf(scope: string, rights: Rights): Grant[] {
  const [, name, list] = /^repository(?:\([^)]*\))?:(.+):([a-z,*]+)$/.exec(scope) ?? []
  if (!name || !list) return []
  const wanted = (list === '*' ? 'pull,push,delete' : list).split(',') as Action[]
  return [{ type: 'repository', name, actions: wanted.filter((action) => rights.may(action, name)) }]
}

function sign(payload: object, secret: Uint8Array): string {
  const text = [{ alg: 'HS256', typ: 'JWT' }, payload]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
}

function verify(token: string, { secret, now }: { secret: Uint8Array; now: number }): Rights | undefined {
  const [head = '', body = '', signature = ''] = token.split('.')
  const expected = createHmac('sha256', secret).update(`${head}.${body}`).digest()
  const given = Buffer.from(signature, 'base64url')
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined
  const payload = JSON.parse(Buffer.from(body, 'base64url').toString()) as {
    sub: string
    exp: number
    nbf: number
    access: Grant[]
  }
  if (payload.exp * 1000 <= now || payload.nbf * 1000 > now) return undefined
  return {
    user: payload.sub || 'token',
    may: (action, repository) => payload.access.some(({ name, actions }) => name === repository && actions.includes(action)),
  }
}
