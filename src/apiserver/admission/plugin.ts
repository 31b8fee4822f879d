/** Admission: may it be so, and what is filled in? One file per plugin in this folder; `chain.ts` has the order. */
import type { FeatureGates } from '#api/feature-gates.ts'
import type { Client } from '#client/client.ts'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import type { Authorizer } from '../authz/authorizer.ts'
import type { ServiceDialer } from '../dialers.ts'
import type { PolicyCheck, WebhookOutcome } from '../publish/admission-instruments.ts'
import type { User } from '../request.ts'

/** `admission.Attributes`. */
export interface AdmissionRequest {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT'
  readonly kind: Kind
  readonly subresource: string
  readonly namespace: string
  /** '' while generateName has not run. */
  readonly name: string
  readonly user: User
  readonly dryRun: boolean
  /** What is to be written; mutating plugins change it in place. Absent on DELETE. On a subresource of another kind: its body. */
  readonly object: any
  /** Shared and read-only; absent on CREATE. */
  readonly old?: any
  readonly options: Readonly<Record<string, unknown>>
  warn(message: string): void
  /** Absent where nothing is mutated. */
  readonly reinvocation?: Reinvocation
  /** The span that asks for it, where traces are kept. */
  readonly traceparent?: string
  /** Adds to the audit event, where there is one. */
  annotate?(key: string, value: string): void
}

/** Mutating plugins run a second time where one of them, configured by users, changed what others have seen already. */
export interface Reinvocation {
  readonly isSecond: boolean
  /** The same object in both passes. */
  readonly key: object
  want(): void
}

/** The kinds that are served at this moment. */
export interface ServedKinds {
  all(): readonly Kind[]
  byName(apiVersion: string, kind: string): Kind | undefined
}

/** Reads of the API server's own caches, synchronous and read-only. */
export interface Lister {
  get<T extends KubeObject>(kind: Kind<string, T>, name: string, namespace?: string): T | undefined
  list<T extends KubeObject>(kind: Kind<string, T>, namespace?: string): readonly T[]
  /** Those whose selectable field has this value, where the caches have an index for it; undefined where they have none. */
  select?<T extends KubeObject>(kind: Kind<string, T>, field: string, value: string): readonly T[] | undefined
  /** Calls back with the namespace of each change, in the same tick in which `get` and `list` show it; never ends. */
  onChange?(kind: Kind, listener: (namespace: string) => void): void
}

export interface AdmissionContext {
  readonly lister: Lister
  readonly kinds: ServedKinds
  readonly gates: FeatureGates
  /** Past the caches, with the API server's own identity (`system:apiserver`). */
  readonly client: Client
  readonly authorizer: Authorizer
  /** Absent: webhooks that are services cannot be reached. */
  readonly serviceDialer?: ServiceDialer | undefined
  readonly clock: Clock
  readonly random: Random
  /** Told of each call of a webhook. */
  readonly onWebhook?: ((outcome: WebhookOutcome) => void) | undefined
  /** Told of what each validating policy did. */
  readonly onPolicyCheck?: ((check: PolicyCheck) => void) | undefined
}

/** What is asked for, whatever the object. */
export type Place = Pick<AdmissionRequest, 'kind' | 'operation' | 'subresource'>

/** Throws a StatusError to refuse. Both functions run again on each retry of the write loop. */
export interface AdmissionPlugin {
  /** Upstream's name, as `--enable-admission-plugins` wants it. */
  readonly name: string
  /** Where it wants to look; asked once for each place, which skips it from then on. */
  handles(place: Place): boolean
  mutate?(request: AdmissionRequest, context: AdmissionContext): void | Promise<void>
  validate?(request: AdmissionRequest, context: AdmissionContext): void | Promise<void>
}
