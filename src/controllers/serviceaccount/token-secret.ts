/** Secrets that hold a token of a ServiceAccount for good: what people made before tokens were bound to pods (KEP-2799). */
import type { Secret } from '#api/core/v1/secret.ts'
import type { ServiceAccount } from '#api/core/v1/service-account.ts'
import type { Ref } from '#client/client.ts'

export const tokenType = 'kubernetes.io/service-account-token'
const nameKey = 'kubernetes.io/service-account.name'
export const uidKey = 'kubernetes.io/service-account.uid'

/** The account that the Secret names; undefined where it is no token. */
export function accountOf({ metadata, type }: Secret): Ref | undefined {
  const name = type === tokenType ? metadata.annotations?.[nameKey] : undefined
  return name ? { name, namespace: metadata.namespace } : undefined
}

/** Whether the Secret is for this very account and not for an earlier one of its name. */
export function isFor({ metadata }: Secret, account: ServiceAccount): boolean {
  const uid = metadata.annotations?.[uidKey]
  return !uid || uid === account.metadata.uid
}
