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
import { serviceAccountAuthenticator } from './service-account.ts'
import { type StaticToken, staticTokenAuthenticator } from './static-token.ts'

export interface AuthenticationOptions {
  readonly lister: Lister
  readonly client: Client
  readonly clock: Clock
  readonly keys: ServiceAccountTokens
  readonly staticTokens?: readonly StaticToken[]
}

/** What requests are asked for. */
export function defaultAuthenticators(options: AuthenticationOptions): readonly Authenticator[] {
  return [
    certificateAuthenticator(options),
    bearerTokenAuthenticator(tokenAuthentication(options)),
    anonymousAuthenticator, // last: it knows everybody
  ]
}

/** What knows tokens, for requests and for TokenReview. */
export function tokenAuthentication({ keys, lister, client, clock, staticTokens = [] }: AuthenticationOptions): TokenOptions {
  const { audiences } = keys
  const tokens = [
    staticTokenAuthenticator(staticTokens, audiences),
    serviceAccountAuthenticator({ keys, lister, client, clock }),
    bootstrapTokenAuthenticator({ lister, clock, audiences }),
  ]
  return { tokens, audiences }
}
