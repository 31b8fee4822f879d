/** ValidatingAdmissionPolicy: refuses, warns and notes by the expressions of policies (upstream `policy/validating/dispatcher.go`). */
import { ValidatingAdmissionPolicy } from '#api/admissionregistration/v1/validating-admission-policy.ts'
import { ValidatingAdmissionPolicyBinding } from '#api/admissionregistration/v1/validating-admission-policy-binding.ts'
import { eachInTurn, type Soon, then } from '#lib/soon.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { type Reason, StatusError } from '#schema/status-error.ts'
import type { AdmissionContext, AdmissionPlugin, AdmissionRequest } from '../plugin.ts'
import { refuse } from '../refuse.ts'
import { atVersion } from '../webhook/versions.ts'
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
  const round: Round = { request, context, authorizer: new RequestAuthorizer(context.authorizer), refusal: undefined }
  return then(
    eachInTurn(hooks, (hook) => ask(hook, round)),
    () => {
      if (round.refusal) throw round.refusal
    },
  )
}

/** What the policies share that are asked about one request. */
interface Round {
  readonly request: AdmissionRequest
  readonly context: AdmissionContext
  readonly authorizer: RequestAuthorizer
  refusal: StatusError | undefined
}

function ask(hook: PolicyHook, round: Round): Soon<void> {
  const matched = hook.matches(round.request, round.context)
  if (!matched) return
  // Its expressions speak of the version that its rules name.
  return then(atVersion(round.request, matched), (request) => consult(hook, round, { request, matched }))
}

/** Asks the policy once for each of its bindings. */
function consult(hook: PolicyHook, round: Round, seen: Pick<Visit, 'request' | 'matched'>): Soon<void> {
  const { context } = round
  const notes: Notes = new Map()
  const visit = ({ binding, matches }: PolicyHook['bindings'][number]) => {
    if (!matches(round.request, context)) return
    const visited = { hook, binding, context, ...seen }
    return then(verdictsOf(visited, round.authorizer), (verdicts) => {
      for (const verdict of verdicts) if (verdict !== nothing) take(verdict, visited, { round, notes })
    })
  }
  return then(eachInTurn(hook.bindings, visit), () => {
    for (const [key, values] of notes) seen.request.annotate?.(`${hook.policy.metadata.name}/${key}`, [...values].join(', '))
  })
}

/** What is to be noted in the audit event, by its key. */
type Notes = Map<string, Set<string>>

function take(verdict: Verdict, visit: Visit, { round, notes }: { round: Round; notes: Notes }): void {
  const denied = enforce(verdict, visit)
  round.refusal ??= denied
  for (const { key, value } of verdict.annotations) notes.set(key, (notes.get(key) ?? new Set()).add(value))
}

interface Visit {
  readonly hook: PolicyHook
  readonly binding: ValidatingAdmissionPolicyBinding
  readonly request: AdmissionRequest
  readonly context: AdmissionContext
  readonly matched: Kind
}

/** One for each parameter. */
function verdictsOf(
  { hook, binding, request, context, matched }: Visit,
  authorizer: RequestAuthorizer,
): Soon<readonly Verdict[]> {
  const { policy, compiled } = hook
  const failsClosed = policy.spec.failurePolicy !== 'Ignore'
  try {
    const found = collectParams({ paramKind: policy.spec.paramKind, paramRef: binding.spec.paramRef }, request, context)
    const verdicts: Verdict[] = []
    const validate = (params: KubeObject | undefined) => {
      const activation = { request, lister: context.lister, authorizer, matched, params }
      const verdict = authorizer.settle(() => validateRequest(compiled, activation, failsClosed))
      return then(verdict, (known) => void verdicts.push(known))
    }
    return then(eachInTurn(found, validate), () => verdicts)
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error
    const message = `failed to configure ${error.isPolicys ? 'policy' : 'binding'}: ${error.message}`
    // Whatever the binding's actions are: nobody knows what it would have said.
    return failsClosed ? [{ denials: [], annotations: [], annotationErrors: [message] }] : []
  }
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
