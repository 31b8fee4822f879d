/** Asks one webhook: an AdmissionReview there and back (upstream `webhook/request/admissionreview.go`). */
import type { JsonPatchOperation } from '#schema/merge-json-patch.ts'
import { badRequest, type Reason, StatusError, type StatusObject } from '#schema/status-error.ts'
import { callWebhook } from '../../webhook-call.ts'
import type { AdmissionContext } from '../plugin.ts'
import { requestFacts } from '../policy/activation.ts'
import type { CredentialsFor } from './credentials.ts'
import type { Invocation } from './source.ts'

/** The webhook could not be asked, or answered nonsense; failurePolicy decides. */
export class CallError extends Error {
  constructor(webhook: string, reason: string) {
    super(`failed calling webhook ${JSON.stringify(webhook)}: ${reason}`)
    this.name = 'CallError'
  }

  /** For the client, where the webhook may not be done without. */
  toStatusError(): StatusError {
    const details = { causes: [{ message: this.message }] }
    return new StatusError('InternalError', `Internal error occurred: ${this.message}`, { details, cause: this })
  }
}

/** What a plugin knows besides: how it identifies itself to webhooks. */
export type WebhookContext = AdmissionContext & { readonly credentialsFor?: CredentialsFor | undefined }

/** What is to be done to the object; empty where the webhook is content with it. Throws CallError, or the refusal as a StatusError. */
export async function ask(
  { hook, matched, request }: Invocation,
  { random, serviceDialer, credentialsFor }: Pick<WebhookContext, 'random' | 'serviceDialer' | 'credentialsFor'>,
  mutating: boolean,
): Promise<readonly JsonPatchOperation[]> {
  const { name, clientConfig, sideEffects, timeoutSeconds = 10, admissionReviewVersions } = hook.webhook
  if (request.dryRun && sideEffects !== 'None' && sideEffects !== 'NoneOnDryRun') {
    throw badRequest(`admission webhook ${JSON.stringify(name)} does not support dry run`)
  }
  const version = admissionReviewVersions.find((one) => one === 'v1' || one === 'v1beta1')
  if (!version) {
    const why = 'webhook does not accept known AdmissionReview versions (v1, v1beta1)'
    throw new CallError(name, `could not create admission objects: ${why}`)
  }
  const uid = random.uuid()
  const body = {
    kind: 'AdmissionReview',
    apiVersion: `admission.k8s.io/${version}`,
    request: { uid, ...requestFacts({ request, matched }), object: request.object ?? null, oldObject: request.old ?? null },
  }
  let review: any
  try {
    const { traceparent } = request
    const credentials = credentialsFor?.(targetOf(clientConfig))
    review = await callWebhook({
      ...clientConfig,
      ...credentials,
      body,
      serviceDialer,
      traceparent,
      timeout: timeoutSeconds * 1000,
    })
  } catch (error) {
    throw new CallError(name, `failed to call webhook: ${(error as Error).message}`)
  }
  const problem = version === 'v1' ? problemOf(review, uid, mutating) : missingResponse(review)
  if (problem) throw new CallError(name, `received invalid webhook response: ${problem}`)
  const { response } = review
  for (const [key, value] of Object.entries(response.auditAnnotations ?? {})) request.annotate?.(`${name}/${key}`, String(value))
  for (const warning of response.warnings ?? []) request.warn(String(warning))
  if (!response.allowed) throw rejection(name, response.status ?? response.result)
  return mutating && response.patch ? patchOf(name, response, version) : []
}

/** The name under which a kubeconfig may have a user for it. */
function targetOf({ url, service }: Invocation['hook']['webhook']['clientConfig']): string {
  if (service) return `${service.name}.${service.namespace}.svc:${service.port ?? 443}`
  const { hostname, port } = new URL(url ?? '')
  return `${hostname}:${port || 443}`
}

interface Watched<T> {
  readonly type: 'admit' | 'validating'
  /** Whether a webhook that fails is passed over. */
  readonly isIgnored: boolean
  call(): Promise<T>
}

/** The call, with who wants to know of it told how it went. */
export async function watched<T>(
  { hook, request }: Invocation,
  { onWebhook, clock }: Pick<AdmissionContext, 'onWebhook' | 'clock'>,
  { type, isIgnored, call }: Watched<T>,
): Promise<T> {
  if (!onWebhook) return call()
  const began = clock.monotonic()
  const base = () => {
    const seconds = (clock.monotonic() - began) / 1000
    return { name: hook.webhook.name, type, operation: request.operation, seconds }
  }
  try {
    const answer = await call()
    onWebhook({ ...base(), isBroken: false, isIgnored: false })
    return answer
  } catch (error) {
    const isBroken = error instanceof CallError
    const passes = isBroken && isIgnored
    onWebhook({ ...base(), isBroken, isIgnored: passes, ...(!passes && { refusal: error }) })
    throw error
  }
}

function missingResponse(review: any): string | undefined {
  return typeof review?.response === 'object' && review.response !== null ? undefined : 'webhook response was absent'
}

const v1 = 'admission.k8s.io/v1, Kind=AdmissionReview'

function problemOf(review: any, uid: string, mutating: boolean): string | undefined {
  const missing = missingResponse(review)
  if (missing) return missing
  const { apiVersion = '', kind = '', response } = review
  if (response.uid !== uid) return `expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? '')}`
  const found = `${apiVersion.includes('/') ? apiVersion : `/${apiVersion}`}, Kind=${kind}`
  if (found !== v1) return `expected webhook response of ${v1}, got ${found}`
  const { patch, patchType } = response
  if (!mutating) {
    if (patch) return 'validating webhook may not return response.patch'
    return patchType === undefined || patchType === null ? undefined : 'validating webhook may not return response.patchType'
  }
  if (patch && typeof patchType !== 'string') return 'webhook returned response.patch but not response.patchType'
  if (!patch && typeof patchType === 'string') return 'webhook returned response.patchType but not response.patch'
  return patchType === '' ? 'webhook returned invalid response.patchType of ""' : undefined
}

/** The webhook's own status, with who refused before its words. */
function rejection(webhook: string, given: Partial<StatusObject> | undefined): StatusError {
  const { message, reason, code = 0, details } = given ?? {}
  const denied = `admission webhook ${JSON.stringify(webhook)} denied the request`
  const text = message ? `${denied}: ${message}` : reason ? `${denied}: ${reason}` : `${denied} without explanation`
  return new StatusError((reason ?? '') as Reason, text, { code: Math.max(code, 400), ...(details && { details }) })
}

function patchOf(webhook: string, { patch, patchType }: any, version: string): readonly JsonPatchOperation[] {
  if (version === 'v1' && patchType !== 'JSONPatch')
    throw new CallError(webhook, `unsupported patch type ${JSON.stringify(patchType)}`)
  try {
    const operations = JSON.parse(Buffer.from(patch, 'base64').toString('utf8'))
    if (Array.isArray(operations)) return operations
    throw new Error('json: cannot unmarshal object into Go value of type jsonpatch.Patch')
  } catch (error) {
    throw new CallError(webhook, `received undecodable patch in webhook response: ${(error as Error).message}`)
  }
}
