/** `authorizer.group('apps').resource('deployments').check('create').allowed()` (upstream `pkg/cel/library/authz.go`). */
import { type Functions, member } from '../declarations.ts'
import { CelFailure } from '../errors.ts'
import { Bool, type CelType, Str } from '../type.ts'
import { Authorizer, Decision, GroupCheck, PathCheck, ResourceCheck } from '../type-names.ts'
import { CelOpaque } from '../value.ts'

/** What is asked; the user is an identity of the API server. */
export interface AuthorizationQuestion<User = unknown> {
  readonly user: User
  readonly verb: string
  readonly isResource: boolean
  readonly path: string
  readonly group: string
  readonly resource: string
  readonly subresource: string
  readonly namespace: string
  readonly name: string
  readonly fieldSelector?: string
  readonly labelSelector?: string
}

export interface AuthorizationAnswer {
  readonly allowed: boolean
  readonly reason?: string
  readonly error?: string
}

/** Answers questions at once; it may throw to have the evaluation repeated once it knows the answer. */
export interface AuthorizationSource<User = unknown> {
  decide(question: AuthorizationQuestion<User>): AuthorizationAnswer
  serviceAccount(namespace: string, name: string): User
}

type Asked = Partial<Omit<AuthorizationQuestion, 'user' | 'verb'>>

class Check extends CelOpaque {
  readonly type: CelType
  readonly source: AuthorizationSource
  readonly user: unknown
  readonly asked: Asked
  constructor(type: CelType, from: { source: AuthorizationSource; user: unknown }, asked: Asked = {}) {
    super()
    this.type = type
    this.source = from.source
    this.user = from.user
    this.asked = asked
  }

  equals(other: CelOpaque): boolean {
    return other instanceof Check && this.user === other.user && JSON.stringify(this.asked) === JSON.stringify(other.asked)
  }

  with(type: CelType, asked: Asked): Check {
    return new Check(type, this, { ...this.asked, ...asked })
  }

  decide(verb: string): DecisionValue {
    const nothing = { isResource: false, path: '', group: '', resource: '', subresource: '', namespace: '', name: '' }
    return new DecisionValue(this.source.decide({ ...nothing, ...this.asked, user: this.user, verb }))
  }
}

class DecisionValue extends CelOpaque {
  readonly type = Decision
  readonly answer: AuthorizationAnswer
  constructor(answer: AuthorizationAnswer) {
    super()
    this.answer = answer
  }
  equals(other: CelOpaque): boolean {
    return this === other
  }
}

/** The value of the variable `authorizer`. */
export function authorizerValue<User>(source: AuthorizationSource<User>, user: User): CelOpaque {
  return new Check(Authorizer, { source: source as AuthorizationSource, user })
}

/** The value of `authorizer.requestResource`: a check of what the request is about. */
export function resourceCheckValue<User>(source: AuthorizationSource<User>, user: User, asked: Asked): CelOpaque {
  return new Check(ResourceCheck, { source: source as AuthorizationSource, user }, { ...asked, isResource: true })
}

export const authorization: Functions = {
  path: [
    member('authorizer_path', [Authorizer, Str], PathCheck, ([check, path]) =>
      check.with(PathCheck, { path: filled(path, 'path') }),
    ),
  ],
  group: [member('authorizer_group', [Authorizer, Str], GroupCheck, ([check, group]) => check.with(GroupCheck, { group }))],
  serviceAccount: [
    member('authorizer_serviceaccount', [Authorizer, Str, Str], Authorizer, ([check, namespace, name]) =>
      asAccount(check, namespace, name),
    ),
  ],
  resource: [
    member('groupcheck_resource', [GroupCheck, Str], ResourceCheck, ([check, resource]) => {
      return check.with(ResourceCheck, { resource: filled(resource, 'resource'), isResource: true })
    }),
  ],
  ...resourceParts(['subresource', 'namespace', 'name', 'fieldSelector', 'labelSelector']),
  check: [
    member('pathcheck_check', [PathCheck, Str], Decision, ([check, verb]) => check.decide(verb)),
    member('resourcecheck_check', [ResourceCheck, Str], Decision, ([check, verb]) => check.decide(verb)),
  ],
  errored: [member('decision_errored', [Decision], Bool, ([{ answer }]) => answer.error !== undefined)],
  error: [member('decision_error', [Decision], Str, ([{ answer }]) => answer.error ?? '')],
  allowed: [member('decision_allowed', [Decision], Bool, ([{ answer }]) => answer.allowed)],
  reason: [member('decision_reason', [Decision], Str, ([{ answer }]) => answer.reason ?? '')],
}

function resourceParts(names: readonly (keyof Asked)[]): Functions {
  return Object.fromEntries(
    names.map((name) => [
      name,
      [
        member(`resourcecheck_${name}`, [ResourceCheck, Str], ResourceCheck, ([check, value]) =>
          check.with(ResourceCheck, { [name]: value }),
        ),
      ],
    ]),
  )
}

function filled(value: string, what: string): string {
  if (value === '') throw new CelFailure(`${what} must not be empty`)
  return value
}

function asAccount(check: Check, namespace: string, name: string): Check {
  const isLabel = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/
  const isSubdomain = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
  if (!isSubdomain.test(name)) throw new CelFailure('Invalid service account name')
  if (!isLabel.test(namespace)) throw new CelFailure('Invalid service account namespace')
  return new Check(Authorizer, { source: check.source, user: check.source.serviceAccount(namespace, name) })
}
