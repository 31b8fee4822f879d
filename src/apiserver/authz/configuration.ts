/** AuthorizationConfiguration (`apiserver.config.k8s.io/v1`): which authorizers are asked, in which order (KEP-3221). */
import { type FieldError, formatFieldError, type Path, root } from '#schema/field-error.ts'
import { isDns1123Subdomain } from '#schema/formats.ts'
import { formatDuration, parseDuration } from '#schema/go-time.ts'
import { authorizationReader } from './configuration-fields.ts'
import { conditionErrors, type MatchCondition } from './match-conditions.ts'

export class AuthorizationConfigError extends Error {}

export const authorizerTypes = ['ABAC', 'AlwaysAllow', 'AlwaysDeny', 'Node', 'RBAC', 'Webhook'] as const
export type AuthorizerType = (typeof authorizerTypes)[number]

export interface WebhookConfig {
  /** Milliseconds, all three. */
  readonly timeout: number
  readonly authorizedTtl: number
  readonly unauthorizedTtl: number
  readonly version: 'v1' | 'v1beta1'
  readonly failurePolicy: 'NoOpinion' | 'Deny'
  /** Path; undefined for this server itself. */
  readonly kubeConfigFile: string | undefined
  readonly matchConditions: readonly MatchCondition[]
}

export interface AuthorizerConfig {
  readonly type: AuthorizerType
  readonly name: string
  readonly webhook?: WebhookConfig | undefined
}

interface GivenWebhook {
  readonly timeout?: string
  readonly authorizedTTL?: string
  readonly cacheAuthorizedRequests?: boolean
  readonly unauthorizedTTL?: string
  readonly cacheUnauthorizedRequests?: boolean
  readonly subjectAccessReviewVersion?: string
  readonly matchConditionSubjectAccessReviewVersion?: string
  readonly failurePolicy?: string
  readonly connectionInfo?: { readonly type?: string; readonly kubeConfigFile?: string }
  readonly matchConditions?: readonly MatchCondition[]
}

interface Given {
  readonly type?: string
  readonly name?: string
  readonly webhook?: GivenWebhook
}

/** What tells of files: nothing where one is fine. */
export type FileProblem = (path: string) => string | undefined

/** Throws `AuthorizationConfigError` with every error that was found. */
export function parseAuthorizationConfig(text: string, fileProblem: FileProblem): readonly AuthorizerConfig[] {
  const { authorizers = [] } = readGiven(text)
  const errors = configErrors(authorizers, fileProblem)
  if (errors.length > 0) throw new AuthorizationConfigError(errors.map(formatFieldError).join('\n'))
  return authorizers.map(({ type, name = '', webhook }) => ({
    ...{ type: type as AuthorizerType, name },
    ...(webhook && { webhook: completed(webhook) }),
  }))
}

function readGiven(text: string): { readonly authorizers?: readonly Given[] } {
  try {
    return authorizationReader.read(text)
  } catch (error) {
    throw new AuthorizationConfigError((error as Error).message, { cause: error })
  }
}

function completed(given: GivenWebhook): WebhookConfig {
  const { cacheAuthorizedRequests = true, cacheUnauthorizedRequests = true } = given
  return {
    timeout: milliseconds(given.timeout) ?? 0,
    authorizedTtl: cacheAuthorizedRequests ? milliseconds(given.authorizedTTL) || 300_000 : 0,
    unauthorizedTtl: cacheUnauthorizedRequests ? milliseconds(given.unauthorizedTTL) || 30_000 : 0,
    version: given.subjectAccessReviewVersion as 'v1',
    failurePolicy: given.failurePolicy as 'Deny',
    kubeConfigFile: given.connectionInfo?.kubeConfigFile,
    matchConditions: given.matchConditions ?? [],
  }
}

function milliseconds(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(parseDuration(text)) / 1e6
}

// Validation: upstream's `apis/apiserver/validation`, word for word.

function configErrors(authorizers: readonly Given[], fileProblem: FileProblem): FieldError[] {
  const at = root.child('authorizers')
  if (authorizers.length === 0) return [at.required('at least one authorization mode must be defined')]
  const types = new Set<string>()
  const names = new Set<string>()
  return authorizers.flatMap(({ type = '', name = '', webhook }, i) => {
    const here = at.index(i)
    if (type === '') return [here.child('type').required()]
    if (!authorizerTypes.includes(type as AuthorizerType)) return [here.child('type').notSupported(type, authorizerTypes)]
    if (types.has(type) && type !== 'Webhook') return [here.child('type').duplicate(type)]
    types.add(type)
    const errors = nameErrors(name, names, here.child('name'))
    names.add(name)
    if (type !== 'Webhook') {
      if (webhook) errors.push(here.child('webhook').invalid('non-null', 'may only be specified when type=Webhook'))
      return errors
    }
    if (!webhook) return [...errors, here.child('webhook').required('required when type=Webhook')]
    return [...errors, ...webhookErrors(webhook, here, fileProblem)]
  })
}

function nameErrors(name: string, known: ReadonlySet<string>, at: Path): FieldError[] {
  if (name === '') return [at.required()]
  if (known.has(name)) return [at.duplicate(name)]
  const problems = isDns1123Subdomain(name)
  return problems.length > 0 ? [at.invalid(name, `authorizer name is invalid: ${problems.join(', ')}`)] : []
}

/** Upstream leaves `webhook` out of the paths. */
function webhookErrors(given: GivenWebhook, at: Path, fileProblem: FileProblem): FieldError[] {
  const { subjectAccessReviewVersion: version = '', matchConditionSubjectAccessReviewVersion: conditionVersion = '' } = given
  const { failurePolicy = '', matchConditions = [], connectionInfo = {} } = given
  return [
    ...timeErrors(given.timeout ?? '0s', at.child('timeout'), 30_000),
    ...timeErrors(given.authorizedTTL ?? '5m', at.child('authorizedTTL')),
    ...timeErrors(given.unauthorizedTTL ?? '30s', at.child('unauthorizedTTL')),
    ...oneOf(version, ['v1', 'v1beta1'], at.child('subjectAccessReviewVersion')),
    ...conditionVersionErrors(conditionVersion, matchConditions, at.child('matchConditionSubjectAccessReviewVersion')),
    ...oneOf(failurePolicy, ['NoOpinion', 'Deny'], at.child('failurePolicy')),
    ...connectionErrors(connectionInfo, at.child('connectionInfo'), fileProblem),
    ...conditionErrors(matchConditions, at),
  ]
}

function timeErrors(text: string, at: Path, most?: number): FieldError[] {
  let nanoseconds: bigint
  try {
    nanoseconds = parseDuration(text)
  } catch (error) {
    return [at.invalid(text, (error as Error).message)]
  }
  const time = Number(nanoseconds) / 1e6
  if (time === 0) return most === undefined ? [] : [at.required()]
  if (time > 0 && time <= (most ?? time)) return []
  return [at.invalid(formatDuration(nanoseconds), most === undefined ? 'must be > 0s' : `must be > 0s and <= ${most / 1000}s`)]
}

function oneOf(value: string, supported: readonly string[], at: Path): FieldError[] {
  if (value === '') return [at.required()]
  return supported.includes(value) ? [] : [at.notSupported(value, supported)]
}

function conditionVersionErrors(version: string, conditions: readonly MatchCondition[], at: Path): FieldError[] {
  if (version === '') return conditions.length > 0 ? [at.required('required if match conditions are specified')] : []
  return oneOf(version, ['v1'], at)
}

function connectionErrors(
  { type = '', kubeConfigFile = '' }: NonNullable<GivenWebhook['connectionInfo']>,
  at: Path,
  fileProblem: FileProblem,
): FieldError[] {
  const file = at.child('kubeConfigFile')
  if (type === 'InClusterConfig') {
    return kubeConfigFile ? [file.invalid(kubeConfigFile, 'can only be set when type=KubeConfigFile')] : []
  }
  if (type !== 'KubeConfigFile') return oneOf(type, ['InClusterConfig', 'KubeConfigFile'], at.child('type'))
  if (!kubeConfigFile) return [file.required()]
  if (!kubeConfigFile.startsWith('/')) return [file.invalid(kubeConfigFile, 'must be an absolute path')]
  const problem = fileProblem(kubeConfigFile)
  return problem ? [file.invalid(kubeConfigFile, problem)] : []
}
