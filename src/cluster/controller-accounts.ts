/** A client for each controller, with a service account of its own (`--use-service-account-credentials`). */
import type { TokenRequest } from '#api/authentication/v1/token-request.ts'
import { ServiceAccount } from '#api/core/v1/service-account.ts'
import type { Client } from '#client/client.ts'
import type { TokenSource } from '#client/https-transport.ts'
import type { Clock } from '#lib/clock.ts'
import { hasReason } from '#schema/status-error.ts'

const namespace = 'kube-system'
/** Seconds; a new one is fetched when four fifths of them are over. */
const lifetime = 3600

/** The token of an account, made if it is not there, and renewed before it ends. */
export function accountToken(client: Client, clock: Clock, name: string): TokenSource {
  let known: { token: Promise<string>; until: number } | undefined
  return ({ refused }) => {
    if (known && !refused && clock.monotonic() < known.until) return known.token
    const token = requestToken(client, name)
    const fresh = { token, until: clock.monotonic() + lifetime * 800 }
    known = fresh
    // A failure is not remembered: the next request asks again.
    token.catch(() => {
      if (known === fresh) known = undefined
    })
    return token
  }
}

async function requestToken(client: Client, name: string): Promise<string> {
  const at = { name, namespace }
  const body = { ...apiVersion, spec: { audiences: [], expirationSeconds: lifetime } }
  const ask = async () => (await client.post(ServiceAccount, at, { subresource: 'token', body })) as TokenRequest
  try {
    return (await ask()).status?.token ?? ''
  } catch (error) {
    if (!hasReason(error, 'NotFound')) throw error
    await client.create(ServiceAccount, { metadata: at }).catch((failure) => {
      if (!hasReason(failure, 'AlreadyExists')) throw failure
    })
    return (await ask()).status?.token ?? ''
  }
}

const apiVersion = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest' }
