/** Whether a JWT is what it says: of this issuer, for this server, in time, and signed. */
import type { Clock } from '#lib/clock.ts'
import { IssuerKeys } from './issuer-keys.ts'
import { isSignedBy, type Jwt, signingAlgorithms } from './signature.ts'

export type Claims = Jwt['claims']

export interface JwtVerifier {
  /** Rejects with go-oidc's texts. Whose token it is has been looked at. */
  verify(jwt: Jwt): Promise<void>
}

export interface VerifierOptions {
  readonly issuer: string
  readonly discoveryUrl?: string | undefined
  readonly ca?: string | undefined
  readonly audiences: readonly string[]
  readonly algorithms?: readonly string[] | undefined
  readonly clock: Clock
}

export function jwtVerifier({ audiences, algorithms = signingAlgorithms, clock, ...options }: VerifierOptions): JwtVerifier {
  const keys = new IssuerKeys({ ...options, clock })
  return {
    async verify(jwt) {
      const { alg = '', kid } = jwt.header
      if (!algorithms.includes(alg)) {
        const expected = `expected [${algorithms.join(' ')}]`
        throw new Error(`oidc: malformed jwt: unexpected signature algorithm ${JSON.stringify(alg)}; ${expected}`)
      }
      checkClaims(jwt.claims, audiences, clock.now())
      const isSigned = async () =>
        (await keys.candidates(kid)).some(
          (one) => (one.algorithm === undefined || one.algorithm === alg) && isSignedBy(jwt, one.key),
        )
      if (await isSigned()) return
      if ((await keys.refresh()) && (await isSigned())) return
      throw new Error('failed to verify signature: failed to verify id token signature')
    },
  }
}

/** Go's clock skew for `nbf` (go-oidc), in milliseconds. */
const leeway = 300_000

function checkClaims({ aud, exp, nbf }: Claims, audiences: readonly string[], now: number): void {
  const given = (Array.isArray(aud) ? aud : [aud]) as unknown[]
  if (!audiences.some((audience) => given.includes(audience))) {
    const shown = given.map((one) => JSON.stringify(one)).join(' ')
    const wanted = audiences.map((one) => JSON.stringify(one)).join(' ')
    throw new Error(`oidc: expected audience in [${wanted}] got [${shown}]`)
  }
  if (typeof exp !== 'number' || now > exp * 1000) {
    const at = typeof exp === 'number' ? new Date(exp * 1000).toISOString() : '0001-01-01T00:00:00Z'
    throw new Error(`oidc: token is expired (Token Expiry: ${at})`)
  }
  if (typeof nbf === 'number' && now + leeway < nbf * 1000) {
    throw new Error(`oidc: current time before the nbf (not before) time: ${new Date(nbf * 1000).toISOString()}`)
  }
}
