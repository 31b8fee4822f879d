/** Authorization as the flags want it: modes and their webhook, or a configuration file that is followed. */
import { readFileSync, statSync } from 'node:fs'
import type { Lister } from '#apiserver/admission/plugin.ts'
import { abacAuthorizer, parseAbacPolicies } from '#apiserver/authz/abac.ts'
import type { Authorizer } from '#apiserver/authz/authorizer.ts'
import {
  type AuthorizerConfig,
  type AuthorizerType,
  authorizerTypes,
  parseAuthorizationConfig,
} from '#apiserver/authz/configuration.ts'
import { matchConditions } from '#apiserver/authz/match-conditions.ts'
import { type AuthorizerParts, orderedAuthorizer } from '#apiserver/authz/order.ts'
import { type WebhookAuthorizerOptions, webhookAuthorizer } from '#apiserver/authz/webhook.ts'
import type { WebhookCallOutcome } from '#apiserver/webhook-retry.ts'
import { webhookTarget } from '#apiserver/webhook-target.ts'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import { followFiles } from './apiserver-file.ts'
import { ApiserverConfigError, type ApiserverFlags, type ReadFlags } from './apiserver-flags.ts'

export interface AuthorizationParts {
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
  readonly log: { info(message: string): void; error(doing: string, error: unknown): void }
  readonly onDecision?: AuthorizerParts['onDecision']
  readonly onCall?: ((name: string, call: WebhookCallOutcome) => void) | undefined
  /** Told of each reading after the first. */
  readonly onReload?: ((isFine: boolean) => void) | undefined
}

/** Throws `ApiserverConfigError` where flags contradict each other or a file is wrong. */
export function authorizationFrom(read: ReadFlags, parts: AuthorizationParts): (lister: Lister) => Authorizer {
  const { flags, given } = read
  const path = flags['authorization-config']
  const make = (lister: Lister) => makerOf(flags, lister, parts)
  if (path === '') {
    const configs = configsOf(flags)
    return (lister) => make(lister)(configs)
  }
  if ([...given].some((name) => name === 'authorization-mode' || name.startsWith('authorization-webhook-'))) {
    const why =
      '--authorization-config can not be specified when --authorization-mode or --authorization-webhook-* flags are defined'
    throw new ApiserverConfigError(why)
  }
  worded(() => parsed(readFileSync(path, 'utf8')))
  return (lister) => followed(path, make(lister), parts)
}

function worded<T>(make: () => T): T {
  try {
    return make()
  } catch (error) {
    throw new ApiserverConfigError((error as Error).message, { cause: error })
  }
}

function parsed(text: string): readonly AuthorizerConfig[] {
  const configs = parseAuthorizationConfig(text, fileProblem)
  const stranger = configs.find(({ type, webhook }) => type === 'Webhook' && !webhook?.kubeConfigFile)
  // As upstream's kube-apiserver: it has no cluster above it to be in.
  if (stranger) throw new Error(`webhook authorizer ${stranger.name}: connectionInfo.type InClusterConfig is not supported`)
  return configs
}

function fileProblem(path: string): string | undefined {
  try {
    return statSync(path).isFile() ? undefined : 'must be a regular file'
  } catch {
    return `error loading file: stat ${path}: no such file or directory`
  }
}

/** Whatever is asked goes to the authorizers of the last configuration that was good. */
function followed(
  path: string,
  make: (configs: readonly AuthorizerConfig[]) => Authorizer,
  { clock, signal, log, onReload }: AuthorizationParts,
): Authorizer {
  let current: Authorizer | undefined
  followFiles({
    ...{ paths: [path], clock, signal },
    take([text = '']) {
      const isFirst = current === undefined
      current = make(parsed(text))
      if (isFirst) return
      log.info(`authorization configuration was read again from ${path}`)
      onReload?.(true)
    },
    onError(error) {
      log.error(`reading ${path}`, error)
      onReload?.(false)
    },
  })
  const now = () => current as Authorizer
  return {
    name: 'union',
    authorize: (attributes) => now().authorize(attributes),
    rules: (user, namespace) => now().rules?.(user, namespace) ?? { resource: [], nonResource: [] },
  }
}

/** What the modes say, as a configuration would. */
function configsOf(flags: ApiserverFlags): readonly AuthorizerConfig[] {
  const modes = flags['authorization-mode']
  if (modes.length === 0) throw new ApiserverConfigError('at least one authorization mode must be passed')
  for (const mode of modes) {
    if (!authorizerTypes.includes(mode as AuthorizerType)) {
      throw new ApiserverConfigError(`authorization-mode ${JSON.stringify(mode)} is not a valid mode`)
    }
  }
  if (new Set(modes).size !== modes.length) {
    throw new ApiserverConfigError(
      `authorization-mode [${modes.map((mode) => JSON.stringify(mode)).join(' ')}] has mode specified more than once`,
    )
  }
  const file = flags['authorization-webhook-config-file']
  const policies = flags['authorization-policy-file']
  if (modes.includes('Webhook') && !file) {
    throw new ApiserverConfigError("authorization-mode Webhook's authorization config file not passed")
  }
  if (modes.includes('ABAC') && !policies)
    throw new ApiserverConfigError("authorization-mode ABAC's authorization policy file not passed")
  if (file && !modes.includes('Webhook')) {
    throw new ApiserverConfigError('cannot specify --authorization-webhook-config-file without mode Webhook')
  }
  if (policies && !modes.includes('ABAC')) {
    throw new ApiserverConfigError('cannot specify --authorization-policy-file without mode ABAC')
  }
  return modes.map((mode) => ({
    ...{ type: mode as AuthorizerType, name: mode.toLowerCase() },
    ...(mode === 'Webhook' && {
      webhook: {
        ...{ timeout: 30_000, failurePolicy: 'NoOpinion' as const, kubeConfigFile: file, matchConditions: [] },
        version: flags['authorization-webhook-version'] === 'v1beta1' ? ('v1beta1' as const) : ('v1' as const),
        authorizedTtl: flags['authorization-webhook-cache-authorized-ttl'],
        unauthorizedTtl: flags['authorization-webhook-cache-unauthorized-ttl'],
      },
    }),
  }))
}

function makerOf(flags: ApiserverFlags, lister: Lister, parts: AuthorizationParts) {
  const policies = flags['authorization-policy-file']
  const abac = worded(() => policies !== '' && abacAuthorizer(parseAbacPolicies(readFileSync(policies, 'utf8'), policies)))
  const { onDecision } = parts
  const options = { lister, webhook: (config: AuthorizerConfig) => webhookOf(config, parts) }
  return (configs: readonly AuthorizerConfig[]) =>
    worded(() => orderedAuthorizer(configs, { ...options, ...(abac && { abac: () => abac }), ...(onDecision && { onDecision }) }))
}

function webhookOf({ name, webhook }: AuthorizerConfig, { clock, random, onCall }: AuthorizationParts): Authorizer {
  if (!webhook?.kubeConfigFile) throw new Error(`webhook authorizer ${name} has no connection`)
  const { kubeConfigFile, matchConditions: conditions, ...rest } = webhook
  const target = webhookTarget(readFileSync(kubeConfigFile, 'utf8'), (file) => readFileSync(file, 'utf8'))
  const options: WebhookAuthorizerOptions = {
    ...{ name, target, clock, random, ...rest },
    matches: conditions.length > 0 ? matchConditions(conditions) : undefined,
    onCall: onCall && ((call) => onCall(name, call)),
  }
  return webhookAuthorizer(options)
}
