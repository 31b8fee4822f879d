/** The values of the variables for one request: what expressions of policies and match conditions are evaluated with. */
import { Namespace } from '#api/core/v1/namespace.ts'
import { type CelBudget, CelBudgetExceeded, CelError, type CelProgram } from '#schema/cel/compile.ts'
import { CelFailure } from '#schema/cel/errors.ts'
import { CelMap } from '#schema/cel/value.ts'
import type { Kind } from '#schema/kind.ts'
import type { AdmissionRequest, Lister } from '../plugin.ts'
import type { RequestAuthorizer } from './authorizer.ts'

export interface Activation {
  readonly request: AdmissionRequest
  readonly lister: Lister
  readonly authorizer: RequestAuthorizer
  /** The kind that a rule was about, where it is another version of the request's. */
  readonly matched?: Kind | undefined
  readonly params?: object | undefined
  /** Made by who first needs them; for policies without variables. */
  values?: Values | undefined
}

/** An expression with the text that its failures are told with; `failure` where it did not compile. */
export interface Expression {
  readonly text: string
  readonly program?: CelProgram
  readonly failure?: string
}

export interface NamedExpression extends Expression {
  readonly name: string
}

/** Nothing more is evaluated for this request: the budget is spent. */
export class OutOfBudget extends Error {
  constructor() {
    super('validation failed due to running out of cost budget, no further validation rules will be run')
    this.name = 'OutOfBudget'
  }
}

export type Values = Readonly<Record<string, unknown>>

/** Values for all expressions of one policy, one binding and one parameter; `variables` are worked out once, when they are read. */
export function policyValues(activation: Activation, variables: readonly NamedExpression[], budget: CelBudget): Values {
  if (variables.length === 0) return (activation.values ??= new PolicyValues(activation, variables, budget) as unknown as Values)
  return new PolicyValues(activation, variables, budget) as unknown as Values
}

/** Each is worked out when an expression reads it. */
class PolicyValues {
  readonly params: object | null
  readonly #activation: Activation
  readonly #expressions: readonly NamedExpression[]
  readonly #budget: CelBudget
  #variables: LazyVariables | undefined

  constructor(activation: Activation, expressions: readonly NamedExpression[], budget: CelBudget) {
    this.params = activation.params ?? null
    this.#activation = activation
    this.#expressions = expressions
    this.#budget = budget
  }

  get object(): unknown {
    return this.#activation.request.object ?? null
  }

  get oldObject(): unknown {
    return this.#activation.request.old ?? null
  }

  get request(): unknown {
    return sharedFacts(this.#activation)
  }

  get namespaceObject(): unknown {
    return namespaceObject(this.#activation.request, this.#activation.lister)
  }

  get authorizer(): unknown {
    return this.#activation.authorizer.value(this.#activation.request.user)
  }

  get 'authorizer.requestResource'(): unknown {
    return this.#activation.authorizer.requestResource(this.#activation.request)
  }

  get variables(): unknown {
    return (this.#variables ??= new LazyVariables(this.#expressions, this as unknown as Values, this.#budget))
  }
}

/** Throws OutOfBudget; CelError with upstream's text. */
export function evaluateExpression({ program, failure, text }: Expression, values: Values, budget: CelBudget): unknown {
  if (!program) throw new CelError(`compilation error: ${failure}`)
  try {
    return program.evaluate(values, budget)
  } catch (error) {
    if (budget.remaining < 0) throw new OutOfBudget()
    if (error instanceof CelError || error instanceof CelBudgetExceeded) {
      throw new CelError(`expression '${text}' resulted in error: ${error.message}`)
    }
    throw error
  }
}

class LazyVariables extends CelMap {
  readonly #expressions: ReadonlyMap<string, NamedExpression>
  readonly #values: Values
  readonly #budget: CelBudget
  readonly #known = new Map<string, unknown>()

  constructor(expressions: readonly NamedExpression[], values: Values, budget: CelBudget) {
    super()
    this.#expressions = new Map(expressions.map((one) => [one.name, one]))
    this.#values = values
    this.#budget = budget
  }

  get size(): number {
    return this.#expressions.size
  }

  keys(): Iterable<string> {
    return this.#expressions.keys()
  }

  get(key: unknown): unknown {
    const name = key as string
    if (!this.#known.has(name)) this.#known.set(name, this.#work(name))
    const value = this.#known.get(name)
    if (value instanceof CelFailure) throw value
    return value
  }

  /** A variable that fails fails everyone who reads it, in the same words. */
  #work(name: string): unknown {
    const expression = this.#expressions.get(name)
    if (!expression) return undefined
    if (!expression.program) return new CelFailure(`composited variable "${name}" fails to compile: ${expression.failure}`)
    try {
      return expression.program.evaluate(this.#values, this.#budget)
    } catch (error) {
      if (!(error instanceof CelError)) throw error
      return new CelFailure(`composited variable "${name}" fails to evaluate: ${error.message}`)
    }
  }
}

const factsOf = new WeakMap<AdmissionRequest, { readonly matched: Kind | undefined; readonly facts: object }>()

/** The same for all policies that see a request in one version. */
function sharedFacts({ request, matched }: Activation): object {
  const known = factsOf.get(request)
  if (known && known.matched === matched) return known.facts
  const facts = requestFacts({ request, matched })
  factsOf.set(request, { matched, facts })
  return facts
}

/** The fields of an AdmissionReview's request, but for the objects; webhooks are sent the same. */
export function requestFacts({ request, matched }: Pick<Activation, 'request' | 'matched'>): object {
  const { kind, subresource, name, namespace, operation, user, dryRun, options } = request
  const body = bodyKind(request)
  return {
    kind: matched && body.kind === kind.kind ? kindOf(matched) : body,
    resource: resourceOf(matched ?? kind),
    ...(subresource && { subResource: subresource, requestSubResource: subresource }),
    requestKind: body,
    requestResource: resourceOf(kind),
    ...(name && { name }),
    ...(namespace && { namespace }),
    operation,
    userInfo: {
      username: user.name,
      ...(user.uid && { uid: user.uid }),
      ...(user.groups.length > 0 && { groups: user.groups }),
      ...(user.extra && Object.keys(user.extra).length > 0 && { extra: user.extra }),
    },
    dryRun,
    options,
  }
}

/** The kind of what was sent: on some subresources it is one of their own. */
function bodyKind({ kind, subresource }: AdmissionRequest): { group: string; version: string; kind: string } {
  if (subresource === 'scale') return { group: 'autoscaling', version: 'v1', kind: 'Scale' }
  const declared = subresource ? kind.def.subresources?.[subresource] : undefined
  if (!declared) return kindOf(kind)
  return { group: declared.group ?? kind.group, version: declared.version ?? kind.version, kind: declared.kind }
}

function kindOf({ group, version, kind }: Kind): { group: string; version: string; kind: string } {
  return { group, version, kind }
}

function resourceOf({ group, version, plural }: Kind): object {
  return { group, version, resource: plural }
}

/** A namespace is not in itself. */
function namespaceObject({ kind, namespace }: AdmissionRequest, lister: Lister): unknown {
  if (!namespace || (kind.kind === Namespace.kind && kind.group === '')) return null
  return lister.get(Namespace, namespace) ?? null
}
