/** Tokens that somebody else knows: a webhook is asked by TokenReview, and its answers are kept for a while (upstream `token/webhook`, `token/cache`). */
import { createHash } from 'node:crypto'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import { postWithRetries } from '../webhook-retry.ts'
import type { WebhookTarget } from '../webhook-target.ts'
import type { TokenAuthenticator, TokenIdentity } from './token-authenticator.ts'

export interface WebhookTokenOptions {
  readonly target: WebhookTarget
  readonly clock: Clock
  readonly random: Random
  readonly version?: 'v1' | 'v1beta1' | undefined
  /** Milliseconds that a yes or no is kept; an error never is. */
  readonly ttl: number
}

const most = 4096
const timeout = 30_000

interface Answer {
  readonly identity: Promise<TokenIdentity | undefined>
  readonly until: number
}

export function webhookTokenAuthenticator(options: WebhookTokenOptions): TokenAuthenticator {
  const { clock, ttl } = options
  const answers = new Map<string, Answer>()
  return {
    name: 'webhook',
    authenticateToken(token, audiences) {
      const key = createHash('sha256')
        .update(JSON.stringify([token, audiences]))
        .digest('base64')
      const known = answers.get(key)
      const now = clock.monotonic()
      if (known && known.until > now) return known.identity
      const identity = ask(options, token, audiences)
      answers.delete(key)
      answers.set(key, { identity, until: now + ttl })
      if (answers.size > most) answers.delete(answers.keys().next().value as string)
      identity.catch(() => answers.get(key)?.identity === identity && answers.delete(key))
      return identity
    },
  }
}

interface Review {
  readonly status?: {
    readonly authenticated?: boolean
    readonly error?: string
    readonly audiences?: readonly string[]
    readonly user?: {
      readonly username?: string
      readonly uid?: string
      readonly groups?: readonly string[]
      readonly extra?: Readonly<Record<string, readonly string[]>>
    }
  }
}

async function ask(
  options: WebhookTokenOptions,
  token: string,
  audiences: readonly string[],
): Promise<TokenIdentity | undefined> {
  const body = {
    apiVersion: `authentication.k8s.io/${options.version ?? 'v1'}`,
    kind: 'TokenReview',
    metadata: {},
    spec: { token, audiences },
    status: { user: {} },
  }
  const { status = {} } = ((await postWithRetries(options.target, body, { ...options, timeout })) ?? {}) as Review
  if (!status.authenticated) {
    if (status.error) throw new Error(status.error)
    return undefined
  }
  // A webhook that knows nothing of audiences has checked the token for the server's own.
  const granted = status.audiences?.length ? audiences.filter((one) => status.audiences?.includes(one)) : audiences
  if (granted.length === 0) return undefined
  const { username = '', uid, groups = [], extra } = status.user ?? {}
  return { user: { name: username, groups, ...(uid && { uid }), ...(extra && { extra }) }, audiences: granted }
}
