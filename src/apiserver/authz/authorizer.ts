/** Authorization: may this user do that? One file per authorizer in this folder; `authorize.ts` asks them in order. */
import type { User } from '../request.ts'

/** `authorizer.Attributes`: what is asked for. */
export interface Attributes {
  readonly user: User
  readonly verb: string
  readonly isResource: boolean
  readonly path: string
  readonly group: string
  readonly version: string
  readonly resource: string
  readonly subresource: string
  readonly namespace: string
  readonly name: string
  /** Selectors of list, watch and deletecollection, for the Node authorizer. */
  readonly fieldSelector?: string
  readonly labelSelector?: string
}

export interface Decision {
  readonly verdict: 'allow' | 'deny' | 'noOpinion'
  /** Upstream's text, part of the 403 message. Names no secret. */
  readonly reason?: string
  /** The authorizer could not find out; whoever is not allowed by another learns that, with a 500. */
  readonly error?: Error
}

/** Synchronous where it can be: authorizers read from watch caches, and every request waits for them. */
export interface Authorizer {
  readonly name: string
  authorize(attributes: Attributes): Decision | Promise<Decision>
  /** Everything that a user may do in a namespace, for SelfSubjectRulesReview. */
  rules?(user: User, namespace: string): RulesView
}

export interface RulesView {
  readonly resource: readonly PolicyRuleView[]
  readonly nonResource: readonly PolicyRuleView[]
  /** Why there may be more. */
  readonly incomplete?: string | undefined
}

export interface PolicyRuleView {
  readonly verbs: readonly string[]
  readonly apiGroups?: readonly string[]
  readonly resources?: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly nonResourceURLs?: readonly string[]
}
