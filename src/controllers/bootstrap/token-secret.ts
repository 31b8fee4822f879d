/** Bootstrap tokens as Secrets of `kube-system` (k8s.io/cluster-bootstrap `token/api`, `util/secrets`). */
import type { Secret } from '#api/core/v1/secret.ts'

export const tokenType = 'bootstrap.kubernetes.io/token'

export interface TokenForSigning {
  readonly id: string
  readonly secret: string
}

export function isTokenSecret({ metadata, type }: Secret): boolean {
  return type === tokenType && metadata.namespace === 'kube-system'
}

/** What signs with this token; undefined where it is incomplete, past, misnamed or not for signing. */
export function signingToken(secret: Secret, now: number): TokenForSigning | undefined {
  const [, named] = /^bootstrap-token-([a-z0-9]{6})$/.exec(secret.metadata.name) ?? []
  const id = fieldOf(secret, 'token-id')
  const key = fieldOf(secret, 'token-secret')
  if (!isTokenSecret(secret) || !id || !key || id !== named || hasExpired(secret, now)) return undefined
  return fieldOf(secret, 'usage-bootstrap-signing') === 'true' ? { id, secret: key } : undefined
}

/** Milliseconds since the epoch; undefined for a token without end. What cannot be read is past. */
export function expiryOf(secret: Secret): number | undefined {
  const text = fieldOf(secret, 'expiration')
  if (!text) return undefined
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(time) ? 0 : time
}

export function hasExpired(secret: Secret, now: number): boolean {
  const expiry = expiryOf(secret)
  return expiry !== undefined && expiry <= now
}

function fieldOf({ data }: Secret, name: string): string {
  return Buffer.from(data?.[name] ?? '', 'base64').toString()
}
