/** Service account tokens: the signer, what it promises in them, and the documents with which others verify them (KEP-1205, KEP-1393). */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import type { ServiceAccount } from '#api/core/v1/service-account.ts'
import type { Soon } from '#lib/soon.ts'
import { serviceAccountUsername } from './authn/service-account-user.ts'

export interface ServiceAccountTokenOptions {
  /** PKCS#8 or SEC1 PEM, RSA or P-256. */
  readonly privateKey: string
  /** PEM of keys that signed earlier tokens; a file may hold several. */
  readonly formerKeys?: readonly string[]
  /** Issuers that stood in earlier tokens. */
  readonly formerIssuers?: readonly string[]
  /** Seconds that a token lives at most; 0 or absent: whatever is asked for. */
  readonly maxExpirationSeconds?: number | undefined
  /** Whether tokens of pods live on for a year, with a warning; default true. */
  readonly extendsExpiration?: boolean | undefined
  /** `https://kubernetes.default.svc.cluster.local`. */
  readonly issuer: string
  /** Of the API server; default the issuer. */
  readonly audiences?: readonly string[]
  /** Where outsiders find the key set. */
  readonly jwksUri?: string
  /** Signs in place of `privateKey`, and has the keys of what it signed (KEP-740); tokens that lie in Secrets stay ours. */
  readonly external?: ExternalKeys | undefined
}

export interface ExternalKeys {
  /** Those that are known by now. */
  keys(): readonly ExternalKey[]
  /** Asks for them anew, where one is not known. */
  refresh(): Promise<void>
  /** The whole token, of claims in base64url. */
  sign(claims: string): Promise<string>
  /** Seconds that it lets a token live. */
  readonly maxExpirationSeconds: number
}

export interface ExternalKey {
  readonly id: string
  readonly publicKey: KeyObject
  /** Verifies what was signed once, and signs no more. */
  readonly isHidden: boolean
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

/** The claims of a token that lies in a Secret: it has no end, and no audience but the API server. */
export interface SecretTokenClaims {
  readonly sub: string
  readonly namespace: string
  readonly secretName: string
  readonly accountName: string
  readonly accountUid: string
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
  readonly maxExpirationSeconds: number
  readonly extendsExpiration: boolean
  /** Seconds that a token of a pod lives on for. */
  readonly extendedSeconds: number
  readonly audiences: readonly string[]
  createToken(serviceAccount: Pick<ServiceAccount, 'metadata'>, options: CreateTokenOptions): Soon<string>
  /** A token without end, good while the Secret holds it. */
  createSecretToken(serviceAccount: Pick<ServiceAccount, 'metadata'>, secret: { readonly name: string }): string
  /** Whether the token claims to be ours; nothing is verified. */
  isOurs(token: string): boolean
  /** The claims, once the signature is good; throws otherwise. Times and objects are the caller's to check. */
  verify(token: string): Soon<TokenClaims>
  /** Whether the token claims to lie in a Secret; nothing is verified. */
  isSecretToken(token: string): boolean
  /** The claims of such a token, once the signature is good; throws otherwise. */
  verifySecretToken(token: string): SecretTokenClaims
  /** The document at `/openid/v1/jwks`. */
  jwks(): { readonly keys: readonly object[] }
  /** The document at `/.well-known/openid-configuration`. */
  openidConfiguration(): object
}

export function serviceAccountTokens(options: ServiceAccountTokenOptions): ServiceAccountTokens {
  const { issuer, audiences = [issuer], jwksUri = `${issuer}/openid/v1/jwks` } = options
  const signer = signingKey(options.privateKey)
  const own = [signer, ...(options.formerKeys ?? []).flatMap(pemBlocks).map(verifyingKey)]
  const { external } = options
  const keysNow = () => (external ? [...external.keys().map(externalKey), ...own] : own)
  const published = () =>
    external
      ? external
          .keys()
          .filter(({ isHidden }) => !isHidden)
          .map(externalKey)
      : own
  const issuers = [issuer, ...(options.formerIssuers ?? [])]
  const verified = new Map<string, TokenClaims>()
  return {
    issuer,
    audiences,
    maxExpirationSeconds: options.maxExpirationSeconds || external?.maxExpirationSeconds || 0,
    extendedSeconds: Math.min(year, external?.maxExpirationSeconds ?? year),
    extendsExpiration: options.extendsExpiration ?? true,
    createToken(serviceAccount, wanted) {
      const claims = claimsFor(serviceAccount, { issuer, ...wanted })
      return external ? external.sign(encodedPart(claims)) : encode(signer, claims)
    },
    createSecretToken: (serviceAccount, secret) => encode(signer, secretTokenClaims(serviceAccount, secret.name)),
    isOurs: (token) => issuers.includes(peek(token)?.iss as string),
    verify(token) {
      const digest = createHash('sha256').update(token).digest('base64')
      const known = verified.get(digest)
      if (known) return known
      const checked = () => {
        const claims = checkShape(decode(keysNow(), token))
        if (verified.size >= rememberedTokens) verified.delete(verified.keys().next().value as string)
        verified.set(digest, claims)
        return claims
      }
      const isKnown = !external || keysNow().some(({ id }) => id === parse(token.split('.')[0] as string)?.kid)
      return isKnown ? checked() : external.refresh().then(checked)
    },
    isSecretToken: (token) => peek(token)?.iss === secretTokenIssuer,
    verifySecretToken: (token) => readSecretToken(decode(own, token)),
    jwks: () => ({ keys: published().map(jwk) }),
    openidConfiguration: () => ({
      issuer,
      jwks_uri: jwksUri,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: [...new Set(published().map(({ algorithm }) => algorithm))].sort(),
    }),
  }
}

const year = 365 * 24 * 3600

/** Signatures that need not be checked again; what a token grants is checked each time. */
const rememberedTokens = 4096

interface VerifyingKey {
  readonly id: string
  readonly algorithm: 'RS256' | 'ES256' | 'ES384' | 'ES512'
  readonly publicKey: KeyObject
}

interface SigningKey extends VerifyingKey {
  readonly privateKey: KeyObject
}

function signingKey(pem: string): SigningKey {
  const privateKey = createPrivateKey(pem)
  return { ...publicPart(createPublicKey(privateKey)), privateKey }
}

function pemBlocks(text: string): string[] {
  return text.match(/-----BEGIN [^-]+-----[^-]+-----END [^-]+-----/g) ?? []
}

function verifyingKey(pem: string): VerifyingKey {
  return publicPart(createPublicKey(pem))
}

/** The key's id is the hash of its SubjectPublicKeyInfo, as upstream derives it: anyone who has the key finds the same id. */
function publicPart(publicKey: KeyObject): VerifyingKey {
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const id = createHash('sha256').update(spki).digest('base64url')
  const algorithm = algorithmOf(publicKey)
  if (algorithm === 'RS256' || algorithm === 'ES256') return { id, algorithm, publicKey }
  throw new Error('unknown public key type, must be *rsa.PublicKey, *ecdsa.PublicKey, or jose.OpaqueSigner')
}

/** Others may sign with longer keys than ours. */
function externalKey({ id, publicKey }: ExternalKey): VerifyingKey {
  const algorithm = algorithmOf(publicKey)
  if (algorithm === undefined) throw new Error(`unknown public key type of key ${id}`)
  return { id, algorithm, publicKey }
}

const curves: Readonly<Record<string, VerifyingKey['algorithm']>> = {
  prime256v1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512',
}

function algorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): VerifyingKey['algorithm'] | undefined {
  if (asymmetricKeyType === 'rsa') return 'RS256'
  return asymmetricKeyType === 'ec' ? curves[asymmetricKeyDetails?.namedCurve ?? ''] : undefined
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

const secretTokenIssuer = 'kubernetes/serviceaccount'
const secretTokenClaim = {
  namespace: 'kubernetes.io/serviceaccount/namespace',
  secretName: 'kubernetes.io/serviceaccount/secret.name',
  accountName: 'kubernetes.io/serviceaccount/service-account.name',
  accountUid: 'kubernetes.io/serviceaccount/service-account.uid',
} as const

function secretTokenClaims({ metadata }: Pick<ServiceAccount, 'metadata'>, secretName: string): object {
  const namespace = metadata.namespace as string
  return {
    iss: secretTokenIssuer,
    [secretTokenClaim.namespace]: namespace,
    [secretTokenClaim.secretName]: secretName,
    [secretTokenClaim.accountName]: metadata.name,
    [secretTokenClaim.accountUid]: metadata.uid,
    sub: serviceAccountUsername(namespace, metadata.name),
  }
}

/** The texts are those of upstream's `pkg/serviceaccount/legacy.go`. */
function readSecretToken(claims: Record<string, any> | undefined): SecretTokenClaims {
  const text = (name: string, missing: string): string => {
    const value: unknown = claims?.[name]
    if (typeof value === 'string' && value !== '') return value
    throw new Error(missing)
  }
  const sub = text('sub', 'sub claim is missing')
  const namespace = text(secretTokenClaim.namespace, 'namespace claim is missing')
  const secretName = text(secretTokenClaim.secretName, 'secretName claim is missing')
  const accountName = text(secretTokenClaim.accountName, 'serviceAccountName claim is missing')
  const accountUid = text(secretTokenClaim.accountUid, 'serviceAccountUID claim is missing')
  if (sub !== serviceAccountUsername(namespace, accountName)) throw new Error('sub claim is invalid')
  return { sub, namespace, secretName, accountName, accountUid }
}

function encode(key: SigningKey, claims: object): string {
  const content = `${encodedPart({ alg: key.algorithm, kid: key.id })}.${encodedPart(claims)}`
  const signature = sign('sha256', Buffer.from(content), { key: key.privateKey, dsaEncoding: 'ieee-p1363' })
  return `${content}.${signature.toString('base64url')}`
}

function encodedPart(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

/** The algorithm is the key's, whatever the token says: a header cannot choose a weaker one. */
function decode(keys: readonly VerifyingKey[], token: string): Record<string, any> | undefined {
  const [header = '', payload = '', signature = ''] = token.split('.')
  const { alg, kid } = parse(header) ?? {}
  const content = Buffer.from(`${header}.${payload}`)
  const bytes = Buffer.from(signature, 'base64url')
  const named = keys.filter(({ id }) => id === kid)
  for (const { algorithm, publicKey } of named.length > 0 ? named : keys) {
    if (alg !== algorithm || !verify(`sha${algorithm.slice(2)}`, content, { key: publicKey, dsaEncoding: 'ieee-p1363' }, bytes))
      continue
    return parse(payload)
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
