/** Rules for webhook configurations (upstream `admissionregistration/validation` and `apiserver/pkg/util/webhook`). */
import type { MatchCondition, RuleWithOperations } from '#api/admissionregistration/v1/rule.ts'
import {
  failurePolicies,
  matchPolicies,
  validateMatchConditions,
  validateRule,
} from '#api/admissionregistration/v1/rule-validation.ts'
import type { ServiceReference, WebhookClientConfig } from '#api/admissionregistration/v1/webhook.ts'
import { required } from '#api/core/v1/validation/checks.ts'
import type { LabelSelector } from '#api/meta/v1/label-selector.ts'
import { semanticEqual } from '#schema/equal.ts'
import { type FieldError, type Path, root } from '#schema/field-error.ts'
import { isDns1035Label, isDns1123Subdomain } from '#schema/formats.ts'
import { validateLabelSelector } from '#schema/validate.ts'

interface Webhook {
  name: string
  clientConfig: WebhookClientConfig
  rules?: RuleWithOperations[] | undefined
  failurePolicy?: string | undefined
  matchPolicy?: string | undefined
  namespaceSelector?: LabelSelector | undefined
  objectSelector?: LabelSelector | undefined
  sideEffects?: string | undefined
  timeoutSeconds?: number | undefined
  admissionReviewVersions: string[]
  matchConditions?: MatchCondition[] | undefined
  reinvocationPolicy?: string | undefined
}

/** What an older configuration may keep that a new one may not have. */
interface Tolerance {
  readonly sideEffects: boolean
  readonly versions: boolean
  readonly repeatedNames: boolean
  readonly selectorValues: boolean
  readonly matchConditions: boolean
}

const quietSideEffects = ['None', 'NoneOnDryRun']
const allSideEffects = ['None', 'NoneOnDryRun', 'Some', 'Unknown']
const reviewVersions = ['v1', 'v1beta1']

export function validateWebhooks(webhooks: readonly Webhook[], old: readonly Webhook[] | undefined, at: Path): FieldError[] {
  const tolerance = toleranceOf(webhooks, old)
  return webhooks.flatMap((webhook, index) => {
    const here = at.index(index)
    const isRepeated = webhooks.findIndex(({ name }) => name === webhook.name) < index
    return [
      ...webhookErrors(webhook, here, tolerance),
      ...versionErrors(webhook.admissionReviewVersions, here.child('admissionReviewVersions'), tolerance),
      ...(webhook.name && isRepeated && !tolerance.repeatedNames ? [here.child('name').duplicate(webhook.name)] : []),
    ]
  })
}

function toleranceOf(webhooks: readonly Webhook[], old: readonly Webhook[] | undefined): Tolerance {
  if (!old) return { sideEffects: false, versions: false, repeatedNames: false, selectorValues: false, matchConditions: false }
  const isUnknown = ({ admissionReviewVersions: versions }: Webhook) =>
    versions.length > 0 && !versions.some((version) => reviewVersions.includes(version))
  const hasBadSelector = ({ namespaceSelector, objectSelector }: Webhook) =>
    [namespaceSelector, objectSelector].some((selector) => validateLabelSelector(selector, root).length > 0)
  return {
    sideEffects: !old.every(({ sideEffects = '' }) => quietSideEffects.includes(sideEffects)),
    versions: old.some(isUnknown),
    repeatedNames: new Set(old.map(({ name }) => name)).size < old.length,
    selectorValues: old.some(hasBadSelector),
    matchConditions:
      webhooks.length === old.length &&
      webhooks.every((webhook, index) => semanticEqual(webhook.matchConditions, old[index]?.matchConditions)),
  }
}

function webhookErrors(webhook: Webhook, at: Path, tolerance: Tolerance): FieldError[] {
  const { name, rules = [], failurePolicy, matchPolicy, timeoutSeconds: seconds, reinvocationPolicy, matchConditions } = webhook
  const selectors = { allowInvalidValues: tolerance.selectorValues }
  return [
    ...qualifiedNameErrors(name, at.child('name')),
    ...rules.flatMap((rule, index) => validateRule(rule, at.child('rules').index(index))),
    ...supported(failurePolicy, failurePolicies, at.child('failurePolicy')),
    ...supported(matchPolicy, matchPolicies, at.child('matchPolicy')),
    ...sideEffectErrors(webhook.sideEffects, at.child('sideEffects'), tolerance),
    ...(seconds !== undefined && (seconds > 30 || seconds < 1)
      ? [at.child('timeoutSeconds').invalid(seconds, 'the timeout value must be between 1 and 30 seconds')]
      : []),
    ...validateLabelSelector(webhook.namespaceSelector, at.child('namespaceSelector'), selectors),
    ...validateLabelSelector(webhook.objectSelector, at.child('objectSelector'), selectors),
    ...supported(reinvocationPolicy, ['IfNeeded', 'Never'], at.child('reinvocationPolicy')),
    ...clientErrors(webhook.clientConfig, at.child('clientConfig')),
    ...(tolerance.matchConditions ? [] : validateMatchConditions(matchConditions, at.child('matchConditions'), false)),
  ]
}

function supported(value: string | undefined, values: readonly string[], at: Path): FieldError[] {
  return value === undefined || values.includes(value) ? [] : [at.notSupported(value, values)]
}

function sideEffectErrors(value: string | undefined, at: Path, tolerance: Tolerance): FieldError[] {
  const allowed = tolerance.sideEffects ? allSideEffects : quietSideEffects
  return value === undefined ? [at.required(`must specify one of ${allowed.join(', ')}`)] : supported(value, allowed, at)
}

/** Upstream's `IsFullyQualifiedName`. */
function qualifiedNameErrors(name: string, at: Path): FieldError[] {
  if (name === '') return [at.required()]
  const problems = isDns1123Subdomain(name)
  if (problems.length > 0) return [at.invalid(name, problems.join(','))]
  return name.split('.').length < 3 ? [at.invalid(name, 'should be a domain with at least three segments separated by dots')] : []
}

function versionErrors(versions: readonly string[], at: Path, tolerance: Tolerance): FieldError[] {
  const known = reviewVersions.join(', ')
  if (versions.length === 0) return [at.required(`must specify one of ${known}`)]
  const errors = versions.flatMap((version, index) =>
    versions.indexOf(version) < index
      ? [at.index(index).invalid(version, 'duplicate version')]
      : isDns1035Label(version).map((problem) => at.index(index).invalid(version, problem)),
  )
  const isKnown = versions.some((version) => reviewVersions.includes(version))
  return isKnown || tolerance.versions ? errors : [...errors, at.invalid(versions, `must include at least one of ${known}`)]
}

function clientErrors({ url, service }: WebhookClientConfig, at: Path): FieldError[] {
  if ((url === undefined) === (service === undefined)) return [at.required('exactly one of url or service is required')]
  return service ? validateWebhookService(service, at.child('service')) : validateWebhookUrl(url as string, at.child('url'))
}

const urlForm = 'desired format: https://host[/path]'

export function validateWebhookUrl(text: string, at: Path): FieldError[] {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url) return [at.required(`url must be a valid URL: ${JSON.stringify(text)}; ${urlForm}`)]
  const hasHost = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]/i.test(text)
  return [
    ...(url.protocol === 'https:'
      ? []
      : [at.invalid(url.protocol.slice(0, -1), `'https' is the only allowed URL scheme; ${urlForm}`)]),
    ...(hasHost ? [] : [at.invalid('', `host must be specified; ${urlForm}`)]),
    ...(url.username || url.password ? [at.invalid(userOf(url), 'user information is not permitted in the URL')] : []),
    ...(url.hash ? [at.invalid(url.hash.slice(1), 'fragments are not permitted in the URL')] : []),
    ...(url.search ? [at.invalid(url.search.slice(1), 'query parameters are not permitted in the URL')] : []),
  ]
}

function userOf({ username, password }: URL): string {
  return password ? `${username}:${password}` : username
}

export function validateWebhookService({ name, namespace, path, port }: ServiceReference, at: Path): FieldError[] {
  return [
    ...required(name, at.child('name')),
    ...required(namespace, at.child('namespace')),
    ...(port === undefined || (port >= 1 && port <= 65_535)
      ? []
      : [at.child('port').invalid(port, 'port is not valid: must be between 1 and 65535, inclusive')]),
    ...(path === undefined ? [] : pathErrors(path, at.child('path'))),
  ]
}

function pathErrors(path: string, at: Path): FieldError[] {
  if (path === '/' || path === '') return []
  if (path === '//') return [at.invalid(path, 'segment[0] may not be empty')]
  const segments = path.slice(1).replace(/\/$/, '').split('/')
  return [
    ...(path.startsWith('/') ? [] : [at.invalid(path, "must start with a '/'")]),
    ...segments.flatMap((segment, index) => {
      const problems = segment === '' ? ['may not be empty'] : isDns1123Subdomain(segment).map((problem) => `: ${problem}`)
      return problems.map((problem) => at.invalid(path, `segment[${index}]${segment === '' ? ' ' : ''}${problem}`))
    }),
  ]
}

/** Constant defaults of both kinds of webhooks (upstream `admissionregistration/v1/defaults.go`). */
export function defaultWebhook(webhook: Webhook): void {
  webhook.failurePolicy ??= 'Fail'
  webhook.matchPolicy ??= 'Equivalent'
  webhook.namespaceSelector ??= {}
  webhook.objectSelector ??= {}
  webhook.timeoutSeconds ??= 10
  if (webhook.clientConfig.service) webhook.clientConfig.service.port ??= 443
  for (const rule of webhook.rules ?? []) rule.scope ??= '*'
}
