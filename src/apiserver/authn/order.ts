/** The authenticators of a cluster, in the order in which they are asked (upstream `kubeapiserver/authenticator`). */
import type { Client } from '#client/client.ts'
import type { Clock } from '#lib/clock.ts'
import type { Lister } from '../admission/plugin.ts'
import type { ServiceAccountTokens } from '../service-account-tokens.ts'
import { anonymousAuthenticator } from './anonymous.ts'
import type { Authenticator } from './authenticator.ts'
import { bearerTokenAuthenticator, type TokenOptions } from './bearer-token.ts'
import { bootstrapTokenAuthenticator } from './bootstrap-token.ts'
import { certificateAuthenticator } from './certificate.ts'
import { type RequestHeaderOptions, requestHeaderAuthenticator } from './request-header.ts'
import { secretTokenAuthenticator } from './secret-token.ts'
import { serviceAccountAuthenticator } from './service-account.ts'
import { type StaticToken, staticTokenAuthenticator } from './static-token.ts'
import type { TokenAuthenticator } from './token-authenticator.ts'

export interface AuthenticationOptions {
  readonly lister: Lister
  readonly client: Client
  readonly clock: Clock
  readonly keys: ServiceAccountTokens
  readonly staticTokens?: readonly StaticToken[]
  /** How front proxies say who asks; default: nobody speaks for others. */
  readonly requestHeader?: RequestHeaderOptions | undefined
  /** Whether a client certificate may say a UID; default: it may. */
  readonly takesCertificateUid?: boolean | undefined
  /** Default: nodes may join by them. */
  readonly bootstrapTokens?: boolean | undefined
  /** Further kinds of tokens: of other issuers, or known to a webhook. They must be the same objects at each call. */
  readonly moreTokens?: () => readonly TokenAuthenticator[]
  /** Default: who shows nothing is let in as nobody. */
  readonly anonymous?: () => Authenticator | undefined
}

/** What requests are asked for. */
export function defaultAuthenticators(options: AuthenticationOptions): readonly Authenticator[] {
  const { requestHeader, anonymous = () => anonymousAuthenticator } = options
  return [
    ...(requestHeader ? [requestHeaderAuthenticator(requestHeader)] : []),
    certificateAuthenticator(options),
    bearerTokenAuthenticator(tokenAuthentication(options)),
    // Last: it knows everybody.
    { name: anonymousAuthenticator.name, authenticate: (request) => anonymous()?.authenticate(request) },
  ]
}

/** What knows tokens, for requests and for TokenReview. */
export function tokenAuthentication({
  keys,
  lister,
  client,
  clock,
  staticTokens = [],
  bootstrapTokens = true,
  moreTokens = () => [],
}: AuthenticationOptions): TokenOptions {
  const { audiences } = keys
  const tokens = [
    staticTokenAuthenticator(staticTokens, audiences),
    serviceAccountAuthenticator({ keys, lister, client, clock }),
    secretTokenAuthenticator({ keys, lister, client, clock }),
    ...(bootstrapTokens ? [bootstrapTokenAuthenticator({ lister, clock, audiences })] : []),
  ]
  return {
    get tokens() {
      const more = moreTokens()
      return more.length > 0 ? [...tokens, ...more] : tokens
    },
    audiences,
  }
}
