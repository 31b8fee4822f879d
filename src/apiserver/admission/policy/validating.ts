/** ValidatingAdmissionPolicy: refuses, warns and notes by the expressions of policies (upstream `policy/validating/dispatcher.go`). */
import { ValidatingAdmissionPolicy } from '#api/admissionregistration/v1/validating-admission-policy.ts'
import { ValidatingAdmissionPolicyBinding } from '#api/admissionregistration/v1/validating-admission-policy-binding.ts'
import type { Kind } from '#schema/kind.ts'
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
import { type Denial, type Verdict, validateRequest } from './validate-request.ts'

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
async function dispatch(hooks: readonly PolicyHook[], request: AdmissionRequest, context: AdmissionContext): Promise<void> {
  const authorizer = new RequestAuthorizer(context.authorizer)
  let refusal: StatusError | undefined
  for (const hook of hooks) {
    const matched = hook.matches(request, context)
    if (!matched) continue
    const notes = new Map<string, Set<string>>()
    for (const { binding, matches } of hook.bindings) {
      if (!matches(request, context)) continue
      // Its expressions speak of the version that its rules name.
      const visit = { hook, binding, request: await atVersion(request, matched), context, matched }
      for (const verdict of await verdictsOf(visit, authorizer)) {
        const denied = enforce(verdict, visit)
        refusal ??= denied
        for (const { key, value } of verdict.annotations) notes.set(key, (notes.get(key) ?? new Set()).add(value))
      }
    }
    for (const [key, values] of notes) request.annotate?.(`${hook.policy.metadata.name}/${key}`, [...values].join(', '))
  }
  if (refusal) throw refusal
}

interface Visit {
  readonly hook: PolicyHook
  readonly binding: ValidatingAdmissionPolicyBinding
  readonly request: AdmissionRequest
  readonly context: AdmissionContext
  readonly matched: Kind
}

async function verdictsOf(
  { hook, binding, request, context, matched }: Visit,
  authorizer: RequestAuthorizer,
): Promise<readonly Verdict[]> {
  const { policy, compiled } = hook
  const failsClosed = policy.spec.failurePolicy !== 'Ignore'
  try {
    const params = collectParams({ paramKind: policy.spec.paramKind, paramRef: binding.spec.paramRef }, request, context)
    const verdicts: Verdict[] = []
    for (const param of params) {
      const activation = { request, lister: context.lister, authorizer, matched, params: param }
      verdicts.push(await authorizer.settle(() => validateRequest(compiled, activation, failsClosed)))
    }
    return verdicts
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
