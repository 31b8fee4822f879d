/** JWTs: their parts, and whether a key signed them (RFC 7515, RFC 7518). */
import { constants, type KeyObject, verify } from 'node:crypto'

export interface Jwt {
  readonly header: { readonly alg?: string; readonly kid?: string }
  readonly claims: Readonly<Record<string, unknown>>
  readonly signed: Buffer
  readonly signature: Buffer
}

/** Undefined where the text is no JWT. */
export function parseJwt(token: string): Jwt | undefined {
  const parts = token.split('.')
  if (parts.length !== 3) return undefined
  const [header = '', claims = '', signature = ''] = parts
  try {
    const read = (text: string) => JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
    const jwt = { header: read(header), claims: read(claims) }
    if (typeof jwt.header !== 'object' || jwt.header === null || typeof jwt.claims !== 'object' || jwt.claims === null)
      return undefined
    return { ...jwt, signed: Buffer.from(`${header}.${claims}`), signature: Buffer.from(signature, 'base64url') }
  } catch {
    return undefined
  }
}

const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
const ecdsa = { dsaEncoding: 'ieee-p1363' } as const

/** Upstream's `AllValidSigningAlgorithms`, and what each of them asks of a key. */
const algorithms: Readonly<Record<string, { hash: string; type: string; curve?: string; options?: object }>> = {
  RS256: { hash: 'sha256', type: 'rsa' },
  RS384: { hash: 'sha384', type: 'rsa' },
  RS512: { hash: 'sha512', type: 'rsa' },
  ES256: { hash: 'sha256', type: 'ec', curve: 'prime256v1', options: ecdsa },
  ES384: { hash: 'sha384', type: 'ec', curve: 'secp384r1', options: ecdsa },
  ES512: { hash: 'sha512', type: 'ec', curve: 'secp521r1', options: ecdsa },
  PS256: { hash: 'sha256', type: 'rsa', options: pss },
  PS384: { hash: 'sha384', type: 'rsa', options: pss },
  PS512: { hash: 'sha512', type: 'rsa', options: pss },
}

export const signingAlgorithms: readonly string[] = Object.keys(algorithms)

/** The key decides what it may be used for, never the token alone. */
export function isSignedBy({ header, signed, signature }: Jwt, key: KeyObject): boolean {
  const algorithm = algorithms[header.alg ?? '']
  if (!algorithm || key.asymmetricKeyType !== algorithm.type) return false
  if (algorithm.curve && key.asymmetricKeyDetails?.namedCurve !== algorithm.curve) return false
  return verify(algorithm.hash, signed, { key, ...algorithm.options }, signature)
}
