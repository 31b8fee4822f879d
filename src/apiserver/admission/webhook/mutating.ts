/** MutatingAdmissionWebhook: lets webhooks change objects, one after the other (upstream `webhook/mutating/dispatcher.go`). */
import { MutatingWebhookConfiguration } from '#api/admissionregistration/v1/mutating-webhook-configuration.ts'
import { decode } from '#schema/decode.ts'
import { applyDefaults } from '#schema/default.ts'
import { semanticEqual } from '#schema/equal.ts'
import type { KubeObject } from '#schema/kind.ts'
import { type JsonPatchOperation, jsonPatch } from '#schema/merge-json-patch.ts'
import { StatusError } from '#schema/status-error.ts'
import type { AdmissionPlugin, AdmissionRequest } from '../plugin.ts'
import { hasOwnKind } from '../policy/apply-mutation.ts'
import { ask, CallError, type WebhookContext, watched } from './ask.ts'
import { credentialsFrom } from './credentials.ts'
import { type Hook, type Invocation, invocationOf, isExemptFromWebhooks, WebhookSource } from './source.ts'
import { converted } from './versions.ts'

const source = new WebhookSource(MutatingWebhookConfiguration)

/** `configuration`: a WebhookAdmissionConfiguration. */
export function mutatingAdmissionWebhookWith(
  configuration?: any,
  readFile: (path: string) => string = () => '',
): AdmissionPlugin {
  const credentialsFor = credentialsFrom(configuration, readFile)
  return {
    name: 'MutatingAdmissionWebhook',
    handles: (request) => !isExemptFromWebhooks(request),
    mutate(request, context) {
      const hooks = source.hooks(context.lister)
      return hooks.length === 0 ? undefined : dispatch(hooks, request, credentialsFor ? { ...context, credentialsFor } : context)
    },
  }
}

/** What the first pass leaves for the second (upstream `webhookReinvokeContext`). */
interface Memory {
  readonly reinvocable: Set<string>
  /** Those of them after which somebody changed the object. */
  readonly due: Set<string>
  lastOutput?: unknown
}

const memories = new WeakMap<object, Memory>()

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

async function dispatch(hooks: readonly Hook[], request: AdmissionRequest, context: WebhookContext): Promise<void> {
  const pass = request.reinvocation
  const memory = memoryOf(pass)
  if (pass?.isSecond && !semanticEqual(memory.lastOutput, request.object)) requireAgain(memory)
  for (const [index, hook] of hooks.entries()) {
    const invocation = await invocationOf(hook, request, context)
    if (!invocation || (pass?.isSecond && !memory.due.has(hook.key))) continue
    const changed = await invoke(invocation, { request, context, place: `round_${pass?.isSecond ? 1 : 0}_index_${index}` })
    if (changed) {
      requireAgain(memory)
      pass?.want()
    }
    if (hook.webhook.reinvocationPolicy === 'IfNeeded') memory.reinvocable.add(hook.key)
  }
  if (pass) memory.lastOutput = structuredClone(request.object)
}

interface Run {
  readonly request: AdmissionRequest
  readonly context: WebhookContext
  /** Which call of which round it is, in the names of audit annotations. */
  readonly place: string
}

/** Answers whether the object changed. */
async function invoke(invocation: Invocation, { request, context, place }: Run): Promise<boolean> {
  const { webhook, configuration } = invocation.hook
  let mutated = false
  try {
    const call = () => ask(invocation, context, true)
    const isIgnored = webhook.failurePolicy === 'Ignore'
    const operations = await watched(invocation, context, { type: 'admit', isIgnored, call })
    if (operations.length === 0) return false
    mutated = await change(request, invocation, operations)
    const note = { configuration, webhook: webhook.name, patch: operations, patchType: 'JSONPatch' }
    request.annotate?.(`patch.webhook.admission.k8s.io/${place}`, JSON.stringify(note))
    return mutated
  } catch (error) {
    if (!(error instanceof CallError)) throw error
    if (webhook.failurePolicy !== 'Ignore') throw error.toStatusError()
    request.annotate?.(`failed-open.mutation.webhook.admission.k8s.io/${place}`, webhook.name)
    return false
  } finally {
    const note = { configuration, webhook: webhook.name, mutated }
    request.annotate?.(`mutation.webhook.admission.k8s.io/${place}`, JSON.stringify(note))
  }
}

async function change(
  request: AdmissionRequest,
  invocation: Invocation,
  operations: readonly JsonPatchOperation[],
): Promise<boolean> {
  const { hook, matched, request: seen } = invocation
  if (!request.object) {
    const why = `admission webhook ${JSON.stringify(hook.webhook.name)} attempted to modify the object, which is not supported for this operation`
    throw internal(why)
  }
  const patched = attempt(() => jsonPatch(structuredClone(seen.object), operations)) as KubeObject
  const next = hasOwnKind(request) ? patched : attempt(() => decode(matched.schema, patched) as KubeObject)
  if (!hasOwnKind(request)) applyDefaults(matched, next)
  if (semanticEqual(next, seen.object)) return false
  replace(request.object, matched === request.kind || hasOwnKind(request) ? next : await converted(next, matched, request.kind))
  return true
}

function attempt<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw internal((error as Error).message)
  }
}

function internal(message: string): StatusError {
  return new StatusError('InternalError', `Internal error occurred: ${message}`, { details: { causes: [{ message }] } })
}

/** The object of a request keeps its identity: others hold it. */
function replace(object: Record<string, unknown>, next: object): void {
  for (const key of Object.keys(object)) delete object[key]
  Object.assign(object, next)
}
