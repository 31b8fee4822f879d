/** ValidatingAdmissionPolicy: refuses, warns and notes by the expressions of policies (upstream `policy/validating/dispatcher.go`). */

import { ValidatingAdmissionPolicy } from '#api/admissionregistration/v1/validating-admission-policy.ts'
import { ValidatingAdmissionPolicyBinding } from '#api/admissionregistration/v1/validating-admission-policy-binding.ts'
import { eachInTurn, type Soon, then } from '#lib/soon.ts'
import type { Kind } from '#schema/kind.ts'
import { type Reason, StatusError } from '#schema/status-error.ts'
import type { PolicyCheck } from '../../publish/admission-instruments.ts'
import type { AdmissionContext, AdmissionPlugin, AdmissionRequest } from '../plugin.ts'
import { refuse } from '../refuse.ts'
import { atVersion } from '../webhook/versions.ts'
import type { Activation } from './activation.ts'
import { RequestAuthorizer } from './authorizer.ts'
import { type CompiledValidatingPolicy, compileValidatingPolicy } from './compile.ts'
import { isExempt } from './exempt.ts'
import { installExpressionCompiler } from './expression-errors.ts'
import { ConfigurationError, collectParams } from './params.ts'
import { type Hook, PolicySource } from './source.ts'
import { type Denial, nothing, type Verdict, validateRequest } from './validate-request.ts'

installExpressionCompiler()

type PolicyHook = Hook<ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding, CompiledValidatingPolicy>

const source = new PolicySource<ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding, CompiledValidatingPolicy>({
  policy: ValidatingAdmissionPolicy,
  binding: ValidatingAdmissionPolicyBinding,
  compile: compileValidatingPolicy,
})

export const validatingAdmissionPolicy: AdmissionPlugin = {
  name: 'ValidatingAdmissionPolicy',
  handles: (request) => !isExempt(request),
  validate(request, context) {
    const hooks = source.hooks(request, context.lister)
    return hooks.length === 0 ? undefined : dispatch(hooks, request, context)
  },
}

/** All policies are asked; the first refusal is the one that is told. */
function dispatch(hooks: readonly PolicyHook[], request: AdmissionRequest, context: AdmissionContext): Soon<void> {
  const round = new Round(request, context)
  return then(
    eachInTurn(hooks, (hook) => ask(hook, round)),
    () => round.end(),
  )
}

/** What the policies share that are asked about one request. */
class Round {
  readonly request: AdmissionRequest
  readonly context: AdmissionContext
  readonly authorizer: RequestAuthorizer
  refusal: StatusError | undefined
  /** What is to be noted in the audit event, by its key. */
  #notes: Map<string, Set<string>> | undefined
  #last: Activation | undefined

  constructor(request: AdmissionRequest, context: AdmissionContext) {
    this.request = request
    this.context = context
    this.authorizer = new RequestAuthorizer(context.authorizer)
  }

  /** The same for all policies without parameters that see the request as one kind, so that its values are made once. */
  activation(request: AdmissionRequest, matched: Kind): Activation {
    const last = this.#last
    if (last && last.request === request && last.matched === matched) return last
    return (this.#last = { request, lister: this.context.lister, authorizer: this.authorizer, matched })
  }

  take(verdict: Verdict, visit: Visit): void {
    const refusal = enforce(verdict, visit)
    if (verdict.denials.length > 0) this.#count(verdict, visit)
    this.refusal ??= refusal
    for (const { key, value } of verdict.annotations) {
      const name = `${visit.hook.policy.metadata.name}/${key}`
      this.#notes ??= new Map()
      this.#notes.set(name, (this.#notes.get(name) ?? new Set()).add(value))
    }
  }

  /** Upstream takes a denial for an error, too. */
  #count({ denials }: Verdict, { hook, binding, began }: Visit): void {
    const { onPolicyCheck, clock } = this.context
    if (!onPolicyCheck) return
    const seconds = (clock.monotonic() - began) / 1000
    const names = { policy: hook.policy.metadata.name ?? '', binding: binding.metadata.name ?? '' }
    for (const { message } of denials) {
      for (const action of binding.spec.validationActions ?? []) {
        onPolicyCheck({ ...names, action: action.toLowerCase() as 'deny', error: errorTypeOf(message), seconds })
      }
    }
  }

  end(): void {
    for (const [key, values] of this.#notes ?? []) this.request.annotate?.(key, [...values].join(', '))
    if (this.refusal) throw this.refusal
  }
}

/** Its expressions speak of the version that its rules name. */
function ask(hook: PolicyHook, round: Round): Soon<void> {
  const matched = hook.matches(round.request, round.context)
  if (!matched) return
  const request = atVersion(round.request, matched)
  if (request instanceof Promise) return request.then((seen) => consult(hook, round, round.activation(seen, matched)))
  return consult(hook, round, round.activation(request, matched))
}

/** Asks the policy once for each of its bindings. */
function consult(hook: PolicyHook, round: Round, activation: Activation): Soon<void> {
  return eachInTurn(hook.bindings, ({ binding, matches }) => {
    if (!matches(round.request, round.context)) return
    const began = round.context.onPolicyCheck ? round.context.clock.monotonic() : 0
    return visit({ hook, binding, request: activation.request, began }, activation, round)
  })
}

interface Visit {
  readonly hook: PolicyHook
  readonly binding: ValidatingAdmissionPolicyBinding
  readonly request: AdmissionRequest
  /** When the binding's turn came. */
  readonly began: number
}

function errorTypeOf(message: string): PolicyCheck['error'] {
  if (message.startsWith('compilation')) return 'compile_error'
  return message.startsWith('validation failed due to running out of cost budget') ? 'out_of_budget' : 'invalid_error'
}

function visit(visited: Visit, activation: Activation, round: Round): Soon<void> {
  const { policy } = visited.hook
  if (policy.spec.paramKind) return visitWithParams(visited, activation, round)
  return judge(visited, activation, round)
}

/** Once for each parameter. */
function visitWithParams(visited: Visit, activation: Activation, round: Round): Soon<void> {
  const { hook, binding, request } = visited
  try {
    const found = collectParams(
      { paramKind: hook.policy.spec.paramKind, paramRef: binding.spec.paramRef },
      request,
      round.context,
    )
    return eachInTurn(found, (params) => judge(visited, { ...activation, params, values: undefined }, round))
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    // Whatever the binding's actions are: nobody knows what it would have said.
    if (!failsClosed(hook)) return
    const message = `failed to configure ${error.isPolicys ? 'policy' : 'binding'}: ${error.message}`
    round.take({ denials: [], annotations: [], annotationErrors: [message] }, visited)
  }
}

function judge(visited: Visit, activation: Activation, round: Round): Soon<void> {
  const { hook } = visited
  const verdict = round.authorizer.settle(() => validateRequest(hook.compiled, activation, failsClosed(hook)))
  if (verdict instanceof Promise) return verdict.then((known) => round.take(known, visited))
  if (verdict !== nothing) round.take(verdict, visited)
}

function failsClosed({ policy }: PolicyHook): boolean {
  return policy.spec.failurePolicy !== 'Ignore'
}

/** Does what the binding wants done; answers the refusal, if there is one. */
function enforce({ denials, annotationErrors }: Verdict, visit: Visit): StatusError | undefined {
  const { hook, binding, request } = visit
  const actions = binding.spec.validationActions ?? []
  const names = `'${hook.policy.metadata.name}' with binding '${binding.metadata.name}'`
  let refusal: StatusError | undefined
  for (const denial of denials) {
    if (actions.includes('Deny')) refusal ??= denied(visit, denial)
    if (actions.includes('Audit')) note(visit, denial)
    if (actions.includes('Warn')) request.warn(`Validation failed for ValidatingAdmissionPolicy ${names}: ${denial.message}`)
  }
  const [broken] = annotationErrors
  return refusal ?? (broken === undefined ? undefined : denied(visit, { index: 0, message: broken }))
}

/** Status codes that a policy may choose; every other reason is answered as 422. */
const codes: Readonly<Record<string, number>> = { Forbidden: 403, Unauthorized: 401, RequestEntityTooLarge: 413, Invalid: 422 }

function denied({ hook, binding, request }: Visit, { message, reason = 'Invalid' }: Denial): StatusError {
  const names = `'${hook.policy.metadata.name}' with binding '${binding.metadata.name}'`
  const text = `ValidatingAdmissionPolicy ${names} denied request: ${message}`
  const plain = refuse(request, text)
  const details = { ...plain.details, causes: [...(plain.details?.causes ?? []), { message: text }] }
  return new StatusError(reason as Reason, plain.message, { code: codes[reason] ?? 422, details: details as never })
}

function note({ hook, binding, request }: Visit, { message, index }: Denial): void {
  const { validationActions } = binding.spec
  const failure = {
    message,
    policy: hook.policy.metadata.name,
    binding: binding.metadata.name,
    expressionIndex: index,
    validationActions,
  }
  request.annotate?.('validation.policy.admission.k8s.io/validation_failure', JSON.stringify([failure]))
}
