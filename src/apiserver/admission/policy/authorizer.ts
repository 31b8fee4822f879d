/** What expressions ask of the authorizers. Answers are kept for the request; one that takes time is waited for outside. */
import type { Soon } from '#lib/soon.ts'
import {
  type AuthorizationAnswer,
  type AuthorizationQuestion,
  type AuthorizationSource,
  authorizerValue,
  resourceCheckValue,
} from '#schema/cel/library/authorizer.ts'
import { serviceAccountGroups, serviceAccountUsername } from '../../authn/service-account-user.ts'
import type { Attributes, Authorizer, Decision } from '../../authz/authorizer.ts'
import type { User } from '../../request.ts'
import type { AdmissionRequest } from '../plugin.ts'

/** Thrown through an evaluation: it is to be repeated once the promise is settled. */
class Pending {
  readonly answered: Promise<void>
  constructor(answered: Promise<void>) {
    this.answered = answered
  }
}

export class RequestAuthorizer implements AuthorizationSource<User> {
  readonly #authorizer: Authorizer
  readonly #answers = new Map<string, AuthorizationAnswer>()

  constructor(authorizer: Authorizer) {
    this.#authorizer = authorizer
  }

  value(user: User): unknown {
    return authorizerValue<User>(this, user)
  }

  requestResource({ user, kind, subresource, namespace, name }: AdmissionRequest): unknown {
    return resourceCheckValue<User>(this, user, { group: kind.group, resource: kind.plural, subresource, namespace, name })
  }

  serviceAccount(namespace: string, name: string): User {
    return { name: serviceAccountUsername(namespace, name), groups: [...serviceAccountGroups(namespace), 'system:authenticated'] }
  }

  decide(question: AuthorizationQuestion<User>): AuthorizationAnswer {
    const key = JSON.stringify(question)
    const known = this.#answers.get(key)
    if (known) return known
    const decided = this.#authorizer.authorize(attributesOf(question))
    if (decided instanceof Promise) {
      const keep = (answer: AuthorizationAnswer) => void this.#answers.set(key, answer)
      throw new Pending(
        decided.then(
          (decision) => keep(answerOf(decision)),
          (error) => keep(errorOf(error)),
        ),
      )
    }
    const answer = answerOf(decided)
    this.#answers.set(key, answer)
    return answer
  }

  /** Repeats what is pure until every answer is there; each repetition knows one more. */
  settle<T>(evaluate: () => T): Soon<T> {
    try {
      return evaluate()
    } catch (error) {
      if (!(error instanceof Pending)) throw error
      return error.answered.then(() => this.settle(evaluate))
    }
  }
}

function attributesOf(question: AuthorizationQuestion<User>): Attributes {
  const { isResource, fieldSelector, labelSelector } = question
  return {
    ...question,
    version: isResource ? '*' : '',
    ...(fieldSelector && { fieldSelector }),
    ...(labelSelector && { labelSelector }),
  }
}

function answerOf({ verdict, reason }: Decision): AuthorizationAnswer {
  return { allowed: verdict === 'allow', ...(reason && { reason }) }
}

function errorOf(error: unknown): AuthorizationAnswer {
  return { allowed: false, error: (error as Error).message }
}
