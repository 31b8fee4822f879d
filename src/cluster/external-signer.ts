/**
 * `--service-account-signing-endpoint`: a program behind a unix socket that signs service account tokens and knows the keys (KEP-740,
 * upstream `serviceaccount/externaljwt`).
 * Guarantees: the claims are ours, the signer gives header and signature only; keys are asked for again when they may have changed, and
 * not more than once a second for keys that nobody knows.
 */
import { createPublicKey } from 'node:crypto'
import type { ExternalKey, ExternalKeys } from '#apiserver/service-account-tokens.ts'
import { GrpcChannel } from '#kubelet/cri/grpc.ts'
import { readProto } from '#kubelet/cri/proto-file.ts'
import type { Clock, Timer } from '#lib/clock.ts'
import { ApiserverConfigError } from './apiserver-flags.ts'

/** Without what nobody here asks for. */
export const proto = `
syntax = "proto3";
package v1;
service ExternalJWTSigner {
  rpc Sign(SignJWTRequest) returns (SignJWTResponse);
  rpc FetchKeys(FetchKeysRequest) returns (FetchKeysResponse);
  rpc Metadata(MetadataRequest) returns (MetadataResponse);
}
message SignJWTRequest { string claims = 1; }
message SignJWTResponse { string header = 1; string signature = 2; }
message FetchKeysRequest {}
message FetchKeysResponse { repeated Key keys = 1; int64 refresh_hint_seconds = 3; }
message Key { string key_id = 1; bytes key = 2; bool exclude_from_oidc_discovery = 3; }
message MetadataRequest {}
message MetadataResponse { int64 max_token_expiration_seconds = 1; }
`

export interface SignerParts {
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly onError: (error: unknown, doing: string) => void
}

/** Milliseconds of one call; between two refreshes for unknown keys; and when one failed. */
const patience = 10_000
const pause = 1_000
const again = 10_000
const leastExpiration = 600

/** Resolves when the signer has told its keys. Throws `ApiserverConfigError` where it cannot be used. */
export async function externalKeys(endpoint: string, { clock, signal, onError }: SignerParts): Promise<ExternalKeys> {
  const socket = endpoint.replace(/^unix:(?:\/\/)?/, '')
  const channel = new GrpcChannel({ socket, clock, protos: () => [readProto(proto)] })
  signal.addEventListener('abort', () => channel.close(), { once: true })
  const call = (method: string, request: object) =>
    channel.call('v1.ExternalJWTSigner', method, request as never, { timeout: patience }) as Promise<Record<string, any>>
  const book = new KeyBook({ fetch: () => call('FetchKeys', {}), clock, signal, onError })
  const maxExpirationSeconds = await started(async () => {
    await book.fetch()
    return Number((await call('Metadata', {})).max_token_expiration_seconds ?? 0)
  })
  return {
    keys: () => book.keys,
    refresh: () => book.refresh(),
    maxExpirationSeconds,
    async sign(claims) {
      const { header = '', signature = '' } = await call('Sign', { claims })
      checkHeader(header, book.keys)
      return `${header}.${claims}.${signature}`
    },
  }
}

async function started(ask: () => Promise<number>): Promise<number> {
  let seconds: number
  try {
    seconds = await ask()
  } catch (error) {
    throw new ApiserverConfigError(`while setting up external-jwt-signer: ${(error as Error).message}`, { cause: error })
  }
  if (seconds >= leastExpiration) return seconds
  const why = `max token life supported by external-jwt-signer (${seconds}s) is less than acceptable (min ${leastExpiration}s)`
  throw new ApiserverConfigError(`while setting up external-jwt-signer: ${why}`)
}

interface BookParts extends SignerParts {
  readonly fetch: () => Promise<Record<string, any>>
}

/** The keys, as they were told last. */
class KeyBook {
  keys: readonly ExternalKey[] = []
  readonly #parts: BookParts
  #asked: Promise<void> | undefined
  #askedAt = Number.NEGATIVE_INFINITY
  #timer: Timer | undefined

  constructor(parts: BookParts) {
    this.#parts = parts
    parts.signal.addEventListener('abort', () => this.#timer?.cancel(), { once: true })
  }

  /** Several who ask at once share an answer. What fails leaves the keys as they are. */
  refresh(): Promise<void> {
    const { clock, onError } = this.#parts
    if (clock.monotonic() - this.#askedAt < pause) return this.#asked ?? Promise.resolve()
    this.#askedAt = clock.monotonic()
    this.#asked = this.fetch()
      .catch((error) => onError(error, 'fetching keys of the external signer'))
      .finally(() => {
        this.#asked = undefined
      })
    return this.#asked
  }

  async fetch(): Promise<void> {
    this.#timer?.cancel()
    let delay = again
    try {
      const { keys = [], refresh_hint_seconds: told = 0 } = await this.#parts.fetch()
      const hint = Number(told)
      if (hint <= 0) throw new Error(`found invalid refresh hint (${hint}s)`)
      if (keys.length === 0) throw new Error('found no keys')
      this.keys = keys.map(keyOf)
      delay = hint * 1000
    } finally {
      if (!this.#parts.signal.aborted) this.#timer = this.#parts.clock.after(delay, () => void this.refresh())
    }
  }
}

function keyOf({ key_id: id = '', key, exclude_from_oidc_discovery: isHidden = false }: Record<string, any>): ExternalKey {
  if (id === '') throw new Error('found invalid public key id ""')
  const publicKey = createPublicKey({ key: Buffer.from(key), format: 'der', type: 'spki' })
  return { id, publicKey, isHidden }
}

const algorithms = ['RS256', 'ES256', 'ES384', 'ES512']

/** The texts are upstream's. */
function checkHeader(encoded: string, keys: readonly ExternalKey[]): void {
  const wrong = (why: string) => new Error(`failed to generate token: while validating header: ${why}`)
  let header: Record<string, unknown>
  try {
    header = JSON.parse(Buffer.from(encoded, 'base64url').toString())
  } catch (error) {
    throw wrong(`while parsing header JSON: ${(error as Error).message}`)
  }
  const { alg, kid, typ, ...more } = header
  const [unknown] = Object.keys(more)
  if (unknown !== undefined) throw wrong(`while parsing header JSON: json: unknown field ${JSON.stringify(unknown)}`)
  if (typ !== 'JWT') throw wrong('bad type')
  if (typeof kid !== 'string' || kid === '') throw wrong('key id missing')
  if (kid.length > 1024) throw wrong('key id longer than 1 kb')
  if (!algorithms.includes(String(alg))) throw wrong(`bad signing algorithm ${JSON.stringify(alg ?? '')}`)
  if (keys.some(({ id, isHidden }) => id === kid && isHidden)) {
    throw wrong(`key used for signing JWT (kid: ${kid}) is excluded from OIDC discovery docs`)
  }
}
