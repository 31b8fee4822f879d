/** What kube-apiserver's flags make of the API server: who is let in, who may, what is recorded, who waits. */
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { type FeatureGates, featureGates } from '#api/feature-gates.ts'
import { defaultTolerationSecondsWith } from '#apiserver/admission/default-toleration-seconds.ts'
import type { AdmissionPlugin } from '#apiserver/admission/plugin.ts'
import type { publishAuthentication } from '#apiserver/aggregation/authentication-config.ts'
import type { AuthenticationOptions } from '#apiserver/authn/order.ts'
import { defaultAuthenticators, tokenAuthentication } from '#apiserver/authn/order.ts'
import { defaultAuthorizers, orderedAuthorizer } from '#apiserver/authz/order.ts'
import { apiserverId } from '#apiserver/identity-lease.ts'
import { admissionInstruments } from '#apiserver/publish/admission-instruments.ts'
import { featureLines } from '#apiserver/publish/feature-metrics.ts'
import { Instruments } from '#apiserver/publish/instruments.ts'
import { requestInstruments } from '#apiserver/publish/request-instruments.ts'
import type { ApiServerOptions } from '#apiserver/server.ts'
import { type ExternalKeys, type ServiceAccountTokens, serviceAccountTokens } from '#apiserver/service-account-tokens.ts'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import { auditFrom } from './apiserver-audit.ts'
import { ApiserverConfigError, type ApiserverFlags, type ReadFlags } from './apiserver-flags.ts'
import type { ClusterConfig } from './data-directory.ts'
import type { Log } from './log.ts'
import type { Pki } from './pki.ts'

export interface SettingsParts {
  readonly config: Pick<ClusterConfig, 'clusterDomain'>
  readonly pki: Pick<Pki, 'serviceAccount'>
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
  readonly log: Log
}

type Chosen = Pick<
  ApiServerOptions,
  | 'authenticators'
  | 'tokenAuthentication'
  | 'authorizer'
  | 'audit'
  | 'flowControl'
  | 'gates'
  | 'identityHeaders'
  | 'tracer'
  | 'instruments'
  | 'onWebhook'
  | 'onStep'
  | 'onPolicyCheck'
  | 'requestTimeout'
  | 'minRequestTimeout'
  | 'eventTtl'
>

export interface Settings {
  readonly options: Chosen
  readonly tokens: ServiceAccountTokens
  /** As the flags write it, for extension servers to know. */
  readonly requestHeader: Omit<Parameters<typeof publishAuthentication>[1], 'clientCa' | 'frontProxyCa'>
  /** What is counted beside requests. */
  readonly instruments: Instruments
  /** The same plugins, counted. */
  measured(plugins: readonly AdmissionPlugin[]): readonly AdmissionPlugin[]
}

/** Throws `ApiserverConfigError` where flags contradict each other or a file is wrong. */
export async function apiserverSettings(read: ReadFlags, parts: SettingsParts): Promise<Settings> {
  const { flags } = read
  const { clock, random, log } = parts
  const gates = featureGates(flags['feature-gates'])
  if (flags['livez-grace-period'] < 0) throw new ApiserverConfigError('--livez-grace-period can not be a negative value')
  const tokens = await tokensFrom(flags, parts)
  const instruments = new Instruments()
  instruments.include({ lines: () => featureLines(gates) })
  const counted = requestInstruments(instruments, { clock, identity: apiserverId(hostname()) })
  alwaysZero(instruments)
  const admission = admissionInstruments(instruments, clock)
  const audit = auditFrom(flags, {
    ...{ clock, random },
    onError: (error, doing) => log.error(doing, error),
    onDropped: (plugin, count) => counted.auditFailed(plugin, count),
  })
  const authentication = { keys: tokens, clock, ...(await authenticationOf(read, tokens, { ...parts, counted })) }
  return {
    tokens,
    instruments,
    measured: (plugins) => flagged(gatedPlugins(plugins, gates), flags).map((plugin) => admission.measured(plugin)),
    requestHeader: {
      ...(read.given.has('requestheader-allowed-names') && { allowedNames: flags['requestheader-allowed-names'] }),
      usernameHeaders: flags['requestheader-username-headers'],
      uidHeaders: flags['requestheader-uid-headers'],
      groupHeaders: flags['requestheader-group-headers'],
      extraHeaderPrefixes: flags['requestheader-extra-headers-prefix'],
    },
    options: {
      authenticators: (own) => defaultAuthenticators({ ...own, ...authentication }),
      tokenAuthentication: (own) => tokenAuthentication({ ...own, ...authentication }),
      identityHeaders: authentication.requestHeader,
      authorizer: await authorizerOf(read, { ...parts, counted }),
      audit: audit && { ...audit, onLevel: (level) => counted.audited(level) },
      ...trafficOf(flags),
      gates,
      tracer: await tracerOf(flags, parts),
      ...{ instruments: counted, onWebhook: admission.webhook, onStep: admission.step, onPolicyCheck: admission.policy },
      requestTimeout: flags['request-timeout'],
      minRequestTimeout: flags['min-request-timeout'],
      eventTtl: Math.trunc(flags['event-ttl'] / 1000),
    },
  }
}

/** There is one validation here, which hence agrees with itself. */
function alwaysZero(instruments: Instruments): void {
  const prefix = 'apiserver_validation_declarative_validation_'
  const none = () => [[{}, 0]] as const
  instruments.counterOf(
    `${prefix}mismatch_total`,
    '[BETA] Number of times declarative validation results differed from handwritten validation results for core types.',
    none,
  )
  instruments.counterOf(
    `${prefix}panic_total`,
    '[BETA] Number of times declarative validation has panicked during validation.',
    none,
  )
}

/** Whole plugins that have a gate. */
const pluginGates: Readonly<Record<string, string>> = {
  MutatingAdmissionPolicy: 'MutatingAdmissionPolicy',
  NodeDeclaredFeatureValidator: 'NodeDeclaredFeatures',
  PodResizeValidator: 'InPlacePodVerticalScaling',
  PodTopologyLabels: 'PodTopologyLabelsAdmission',
}

function gatedPlugins(plugins: readonly AdmissionPlugin[], gates: FeatureGates): readonly AdmissionPlugin[] {
  return plugins.filter(({ name }) => pluginGates[name] === undefined || gates.isOn(pluginGates[name]))
}

/** What flags say to plugins. */
function flagged(plugins: readonly AdmissionPlugin[], flags: ApiserverFlags): readonly AdmissionPlugin[] {
  const notReady = flags['default-not-ready-toleration-seconds']
  const unreachable = flags['default-unreachable-toleration-seconds']
  if (notReady === 300 && unreachable === 300) return plugins
  const other = defaultTolerationSecondsWith({ notReady, unreachable })
  return plugins.map((plugin) => (plugin.name === other.name ? other : plugin))
}

async function tracerOf(flags: ApiserverFlags, { clock, random, log }: SettingsParts): Promise<ApiServerOptions['tracer']> {
  const path = flags['tracing-config-file']
  if (path === '') return undefined
  const { tracerFrom } = await import('./apiserver-tracing.ts')
  return tracerFrom(path, { clock, random, onError: (error, doing) => log.error(doing, error) })
}

type Counted = SettingsParts & { readonly counted: ReturnType<typeof requestInstruments> }

/** The first issuer signs; tokens of all of them are taken. */
async function tokensFrom(flags: ApiserverFlags, parts: SettingsParts): Promise<ServiceAccountTokens> {
  const { config, pki } = parts
  const usual = `https://kubernetes.default.svc.${config.clusterDomain}`
  const [issuer = usual, ...formerIssuers] = flags['service-account-issuer']
  const seconds = flags['service-account-max-token-expiration'] / 1000
  if (seconds > 0 && (seconds < 3600 || seconds > 2 ** 32)) {
    throw new ApiserverConfigError('the service-account-max-token-expiration must be between 1 hour and 2^32 seconds')
  }
  const jwksUri = flags['service-account-jwks-uri']
  if (jwksUri && !jwksUri.startsWith('https://')) {
    throw new ApiserverConfigError(`service-account-jwks-uri requires https scheme, parsed as: ${jwksUri}`)
  }
  const external = await externalKeysOf(flags, parts)
  return serviceAccountTokens({
    external,
    ...{ privateKey: pki.serviceAccount.key, issuer, formerIssuers },
    formerKeys: flags['service-account-key-file'].map((path) => readFileSync(path, 'utf8')),
    ...(flags['api-audiences'].length > 0 && { audiences: flags['api-audiences'] }),
    ...(jwksUri && { jwksUri }),
    maxExpirationSeconds: seconds,
    extendsExpiration: flags['service-account-extend-token-expiration'],
  })
}

/** What few clusters ask for is loaded where one does. */
async function externalKeysOf(flags: ApiserverFlags, { clock, signal, log }: SettingsParts): Promise<ExternalKeys | undefined> {
  const endpoint = flags['service-account-signing-endpoint']
  if (endpoint === '') return undefined
  if (flags['service-account-key-file'].length > 0) {
    const both = 'service-account-key-file and service-account-signing-endpoint'
    throw new ApiserverConfigError(`${both} are mutually exclusive and cannot be set at the same time`)
  }
  const { externalKeys } = await import('./external-signer.ts')
  const keys = await externalKeys(endpoint, { clock, signal, onError: (error, doing) => log.error(doing, error) })
  const [wanted, most] = [flags['service-account-max-token-expiration'] / 1000, keys.maxExpirationSeconds]
  if (wanted <= most) return keys
  const why =
    'service-account-max-token-expiration cannot be set longer than the token expiration supported by service-account-signing-endpoint'
  throw new ApiserverConfigError(`${why}: ${wanted} > ${most}`)
}

type Authentication = Omit<AuthenticationOptions, 'lister' | 'client' | 'clock' | 'keys'>

/** What few clusters ask for is loaded where one does. */
async function authenticationOf(read: ReadFlags, tokens: ServiceAccountTokens, parts: Counted): Promise<Authentication> {
  const { clock, random, signal, log, counted } = parts
  const { authenticationFrom } = await import('./apiserver-authn.ts')
  return authenticationFrom(read, {
    ...{ clock, random, signal, log, audiences: tokens.audiences },
    ownIssuers: [tokens.issuer, ...read.flags['service-account-issuer'].slice(1)],
    onReload: (isFine) => counted.configurationRead('authentication', isFine),
  })
}

async function authorizerOf(read: ReadFlags, parts: Counted): Promise<ApiServerOptions['authorizer']> {
  const { clock, random, signal, log, counted } = parts
  if (![...read.given].some((name) => name.startsWith('authorization-'))) {
    return (lister) => orderedAuthorizer(defaultAuthorizers, { lister, onDecision: counted.decided })
  }
  const { authorizationFrom } = await import('./apiserver-authz.ts')
  return authorizationFrom(read, {
    ...{ clock, random, signal, log, onDecision: counted.decided, onCall: counted.asked },
    onReload: (isFine) => counted.configurationRead('authorization', isFine),
  })
}

/** Who waits for whom. */
function trafficOf(flags: ApiserverFlags): Pick<ApiServerOptions, 'flowControl'> {
  const readOnly = flags['max-requests-inflight']
  const mutating = flags['max-mutating-requests-inflight']
  if (!flags['enable-priority-and-fairness']) return { flowControl: { maxInFlight: { readOnly, mutating } } }
  if (readOnly + mutating <= 0) {
    throw new ApiserverConfigError('--max-requests-inflight and --max-mutating-requests-inflight: their sum must be positive')
  }
  return {
    flowControl: {
      seats: readOnly + mutating,
      inFlight: { reads: readOnly, writes: mutating },
      patience: flags['request-timeout'] / 4,
    },
  }
}
