/** The keys of an issuer: found by discovery, kept, and fetched again when a token names one that is not known (OpenID Connect Discovery, RFC 7517). */
import { createPublicKey, type KeyObject, type JsonWebKey as NodeJwk } from 'node:crypto'
import type { Clock } from '#lib/clock.ts'
import { fetchText } from './fetch-text.ts'

export interface IssuerKeysOptions {
  readonly issuer: string
  readonly discoveryUrl?: string | undefined
  /** PEM; absent: what the system trusts. */
  readonly ca?: string | undefined
  readonly clock: Clock
}

export interface IssuerKey {
  readonly id: string | undefined
  readonly algorithm: string | undefined
  readonly key: KeyObject
}

interface Jwk extends NodeJwk {
  readonly kid?: string
  readonly alg?: string
  readonly use?: string
}

/** Not asked more often, however many tokens with unknown keys come. */
const restless = 5_000

export class IssuerKeys {
  #options: IssuerKeysOptions
  #keys: readonly IssuerKey[] = []
  #fetchedAt: number | undefined
  #fetching: Promise<void> | undefined

  constructor(options: IssuerKeysOptions) {
    this.#options = options
  }

  /** Those that may have signed: by the name that the token gives, else all. */
  async candidates(id: string | undefined): Promise<readonly IssuerKey[]> {
    if (this.#fetchedAt === undefined) await this.refresh()
    return this.#matching(id)
  }

  /** For a signature that none of them made: the issuer may have new keys. False where it was just asked. */
  async refresh(): Promise<boolean> {
    const { clock } = this.#options
    if (this.#fetchedAt !== undefined && clock.monotonic() - this.#fetchedAt < restless) return false
    this.#fetching ??= this.#fetch().finally(() => (this.#fetching = undefined))
    await this.#fetching
    return true
  }

  #matching(id: string | undefined): readonly IssuerKey[] {
    return id === undefined ? this.#keys : this.#keys.filter((key) => key.id === id || key.id === undefined)
  }

  async #fetch(): Promise<void> {
    const { issuer, discoveryUrl, ca, clock } = this.#options
    const url = discoveryUrl ?? `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
    const document = (await fetchJson(url, ca)) as { issuer?: string; jwks_uri?: string }
    if (document.issuer !== issuer) {
      const expected = `expected ${JSON.stringify(issuer)} got ${JSON.stringify(document.issuer ?? '')}`
      throw new Error(`oidc: issuer did not match the issuer returned by provider, ${expected}`)
    }
    if (!document.jwks_uri) throw new Error('provider did not return JWKS URL')
    const { keys = [] } = (await fetchJson(document.jwks_uri, ca)) as { keys?: readonly Jwk[] }
    this.#keys = keys.filter(({ use }) => use === undefined || use === 'sig').flatMap(keyOf)
    this.#fetchedAt = clock.monotonic()
  }
}

/** Keys of kinds that nobody here knows are passed over. */
function keyOf(jwk: Jwk): IssuerKey[] {
  try {
    return [{ id: jwk.kid, algorithm: jwk.alg, key: createPublicKey({ key: jwk, format: 'jwk' }) }]
  } catch {
    return []
  }
}

async function fetchJson(url: string, ca: string | undefined): Promise<unknown> {
  const { status, statusText, text } = await fetchText(url, { ca })
  if (status !== 200) throw new Error(`${statusText}: ${text.slice(0, 200)}`)
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Error(`${url}: the answer is not JSON`, { cause })
  }
}
