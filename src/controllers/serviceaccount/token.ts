/** ServiceAccount tokens in Secrets: filled in where somebody asks for one, and gone with their account (upstream `tokens_controller.go`). */
import { Secret } from '#api/core/v1/secret.ts'
import { ServiceAccount } from '#api/core/v1/service-account.ts'
import { edit } from '#client/client.ts'
import { hasReason } from '#schema/status-error.ts'
import { type Caches, type Controller, defineController } from '../runtime/controller.ts'
import { accountOf, isFor, tokenType, uidKey } from './token-secret.ts'

export interface TokenSigner {
  /** A token without end that names the Secret it lies in. */
  createSecretToken(account: Pick<ServiceAccount, 'metadata'>, secret: { readonly name: string }): string
}

export interface ServiceAccountTokenOptions {
  readonly signer: TokenSigner
  /** PEM, for clients that hold the token. */
  readonly rootCa: string | undefined
}

export function serviceAccountTokenController({ signer, rootCa }: ServiceAccountTokenOptions): Controller {
  return defineController({
    name: 'serviceaccount-token-controller',
    account: 'tokens-controller',
    for: Secret,
    reads: [ServiceAccount],
    writes: [Secret, ServiceAccount],
    when: ({ object, old }) => (object ?? old)?.type === tokenType,
    watches: [
      {
        kind: ServiceAccount,
        when: ({ object, old }) => !object || !old,
        visits: ({ metadata: { namespace, name } }: ServiceAccount, caches: Caches<typeof Secret>) =>
          caches
            .list(Secret, { namespace })
            .filter((secret) => accountOf(secret)?.name === name)
            .map(({ metadata }) => metadata),
      },
      {
        // A Secret that went leaves its name in the account.
        kind: Secret,
        when: ({ object, old }) => !object && old?.type === tokenType,
        visits: ({ metadata }: Secret) => [metadata],
      },
    ],

    async reconcile(secret, cluster) {
      const at = accountOf(secret)
      if (!at || secret.metadata.deletionTimestamp) return
      const account = cluster.get(ServiceAccount, at) ?? (await liveAccount())
      if (!account || !isFor(secret, account)) return cluster.delete(Secret, secret)
      const next = planTokenSecret(secret, { account, signer, rootCa })
      if (next) await cluster.update(Secret, next)

      // The cache may not have heard of an account that was made just before.
      async function liveAccount(): Promise<ServiceAccount | undefined> {
        try {
          return await cluster.live.get(ServiceAccount, at as { name: string })
        } catch (error) {
          if (hasReason(error, 'NotFound')) return undefined
          throw error
        }
      }
    },

    async reconcileAbsent({ name, namespace }, cluster) {
      for (const account of cluster.list(ServiceAccount, { namespace })) {
        if (!account.secrets?.some((reference) => reference.name === name)) continue
        const next = edit(account)
        next.secrets = account.secrets.filter((reference) => reference.name !== name)
        await cluster.update(ServiceAccount, next)
      }
    },
  })
}

/** The Secret with what it lacks; undefined where it lacks nothing. */
export function planTokenSecret(
  secret: Secret,
  { account, signer, rootCa }: ServiceAccountTokenOptions & { readonly account: ServiceAccount },
): Secret | undefined {
  const data = secret.data ?? {}
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  const ca = rootCa && base64(rootCa)
  const lacksCa = ca !== undefined && ca !== '' && data['ca.crt'] !== ca
  const uid = secret.metadata.annotations?.[uidKey]
  if (!lacksCa && data.namespace && data.token && uid) return undefined
  const { namespace = '' } = account.metadata
  return {
    ...secret,
    metadata: { ...secret.metadata, annotations: { ...secret.metadata.annotations, [uidKey]: account.metadata.uid } },
    data: {
      ...data,
      ...(lacksCa && { 'ca.crt': ca }),
      ...(!data.namespace && { namespace: base64(namespace) }),
      ...(!data.token && { token: base64(signer.createSecretToken(account, secret.metadata)) }),
    },
  }
}
