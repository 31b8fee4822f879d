/** What the verbs share: the kinds, their storage, and everything that has a say in a write. */
import type { FeatureGates } from '#api/feature-gates.ts'
import type { Client } from '#client/client.ts'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import type { Soon } from '#lib/soon.ts'
import type { Kind } from '#schema/kind.ts'
import type { Store } from '#store/store.ts'
import type { AdmissionContext, AdmissionPlugin, Lister } from '../admission/plugin.ts'
import type { TokenOptions } from '../authn/bearer-token.ts'
import type { IdentityHeaders } from '../authn/request-header.ts'
import type { Authorizer } from '../authz/authorizer.ts'
import type { NodeDialer, ServiceDialer } from '../dialers.ts'
import type { StepOutcome } from '../publish/admission-instruments.ts'
import type { ServiceAccountTokens } from '../service-account-tokens.ts'
import type { RegistryHook } from './hooks.ts'
import type { KindTable } from './kind-table.ts'
import type { Storage } from './storage.ts'

export interface Registry {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly kinds: KindTable
  readonly gates: FeatureGates
  readonly admission: readonly AdmissionPlugin[]
  /** What TokenReview asks. */
  readonly tokenAuthentication: TokenOptions
  readonly authorizer: Authorizer
  /** In which headers front proxies say who asks, where they have names of their own. */
  readonly identityHeaders?: IdentityHeaders | undefined
  readonly hooks: readonly RegistryHook[]
  readonly lister: Lister
  /** With the API server's own identity, past the caches. */
  readonly client: Client
  /** Told of what went wrong where nobody waits for an answer. */
  readonly onError?: ((error: unknown, doing: string) => void) | undefined
  readonly tokens?: ServiceAccountTokens | undefined
  readonly nodeDialer?: NodeDialer | undefined
  readonly serviceDialer?: ServiceDialer | undefined
  /** Told of each call of an admission webhook. */
  readonly onWebhook?: AdmissionContext['onWebhook']
  readonly onPolicyCheck?: AdmissionContext['onPolicyCheck']
  /** Told of each of the two steps of admission. */
  readonly onStep?: ((outcome: StepOutcome) => void) | undefined
  /** Seconds that a watch lasts at least. */
  readonly minRequestTimeout?: number | undefined
  /** Seconds that an event is kept; 0 is for ever. */
  readonly eventTtl?: number | undefined
  /** Opened on first need. */
  storage(kind: Kind): Soon<Storage>
  /** Ends the watches of a kind that is no longer served. */
  forget(kind: Kind): void
}
