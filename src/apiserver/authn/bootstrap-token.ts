/** Bootstrap tokens, with which a node joins: `id.secret`, kept as Secrets in kube-system (upstream `auth/authenticator/token/bootstrap`). */
import { timingSafeEqual } from 'node:crypto'
import { Secret } from '#api/core/v1/secret.ts'
import type { Clock } from '#lib/clock.ts'
import type { Lister } from '../admission/plugin.ts'
import type { TokenAuthenticator } from './token-authenticator.ts'

export interface BootstrapTokenOptions {
  readonly lister: Lister
  readonly clock: Clock
  readonly audiences: readonly string[]
}

const pattern = /^([a-z0-9]{6})\.([a-z0-9]{16})$/
const groupPattern = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/

/** A token that is expired, disabled or unknown is nobody's: no error tells which. */
export function bootstrapTokenAuthenticator({ lister, clock, audiences }: BootstrapTokenOptions): TokenAuthenticator {
  return {
    name: 'bootstrap',
    async authenticateToken(token, wanted) {
      const [, id, secret] = pattern.exec(token) ?? []
      if (!id || !secret) return undefined
      const object = lister.get(Secret, `bootstrap-token-${id}`, 'kube-system')
      if (!object || object.metadata.deletionTimestamp || object.type !== 'bootstrap.kubernetes.io/token') return undefined
      const field = (name: string) => Buffer.from(object.data?.[name] ?? '', 'base64').toString()
      if (field('token-id') !== id || !sameText(field('token-secret'), secret)) return undefined
      if (isExpired(field('expiration'), clock.now()) || field('usage-bootstrap-authentication') !== 'true') return undefined
      const groups = bootstrapGroups(field('auth-extra-groups'))
      if (!groups) return undefined
      const granted = audiences.filter((audience) => wanted.includes(audience))
      if (granted.length === 0) return undefined
      return { user: { name: `system:bootstrap:${id}`, groups }, audiences: granted }
    },
  }
}

/** Undefined when one of the extra groups is not a bootstrapper's. */
export function bootstrapGroups(extra: string): string[] | undefined {
  const groups = extra ? extra.split(',') : []
  if (!groups.every((group) => groupPattern.test(group))) return undefined
  return [...new Set(['system:bootstrappers', ...groups])].sort()
}

/** An expiration that cannot be read counts as past. */
function isExpired(expiration: string, now: number): boolean {
  if (!expiration) return false
  const at = Date.parse(expiration)
  return Number.isNaN(at) || now > at
}

/** In a time that does not depend on where they differ. */
export function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
