/** Service account tokens: the signer, what it promises in them, and the documents with which others verify them (KEP-1205, KEP-1393). */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import type { ServiceAccount } from '#api/core/v1/service-account.ts'
import { serviceAccountUsername } from './authn/service-account-user.ts'

export interface ServiceAccountTokenOptions {
  /** PKCS#8 or SEC1 PEM, RSA or P-256. */
  readonly privateKey: string
  /** PEM of keys that signed earlier tokens. */
  readonly formerKeys?: readonly string[]
  /** `https://kubernetes.default.svc.cluster.local`. */
  readonly issuer: string
  /** Of the API server; default the issuer. */
  readonly audiences?: readonly string[]
  /** Where outsiders find the key set. */
  readonly jwksUri?: string
}

interface NameAndUid {
  readonly name: string
  readonly uid: string
}

/** The claims of a token; times in seconds. */
export interface TokenClaims {
  readonly aud: readonly string[]
  readonly exp?: number
  readonly iat?: number
  readonly iss: string
  readonly jti?: string
  readonly 'kubernetes.io': {
    readonly namespace: string
    readonly node?: { readonly name: string; readonly uid?: string }
    readonly pod?: NameAndUid
    readonly secret?: NameAndUid
    readonly serviceaccount: NameAndUid
    readonly warnafter?: number
  }
  readonly nbf?: number
  readonly sub: string
}

export interface CreateTokenOptions {
  readonly audiences: readonly string[]
  readonly expirationSeconds: number
  /** The token dies with it. */
  readonly boundObjectRef?: { readonly kind: 'Pod' | 'Secret' | 'Node'; readonly name: string; readonly uid: string } | undefined
  /** Of a token bound to a pod: where the pod runs. */
  readonly node?: { readonly name: string; readonly uid?: string | undefined } | undefined
  /** Seconds after which use of the token counts as stale. */
  readonly warnAfterSeconds?: number | undefined
  /** Milliseconds since the epoch. */
  readonly now: number
  /** A UUID of its own. */
  readonly jti: string
}

export interface ServiceAccountTokens {
  readonly issuer: string
  readonly audiences: readonly string[]
  createToken(serviceAccount: Pick<ServiceAccount, 'metadata'>, options: CreateTokenOptions): string
  /** Whether the token claims to be ours; nothing is verified. */
  isOurs(token: string): boolean
  /** The claims, once the signature is good; throws otherwise. Times and objects are the caller's to check. */
  verify(token: string): TokenClaims
  /** The document at `/openid/v1/jwks`. */
  jwks(): { readonly keys: readonly object[] }
  /** The document at `/.well-known/openid-configuration`. */
  openidConfiguration(): object
}

export function serviceAccountTokens(options: ServiceAccountTokenOptions): ServiceAccountTokens {
  const { issuer, audiences = [issuer], jwksUri = `${issuer}/openid/v1/jwks` } = options
  const signer = signingKey(options.privateKey)
  const keys = [signer, ...(options.formerKeys ?? []).map(verifyingKey)]
  const verified = new Map<string, TokenClaims>()
  return {
    issuer,
    audiences,
    createToken: (serviceAccount, wanted) => encode(signer, claimsFor(serviceAccount, { issuer, ...wanted })),
    isOurs: (token) => peek(token)?.iss === issuer,
    verify(token) {
      const digest = createHash('sha256').update(token).digest('base64')
      const known = verified.get(digest)
      if (known) return known
      const claims = decode(keys, token)
      if (verified.size >= rememberedTokens) verified.delete(verified.keys().next().value as string)
      verified.set(digest, claims)
      return claims
    },
    jwks: () => ({ keys: keys.map(jwk) }),
    openidConfiguration: () => ({
      issuer,
      jwks_uri: jwksUri,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: [...new Set(keys.map(({ algorithm }) => algorithm))].sort(),
    }),
  }
}

/** Signatures that need not be checked again; what a token grants is checked each time. */
const rememberedTokens = 4096

interface VerifyingKey {
  readonly id: string
  readonly algorithm: 'RS256' | 'ES256'
  readonly publicKey: KeyObject
}

interface SigningKey extends VerifyingKey {
  readonly privateKey: KeyObject
}

function signingKey(pem: string): SigningKey {
  const privateKey = createPrivateKey(pem)
  return { ...publicPart(createPublicKey(privateKey)), privateKey }
}

function verifyingKey(pem: string): VerifyingKey {
  return publicPart(createPublicKey(pem))
}

/** The key's id is the hash of its SubjectPublicKeyInfo, as upstream derives it: anyone who has the key finds the same id. */
function publicPart(publicKey: KeyObject): VerifyingKey {
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const id = createHash('sha256').update(spki).digest('base64url')
  if (publicKey.asymmetricKeyType === 'rsa') return { id, algorithm: 'RS256', publicKey }
  const curve = publicKey.asymmetricKeyDetails?.namedCurve
  if (publicKey.asymmetricKeyType === 'ec' && curve === 'prime256v1') return { id, algorithm: 'ES256', publicKey }
  throw new Error('unknown public key type, must be *rsa.PublicKey, *ecdsa.PublicKey, or jose.OpaqueSigner')
}

function claimsFor(
  { metadata }: Pick<ServiceAccount, 'metadata'>,
  {
    issuer,
    audiences,
    expirationSeconds,
    boundObjectRef,
    node,
    warnAfterSeconds,
    now,
    jti,
  }: CreateTokenOptions & { issuer: string },
): TokenClaims {
  const seconds = Math.floor(now / 1000)
  const bound = boundObjectRef && { name: boundObjectRef.name, uid: boundObjectRef.uid }
  const inferred = boundObjectRef?.kind === 'Pod' && node ? { name: node.name, ...(node.uid && { uid: node.uid }) } : undefined
  const namespace = metadata.namespace as string
  return {
    aud: audiences,
    exp: seconds + expirationSeconds,
    iat: seconds,
    iss: issuer,
    jti,
    'kubernetes.io': {
      namespace,
      ...(boundObjectRef?.kind === 'Node' && { node: bound as NameAndUid }),
      ...(inferred && { node: inferred }),
      ...(boundObjectRef?.kind === 'Pod' && { pod: bound as NameAndUid }),
      ...(boundObjectRef?.kind === 'Secret' && { secret: bound as NameAndUid }),
      serviceaccount: { name: metadata.name, uid: metadata.uid },
      ...(warnAfterSeconds && { warnafter: seconds + warnAfterSeconds }),
    },
    nbf: seconds,
    sub: serviceAccountUsername(namespace, metadata.name),
  }
}

function encode(key: SigningKey, claims: TokenClaims): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const content = `${part({ alg: key.algorithm, kid: key.id })}.${part(claims)}`
  const signature = sign('sha256', Buffer.from(content), { key: key.privateKey, dsaEncoding: 'ieee-p1363' })
  return `${content}.${signature.toString('base64url')}`
}

/** The algorithm is the key's, whatever the token says: a header cannot choose a weaker one. */
function decode(keys: readonly VerifyingKey[], token: string): TokenClaims {
  const [header = '', payload = '', signature = ''] = token.split('.')
  const { alg, kid } = parse(header) ?? {}
  const content = Buffer.from(`${header}.${payload}`)
  const bytes = Buffer.from(signature, 'base64url')
  const named = keys.filter(({ id }) => id === kid)
  for (const { algorithm, publicKey } of named.length > 0 ? named : keys) {
    if (alg !== algorithm || !verify('sha256', content, { key: publicKey, dsaEncoding: 'ieee-p1363' }, bytes)) continue
    return checkShape(parse(payload))
  }
  throw new Error('failed to verify token signature')
}

/** Unverified claims, to see whether a token is meant for us at all. */
function peek(token: string): Record<string, unknown> | undefined {
  const parts = token.split('.')
  return parts.length === 3 ? parse(parts[1] as string) : undefined
}

function parse(part: string): Record<string, any> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString())
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

function checkShape(claims: Record<string, any> | undefined): TokenClaims {
  const { namespace, serviceaccount } = claims?.['kubernetes.io'] ?? {}
  if (typeof namespace !== 'string' || typeof serviceaccount?.name !== 'string' || typeof serviceaccount?.uid !== 'string') {
    throw new Error('service account token claims could not be validated due to unexpected validation error')
  }
  const { aud } = claims as { aud?: string | string[] }
  return { ...(claims as TokenClaims), aud: typeof aud === 'string' ? [aud] : (aud ?? []) }
}

function jwk({ id, algorithm, publicKey }: VerifyingKey): object {
  const { kty, n, e, crv, x, y } = publicKey.export({ format: 'jwk' })
  const material = kty === 'RSA' ? { n, e } : { x, y }
  return { use: 'sig', kty, kid: id, ...(crv && { crv }), alg: algorithm, ...material }
}
