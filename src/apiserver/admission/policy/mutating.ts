/** MutatingAdmissionPolicy: changes objects by the expressions of policies (upstream `policy/mutating/dispatcher.go`). */
import { MutatingAdmissionPolicy } from '#api/admissionregistration/v1/mutating-admission-policy.ts'
import { MutatingAdmissionPolicyBinding } from '#api/admissionregistration/v1/mutating-admission-policy-binding.ts'
import { runtimeCostBudget } from '#schema/cel/compile.ts'
import { semanticEqual } from '#schema/equal.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { StatusError } from '#schema/status-error.ts'
import type { AdmissionContext, AdmissionPlugin, AdmissionRequest } from '../plugin.ts'
import { refuse } from '../refuse.ts'
import { atVersion, converted } from '../webhook/versions.ts'
import { evaluateExpression, OutOfBudget, policyValues } from './activation.ts'
import { applyMutation, isPolicyError } from './apply-mutation.ts'
import { RequestAuthorizer } from './authorizer.ts'
import { type CompiledMutatingPolicy, compileMutatingPolicy } from './compile.ts'
import { ConditionError, conditionsHold } from './conditions.ts'
import { isExempt } from './exempt.ts'
import { ConfigurationError, collectParams } from './params.ts'
import { type Hook, PolicySource } from './source.ts'

type PolicyHook = Hook<MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding, CompiledMutatingPolicy>

const name = 'MutatingAdmissionPolicy'

const source = new PolicySource<MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding, CompiledMutatingPolicy>({
  policy: MutatingAdmissionPolicy,
  binding: MutatingAdmissionPolicyBinding,
  compile: compileMutatingPolicy,
})

export const mutatingAdmissionPolicy: AdmissionPlugin = {
  name,
  handles: (request) => !isExempt(request),
  mutate(request, context) {
    const hooks = source.hooks(request, context.lister)
    return hooks.length === 0 ? undefined : dispatch(hooks, request, context)
  },
}

/** One policy with one binding and one parameter. */
interface Invocation {
  readonly hook: PolicyHook
  readonly binding: MutatingAdmissionPolicyBinding
  readonly matched: Kind
  readonly params: KubeObject | undefined
  /** The same across the two passes of a request. */
  readonly key: string
}

/** What the first pass leaves for the second (upstream `policyReinvokeContext`). */
interface Memory {
  /** Those that ran and want to run again when somebody changes the object after them. */
  readonly reinvocable: Set<string>
  /** Those of them after which somebody did. */
  readonly due: Set<string>
  lastOutput?: unknown
}

const memories = new WeakMap<object, Memory>()

async function dispatch(hooks: readonly PolicyHook[], request: AdmissionRequest, context: AdmissionContext): Promise<void> {
  const errors: PolicyError[] = []
  const invocations = invocationsOf(hooks, { request, context, errors })
  const pass = request.reinvocation
  const memory = memoryOf(pass)
  if (pass?.isSecond && !semanticEqual(memory.lastOutput, request.object)) requireAgain(memory)
  const authorizer = new RequestAuthorizer(context.authorizer)
  for (const invocation of invocations) {
    await invoke(invocation, { request, context, authorizer, memory, errors })
  }
  if (pass) memory.lastOutput = structuredClone(request.object)
  const told = errors.filter(({ policy }) => policy.spec.failurePolicy !== 'Ignore')
  if (told.length > 0) throw denied(request, told)
}

function memoryOf(pass: AdmissionRequest['reinvocation']): Memory {
  let memory = pass && memories.get(pass.key)
  if (!memory) {
    memory = { reinvocable: new Set(), due: new Set() }
    if (pass) memories.set(pass.key, memory)
  }
  return memory
}

function requireAgain({ reinvocable, due }: Memory): void {
  for (const key of reinvocable) due.add(key)
  reinvocable.clear()
}

interface PolicyError {
  readonly policy: MutatingAdmissionPolicy
  readonly binding?: MutatingAdmissionPolicyBinding
  readonly message: string
  readonly reason: 'Forbidden' | 'Invalid'
}

function invocationsOf(
  hooks: readonly PolicyHook[],
  { request, context, errors }: { request: AdmissionRequest; context: AdmissionContext; errors: PolicyError[] },
): Invocation[] {
  const found: Invocation[] = []
  for (const hook of hooks) {
    const matched = hook.matches(request, context)
    if (!matched) continue
    const { policy } = hook
    for (const { binding, matches } of hook.bindings) {
      if (!matches(request, context)) continue
      try {
        const given = collectParams({ paramKind: policy.spec.paramKind, paramRef: binding.spec.paramRef }, request, context)
        found.push(...given.map((params) => ({ hook, binding, matched, params, key: keyOf(policy, binding, params) })))
      } catch (error) {
        if (!(error instanceof ConfigurationError)) throw error
        const about = error.isPolicys ? { policy } : { policy, binding }
        const message = `failed to configure ${error.isPolicys ? 'policy' : 'binding'}: ${error.message}`
        errors.push({ ...about, message, reason: 'Forbidden' })
        if (error.isPolicys) break
      }
    }
  }
  return found
}

function keyOf(policy: MutatingAdmissionPolicy, binding: MutatingAdmissionPolicyBinding, params: KubeObject | undefined): string {
  const { namespace = '', name: param = '' } = params?.metadata ?? {}
  return [policy.metadata.name, binding.metadata.name, namespace, param].join('/')
}

interface Run {
  readonly request: AdmissionRequest
  readonly context: AdmissionContext
  readonly authorizer: RequestAuthorizer
  readonly memory: Memory
  readonly errors: PolicyError[]
}

async function invoke(invocation: Invocation, run: Run): Promise<void> {
  const { hook, binding, matched, params, key } = invocation
  const { request, context, authorizer, memory, errors } = run
  const { policy, compiled } = hook
  const fail = (message: string) => void errors.push({ policy, binding, message, reason: 'Invalid' })
  // In the version that the policy's rules name, of which its expressions speak.
  let own = await atVersion(request, matched)
  const activation = () => ({ request: own, lister: context.lister, authorizer, matched, params })
  try {
    const holds = () => conditionsHold(compiled.conditions, activation(), compiled.variables)
    if (!(await authorizer.settle(holds))) return
  } catch (error) {
    if (error instanceof ConditionError) return fail(error.message)
    throw error
  }
  if (request.reinvocation?.isSecond && !memory.due.has(key)) return
  let changed = false
  for (const mutation of compiled.mutations) {
    if (!request.object) continue
    try {
      const next = await authorizer.settle(() => {
        const budget = { remaining: runtimeCostBudget }
        const value = evaluateExpression(mutation.expression, policyValues(activation(), compiled.variables, budget), budget)
        return applyMutation(mutation.type, value, { request: own === request ? own : { ...own, kind: matched }, budget })
      })
      const back = own === request ? next : await converted(next, matched, request.kind)
      changed = !semanticEqual(back, request.object) || changed
      replace(request.object, back)
      if (own !== request) own = { ...own, object: next }
    } catch (error) {
      if (!isPolicyError(error) && !(error instanceof OutOfBudget)) throw error
      fail(error.message)
    }
  }
  if (changed) {
    requireAgain(memory)
    request.reinvocation?.want()
  }
  if (policy.spec.reinvocationPolicy === 'IfNeeded') memory.reinvocable.add(key)
}

/** The object of a request keeps its identity: others hold it. */
function replace(object: Record<string, unknown>, next: object): void {
  for (const key of Object.keys(object)) delete object[key]
  Object.assign(object, next)
}

function denied(request: AdmissionRequest, errors: readonly PolicyError[]): StatusError {
  const causes = errors.map(({ policy, binding, message }) => {
    const who = binding
      ? `policy '${policy.metadata.name}' with binding '${binding.metadata.name}'`
      : `policy ${JSON.stringify(policy.metadata.name)}`
    return { message: `${who} denied request: ${message}` }
  })
  const plain = refuse(request, 'admission request denied by policy')
  const [{ reason }] = errors as [PolicyError]
  return new StatusError(reason, causes[0]?.message ?? '', { code: 403, details: { ...plain.details, causes } as never })
}
