/** ValidatingAdmissionWebhook: asks all webhooks at once (upstream `webhook/validating/dispatcher.go`). */
import { ValidatingWebhookConfiguration } from '#api/admissionregistration/v1/validating-webhook-configuration.ts'
import type { AdmissionPlugin, AdmissionRequest } from '../plugin.ts'
import { ask, CallError, type WebhookContext, watched } from './ask.ts'
import { credentialsFrom } from './credentials.ts'
import { type Hook, type Invocation, invocationOf, isExemptFromWebhooks, WebhookSource } from './source.ts'

const source = new WebhookSource(ValidatingWebhookConfiguration)

/** `configuration`: a WebhookAdmissionConfiguration. */
export function validatingAdmissionWebhookWith(
  configuration?: any,
  readFile: (path: string) => string = () => '',
): AdmissionPlugin {
  const credentialsFor = credentialsFrom(configuration, readFile)
  return {
    name: 'ValidatingAdmissionWebhook',
    handles: (request) => !isExemptFromWebhooks(request),
    validate(request, context) {
      const hooks = source.hooks(context.lister)
      return hooks.length === 0 ? undefined : dispatch(hooks, request, credentialsFor ? { ...context, credentialsFor } : context)
    },
  }
}

/** Of several refusals, that of the first webhook is told. */
async function dispatch(hooks: readonly Hook[], request: AdmissionRequest, context: WebhookContext): Promise<void> {
  const invocations: Invocation[] = []
  for (const hook of hooks) {
    const invocation = await invocationOf(hook, request, context)
    if (invocation) invocations.push(invocation)
  }
  const answers = await Promise.allSettled(invocations.map((invocation, index) => consult(invocation, context, index)))
  for (const answer of answers) if (answer.status === 'rejected') throw answer.reason
}

async function consult(invocation: Invocation, context: WebhookContext, index: number): Promise<void> {
  const { webhook } = invocation.hook
  const isIgnored = webhook.failurePolicy === 'Ignore'
  try {
    await watched(invocation, context, { type: 'validating', isIgnored, call: () => ask(invocation, context, false) })
  } catch (error) {
    if (!(error instanceof CallError)) throw error
    if (!isIgnored) throw error.toStatusError()
    invocation.request.annotate?.(`failed-open.validating.webhook.admission.k8s.io/round_0_index_${index}`, webhook.name)
  }
}
