/** Tokens that lie in Secrets: good while the Secret holds them and nobody has called them invalid (upstream `pkg/serviceaccount/legacy.go`). */
import { Secret } from '#api/core/v1/secret.ts'
import { ServiceAccount } from '#api/core/v1/service-account.ts'
import type { Client } from '#client/client.ts'
import type { Clock } from '#lib/clock.ts'
import { hasReason } from '#schema/status-error.ts'
import type { Lister } from '../admission/plugin.ts'
import type { SecretTokenClaims, ServiceAccountTokens } from '../service-account-tokens.ts'
import { sameText } from './bootstrap-token.ts'
import { serviceAccountUser } from './service-account-user.ts'
import type { TokenAuthenticator } from './token-authenticator.ts'

export interface SecretTokenOptions {
  readonly keys: ServiceAccountTokens
  readonly lister: Lister
  readonly client: Client
  readonly clock: Clock
}

const lastUsedKey = 'kubernetes.io/legacy-token-last-used'
const invalidSinceKey = 'kubernetes.io/legacy-token-invalid-since'

export function secretTokenAuthenticator(options: SecretTokenOptions): TokenAuthenticator {
  const { keys } = options
  return {
    name: 'secret-token',
    async authenticateToken(token, wanted) {
      if (!keys.isSecretToken(token)) return undefined
      const claims = keys.verifySecretToken(token)
      const { namespace, accountName: name, accountUid: uid } = claims
      const secret = await checkSecret(token, claims, options)
      await checkAccount(claims, options)
      await checkUse(secret, claims, options)
      const audiences = keys.audiences.filter((audience) => wanted.includes(audience))
      return { user: serviceAccountUser({ namespace, name, uid }), audiences }
    },
  }
}

async function checkSecret(token: string, claims: SecretTokenClaims, { lister, client }: SecretTokenOptions): Promise<Secret> {
  const { namespace, secretName: name } = claims
  const secret = lister.get(Secret, name, namespace) ?? (await client.get(Secret, { name, namespace }).catch(() => undefined))
  if (!secret || secret.metadata.deletionTimestamp) throw new Error('Token has been invalidated')
  const held = Buffer.from(secret.data?.token ?? '', 'base64').toString()
  if (!sameText(held, token)) throw new Error("Token does not match server's copy")
  return secret
}

async function checkAccount({ namespace, accountName: name, accountUid }: SecretTokenClaims, options: SecretTokenOptions) {
  const { lister, client } = options
  const account = lister.get(ServiceAccount, name, namespace) ?? (await client.get(ServiceAccount, { name, namespace }))
  const { uid, deletionTimestamp } = account.metadata
  if (deletionTimestamp) throw new Error(`ServiceAccount ${namespace}/${name} has been deleted`)
  if (uid !== accountUid) throw new Error(`ServiceAccount UID (${uid}) does not match claim (${accountUid})`)
}

/** A token that was called invalid is; else the day of its use is written down, once a day. */
async function checkUse(
  { metadata }: Secret,
  { namespace, secretName, accountName }: SecretTokenClaims,
  options: SecretTokenOptions,
) {
  const { [invalidSinceKey]: invalidSince, [lastUsedKey]: lastUsed } = metadata.labels ?? {}
  if (invalidSince) {
    const whose = `the token in secret ${namespace}/${secretName} for service account ${namespace}/${accountName}`
    const cure = `or remove the '${invalidSinceKey}' label from the secret to temporarily allow use of this token`
    throw new Error(
      `${whose} has been marked invalid. Use tokens from the TokenRequest API or manually created secret-based tokens, ${cure}`,
    )
  }
  const today = new Date(options.clock.now()).toISOString().slice(0, 10)
  if (lastUsed === today) return
  const body = { metadata: { uid: metadata.uid, labels: { [lastUsedKey]: today } } }
  try {
    await options.client.patch(Secret, { name: secretName, namespace }, { type: 'merge', body })
  } catch (error) {
    // Somebody else has written it, or it is gone: the next use will tell.
    if (!hasReason(error, 'Conflict', 'NotFound')) throw error
  }
}
