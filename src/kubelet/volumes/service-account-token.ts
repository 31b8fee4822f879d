/** Tokens of service accounts for pods: asked for by TokenRequest, kept, and renewed at 80 % of their life (upstream: `pkg/kubelet/token`). */

import type { TokenRequest } from '#api/authentication/v1/token-request.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { ServiceAccount } from '#api/core/v1/service-account.ts'
import type { Client } from '#client/client.ts'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'

export interface TokenWish {
  readonly audience?: string | undefined
  readonly expirationSeconds?: number | undefined
}

/** As drivers are handed it. */
export interface TokenStatus {
  readonly token: string
  readonly expirationTimestamp: string
}

export interface TokenSource {
  token(pod: Pod, wish: TokenWish): Promise<string>
  status(pod: Pod, wish: TokenWish): Promise<TokenStatus>
  /** When the first of the pod's tokens is due for renewal; undefined without any. */
  renewAt(pod: Pod): number | undefined
  forget(podUid: string): void
}

interface Kept extends TokenStatus {
  readonly renewAt: number
  readonly expiresAt: number
}

const longestUse = 24 * 60 * 60 * 1000
const jitter = 10_000

/**
 * Guarantees: a token that could not be renewed goes on being used until it expires; its failure is then the caller's.
 */
export class ServiceAccountTokens implements TokenSource {
  readonly #client: Client
  readonly #clock: Clock
  readonly #random: Random
  /** Pod uid -> wish -> token. */
  readonly #kept = new Map<string, Map<string, Kept>>()

  constructor({ client, clock, random }: { client: Client; clock: Clock; random: Random }) {
    this.#client = client
    this.#clock = clock
    this.#random = random
  }

  async token(pod: Pod, wish: TokenWish): Promise<string> {
    return (await this.#keep(pod, wish)).token
  }

  async status(pod: Pod, wish: TokenWish): Promise<TokenStatus> {
    const { token, expirationTimestamp } = await this.#keep(pod, wish)
    return { token, expirationTimestamp }
  }

  async #keep(pod: Pod, wish: TokenWish): Promise<Kept> {
    const tokens = this.#kept.get(pod.metadata.uid) ?? new Map<string, Kept>()
    this.#kept.set(pod.metadata.uid, tokens)
    const key = JSON.stringify([pod.spec.serviceAccountName, wish.audience, wish.expirationSeconds])
    const kept = tokens.get(key)
    const now = this.#clock.now()
    if (kept && now < kept.renewAt) return kept
    try {
      const fresh = await this.#request(pod, wish)
      tokens.set(key, fresh)
      return fresh
    } catch (error) {
      if (kept && now < kept.expiresAt) return kept
      throw error
    }
  }

  renewAt(pod: Pod): number | undefined {
    const times = [...(this.#kept.get(pod.metadata.uid)?.values() ?? [])].map(({ renewAt }) => renewAt)
    return times.length > 0 ? Math.min(...times) : undefined
  }

  forget(podUid: string): void {
    this.#kept.delete(podUid)
  }

  async #request(pod: Pod, { audience, expirationSeconds = 3600 }: TokenWish): Promise<Kept> {
    const { name, namespace, uid } = pod.metadata
    const account = { name: pod.spec.serviceAccountName || 'default', namespace }
    const answer = await this.#client.post<TokenRequest>(ServiceAccount, account, {
      subresource: 'token',
      body: {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        metadata: {},
        spec: {
          audiences: audience ? [audience] : [],
          expirationSeconds,
          boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
        },
      },
    })
    const { token, expirationTimestamp } = answer.status
    const expiresAt = Date.parse(expirationTimestamp)
    const life = (answer.spec.expirationSeconds ?? expirationSeconds) * 1000
    const spread = this.#random.next() * jitter
    const renewAt = Math.min(expiresAt - life * 0.2, expiresAt - life + longestUse) - spread
    return { token, expirationTimestamp, expiresAt, renewAt }
  }
}
