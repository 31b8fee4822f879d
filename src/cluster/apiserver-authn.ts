/** Authentication as the flags want it: issuers of JWTs, a webhook that knows tokens, static tokens, who may come without a name. */
import { readFileSync } from 'node:fs'
import { featureGates } from '#api/feature-gates.ts'
import { anonymousAuthenticator, anonymousOn } from '#apiserver/authn/anonymous.ts'
import type { Authenticator } from '#apiserver/authn/authenticator.ts'
import type { AuthenticationConfig, JwtConfig } from '#apiserver/authn/jwt/configuration.ts'
import type { AuthenticationOptions } from '#apiserver/authn/order.ts'
import { parseTokenFile } from '#apiserver/authn/static-token.ts'
import type { TokenAuthenticator } from '#apiserver/authn/token-authenticator.ts'
import { webhookTarget } from '#apiserver/webhook-target.ts'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import { followFiles } from './apiserver-file.ts'
import { ApiserverConfigError, type ApiserverFlags, type ReadFlags } from './apiserver-flags.ts'

export interface AuthenticationParts {
  readonly clock: Clock
  readonly random: Random
  /** Of this API. */
  readonly audiences: readonly string[]
  /** Issuers that nobody else may claim to be: of service account tokens. */
  readonly ownIssuers: readonly string[]
  readonly signal: AbortSignal
  readonly log: { info(message: string): void; error(doing: string, error: unknown): void }
  /** Told of each reading after the first. */
  readonly onReload?: ((isFine: boolean) => void) | undefined
}

type Wanted = Pick<
  AuthenticationOptions,
  'staticTokens' | 'moreTokens' | 'anonymous' | 'bootstrapTokens' | 'requestHeader' | 'takesCertificateUid'
>

/** Throws `ApiserverConfigError` where flags contradict each other or a file is wrong. */
export async function authenticationFrom(read: ReadFlags, parts: AuthenticationParts): Promise<Wanted> {
  const { flags } = read
  const config = await configurationFrom(read, parts)
  const webhook = await webhookFrom(flags, parts)
  const tokenFile = flags['token-auth-file']
  let tokens: readonly TokenAuthenticator[] = []
  let anonymous: Authenticator | undefined
  config.follow((now, authenticators) => {
    tokens = [...authenticators, ...webhook]
    anonymous = anonymousFrom(now, flags['anonymous-auth'])
  })
  return {
    staticTokens: tokenFile === '' ? [] : worded(() => parseTokenFile(readFileSync(tokenFile, 'utf8'))),
    moreTokens: () => tokens,
    anonymous: () => anonymous,
    bootstrapTokens: flags['enable-bootstrap-token-auth'],
    requestHeader: requestHeaderFrom(read),
    takesCertificateUid: featureGates(flags['feature-gates']).isOn('AllowParsingUserUIDFromCertAuth'),
  }
}

function worded<T>(make: () => T): T {
  try {
    return make()
  } catch (error) {
    throw new ApiserverConfigError((error as Error).message, { cause: error })
  }
}

/** Whom the cluster's own front proxy authority certifies has this name. */
const ownProxy = 'front-proxy-client'

function requestHeaderFrom({ flags, given }: ReadFlags): AuthenticationOptions['requestHeader'] {
  const lower = (names: readonly string[]) => names.map((name) => name.toLowerCase())
  const takesUid = featureGates(flags['feature-gates']).isOn('RemoteRequestHeaderUID')
  const isOwn = flags['requestheader-client-ca-file'] === '' && !given.has('requestheader-allowed-names')
  return {
    allowedNames: isOwn ? [ownProxy] : flags['requestheader-allowed-names'],
    usernameHeaders: lower(flags['requestheader-username-headers']),
    uidHeaders: takesUid ? lower(flags['requestheader-uid-headers']) : [],
    groupHeaders: lower(flags['requestheader-group-headers']),
    extraHeaderPrefixes: lower(flags['requestheader-extra-headers-prefix']),
  }
}

function anonymousFrom({ anonymous }: AuthenticationConfig, isAllowed: boolean): Authenticator | undefined {
  if (!anonymous) return isAllowed ? anonymousAuthenticator : undefined
  if (!anonymous.enabled) return undefined
  const paths = (anonymous.conditions ?? []).map(({ path }) => path)
  return paths.length > 0 ? anonymousOn(paths) : anonymousAuthenticator
}

type Take = (config: AuthenticationConfig, authenticators: readonly TokenAuthenticator[]) => void

async function configurationFrom(read: ReadFlags, parts: AuthenticationParts): Promise<{ follow(take: Take): void }> {
  const { flags, given } = read
  const path = flags['authentication-config']
  const issuers = [...given].filter((name) => name.startsWith('oidc-'))
  if (path === '' && issuers.length === 0) return { follow: (take) => take({ jwt: [] }, []) }
  if (path !== '' && issuers.length > 0) {
    throw new ApiserverConfigError('authentication-config file and oidc-* flags are mutually exclusive')
  }
  // CEL and the rest of it are large, and most clusters have no issuer but themselves.
  const jwt = await loadJwt()
  if (path === '') {
    return { follow: (take) => worded(() => adopt({ jwt: [oidcConfig(flags)] }, { take, parts, jwt })) }
  }
  return { follow: (take) => followConfiguration(path, { take, isFlagGiven: given.has('anonymous-auth'), parts, jwt }) }
}

async function loadJwt() {
  const [configuration, { jwtAuthenticator }] = await Promise.all([
    import('#apiserver/authn/jwt/configuration.ts'),
    import('#apiserver/authn/jwt/authenticator.ts'),
  ])
  return { ...configuration, jwtAuthenticator }
}

interface Adopting {
  readonly take: Take
  readonly parts: AuthenticationParts
  readonly jwt: Awaited<ReturnType<typeof loadJwt>>
}

function adopt(config: AuthenticationConfig, { take, parts, jwt }: Adopting): void {
  const { clock, audiences, ownIssuers } = parts
  jwt.checkJwt(config.jwt, ownIssuers)
  take(
    config,
    config.jwt.map((one) => jwt.jwtAuthenticator({ config: one, clock, audiences })),
  )
}

/** A start with a file that is wrong fails; a later one is told of, and what stood before stays. */
function followConfiguration(path: string, { isFlagGiven, ...adopting }: Adopting & { readonly isFlagGiven: boolean }): void {
  const { clock, signal, log, onReload, ownIssuers } = adopting.parts
  let isFirst = true
  const read = ([text = '']: readonly string[]) => {
    const config = adopting.jwt.parseAuthenticationConfig(text, ownIssuers)
    if (config.anonymous && isFlagGiven) {
      throw new ApiserverConfigError(
        '--anonymous-auth flag cannot be set when anonymous field is configured in authentication configuration file',
      )
    }
    adopt(config, adopting)
    if (isFirst) return void (isFirst = false)
    log.info(`authentication configuration was read again from ${path}`)
    onReload?.(true)
  }
  const onError = (error: unknown) => {
    log.error(`reading ${path}`, error)
    onReload?.(false)
  }
  worded(() => followFiles({ paths: [path], clock, signal, take: read, onError }))
}

/** What the older flags say, as a configuration would. */
function oidcConfig(flags: ApiserverFlags): JwtConfig {
  const url = flags['oidc-issuer-url']
  const client = flags['oidc-client-id']
  if (url === '' || client === '') {
    throw new ApiserverConfigError('oidc-issuer-url and oidc-client-id must be specified together when any oidc-* flags are set')
  }
  const username = flags['oidc-username-claim']
  const prefix = flags['oidc-username-prefix']
  const fallback = username === 'email' ? '' : `${url}#`
  const ca = flags['oidc-ca-file']
  return {
    issuer: { url, audiences: [client], ...(ca && { certificateAuthority: worded(() => readFileSync(ca, 'utf8')) }) },
    claimMappings: {
      username: { claim: username, prefix: prefix === '-' ? '' : prefix || fallback },
      ...(flags['oidc-groups-claim'] && { groups: { claim: flags['oidc-groups-claim'], prefix: flags['oidc-groups-prefix'] } }),
    },
    claimValidationRules: flags['oidc-required-claim'].map((pair) => {
      const [claim = '', ...value] = pair.split('=')
      return { claim, requiredValue: value.join('=') }
    }),
    signingAlgorithms: flags['oidc-signing-algs'],
  }
}

async function webhookFrom(
  flags: ApiserverFlags,
  { clock, random }: AuthenticationParts,
): Promise<readonly TokenAuthenticator[]> {
  const path = flags['authentication-token-webhook-config-file']
  if (path === '') return []
  const version = flags['authentication-token-webhook-version']
  if (version !== 'v1' && version !== 'v1beta1') {
    const why = `unsupported webhook authenticator version ${JSON.stringify(version)}, supported versions are "v1", "v1beta1"`
    throw new ApiserverConfigError(why)
  }
  const { webhookTokenAuthenticator } = await import('#apiserver/authn/webhook-token.ts')
  const target = worded(() => webhookTarget(readFileSync(path, 'utf8'), (file) => readFileSync(file, 'utf8')))
  return [webhookTokenAuthenticator({ target, clock, random, version, ttl: flags['authentication-token-webhook-cache-ttl'] })]
}
