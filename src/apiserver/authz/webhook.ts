/** Authorization by a webhook: a SubjectAccessReview there and back, its answers kept for a while (upstream `plugin/pkg/authorizer/webhook`). */
import type { SubjectAccessReviewSpec } from '#api/authorization/v1/subject-access-review.ts'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import { postWithRetries, type WebhookCallOutcome } from '../webhook-retry.ts'
import type { WebhookTarget } from '../webhook-target.ts'
import type { Attributes, Authorizer, Decision } from './authorizer.ts'
import type { MatchConditions } from './match-conditions.ts'
import { reviewSpec } from './review-spec.ts'

export interface WebhookAuthorizerOptions {
  readonly name: string
  readonly target: WebhookTarget
  readonly clock: Clock
  readonly random: Random
  /** Milliseconds. */
  readonly timeout: number
  /** Milliseconds that answers are kept; 0 keeps none. */
  readonly authorizedTtl: number
  readonly unauthorizedTtl: number
  readonly failurePolicy: 'NoOpinion' | 'Deny'
  readonly version: 'v1' | 'v1beta1'
  /** Undefined: every question goes to the webhook. */
  readonly matches?: MatchConditions | undefined
  /** Told how each call went. */
  readonly onCall?: ((call: WebhookCallOutcome) => void) | undefined
}

interface Status {
  readonly allowed?: boolean
  readonly denied?: boolean
  readonly reason?: string
}

const mostAnswers = 8192
/** Whoever asks chooses these; longer ones would let him fill the memory. */
const longestKept = 10_000

export function webhookAuthorizer(options: WebhookAuthorizerOptions): Authorizer {
  const { name, failurePolicy, matches } = options
  const answers = new Answers(options)
  const onError = (error: unknown): Decision => ({
    verdict: failurePolicy === 'Deny' ? 'deny' : 'noOpinion',
    error: error as Error,
  })
  return {
    name,
    authorize(attributes) {
      const spec = reviewSpec(attributes)
      try {
        if (matches && !matches(spec)) return noOpinion
      } catch (error) {
        return onError(error)
      }
      const key = JSON.stringify(spec)
      const known = answers.get(key)
      if (known) return known
      return ask(spec, options).then((status) => {
        const decision = decisionOf(status)
        if (lengthOf(attributes) < longestKept) answers.keep(key, decision, status.allowed === true)
        return decision
      }, onError)
    },
    rules: () => ({ resource: [], nonResource: [], incomplete: 'webhook authorizer does not support user rule resolution' }),
  }
}

const noOpinion: Decision = { verdict: 'noOpinion' }

function decisionOf({ allowed, denied, reason }: Status): Decision {
  const why = reason ? { reason } : {}
  if (allowed && denied) {
    return { verdict: 'deny', ...why, error: new Error('webhook subject access review returned both allow and deny response') }
  }
  return { verdict: denied ? 'deny' : allowed ? 'allow' : 'noOpinion', ...why }
}

function lengthOf({ namespace, verb, group, version, resource, subresource, name, path }: Attributes): number {
  return [namespace, verb, group, version, resource, subresource, name, path].reduce((sum, text) => sum + text.length, 0)
}

/** The least recently asked go first. */
class Answers {
  readonly #options: Pick<WebhookAuthorizerOptions, 'clock' | 'authorizedTtl' | 'unauthorizedTtl'>
  readonly #known = new Map<string, { readonly decision: Decision; readonly until: number }>()

  constructor(options: Pick<WebhookAuthorizerOptions, 'clock' | 'authorizedTtl' | 'unauthorizedTtl'>) {
    this.#options = options
  }

  get(key: string): Decision | undefined {
    const found = this.#known.get(key)
    if (!found) return undefined
    this.#known.delete(key)
    if (found.until <= this.#options.clock.monotonic()) return undefined
    this.#known.set(key, found)
    return found.decision
  }

  keep(key: string, decision: Decision, isAllowed: boolean): void {
    const { clock, authorizedTtl, unauthorizedTtl } = this.#options
    const ttl = isAllowed ? authorizedTtl : unauthorizedTtl
    if (ttl <= 0) return
    if (this.#known.size >= mostAnswers) this.#known.delete(this.#known.keys().next().value as string)
    this.#known.set(key, { decision, until: clock.monotonic() + ttl })
  }
}

async function ask(spec: SubjectAccessReviewSpec, options: WebhookAuthorizerOptions): Promise<Status> {
  const { target, version } = options
  const body = {
    kind: 'SubjectAccessReview',
    apiVersion: `authorization.k8s.io/${version}`,
    metadata: {},
    spec: version === 'v1' ? spec : older(spec),
    status: { allowed: false },
  }
  const review = (await postWithRetries(target, body, options)) as { status?: Status } | undefined
  return review?.status ?? {}
}

/** `v1beta1` has the groups in a field named `group`. */
function older({ groups, ...rest }: SubjectAccessReviewSpec): object {
  return { ...rest, ...(groups && { group: groups }) }
}
