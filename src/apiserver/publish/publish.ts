/** The stages that answer what is no resource, in order. */
import type { Kind } from '#schema/kind.ts'
import type { RemoteVersion } from '../aggregation/aggregator.ts'
import type { Stage } from '../request.ts'
import type { ServiceAccountTokens } from '../service-account-tokens.ts'
import { discovery } from './discovery.ts'
import { type HealthCheck, health, healthLog, version } from './health.ts'
import type { Instruments } from './instruments.ts'
import { metricsStage, type RequestMetrics } from './metrics.ts'
import { openApiStages } from './openapi.ts'
import { buildInfo, type MeasuredServer, serverMetrics } from './server-metrics.ts'
import { type ZpagesOptions, zpages } from './zpages.ts'

export interface PublishOptions {
  readonly kinds: () => readonly Kind[]
  /** What extension servers serve; default: there are none. */
  readonly remotes?: () => readonly RemoteVersion[]
  /** As `kubectl version` prints it: `v1.36.0+nami`. */
  readonly gitVersion: string
  /** `linux/amd64`. */
  readonly platform: string
  readonly checks?: readonly HealthCheck[]
  /** Whose keys are published for others to check tokens with. */
  readonly tokens?: ServiceAccountTokens
  /** Those that `listen` fills. */
  readonly metrics?: RequestMetrics
  /** What else `/metrics` tells. */
  readonly measured?: () => MeasuredServer
  /** What parts of the server count. */
  readonly instruments?: Instruments
  /** `/statusz` and `/flagz`; default: there are none. */
  readonly zpages?: Omit<ZpagesOptions, 'gitVersion'>
}

export function publishStages({
  kinds,
  remotes,
  gitVersion,
  platform,
  checks = [],
  tokens,
  metrics,
  measured,
  instruments,
  zpages: pages,
}: PublishOptions): readonly Stage[] {
  const log = healthLog()
  const build = buildInfo(gitVersion, platform)
  const more = () => [...build, ...(measured ? serverMetrics(measured()) : []), ...(instruments?.lines() ?? [])]
  return [
    health(checks, log),
    version(gitVersion, platform),
    ...(metrics ? [metricsStage(metrics, { more, slis: () => log.lines() })] : []),
    ...(pages ? [zpages({ ...pages, gitVersion })] : []),
    ...(tokens ? [tokenKeys(tokens)] : []),
    ...openApiStages(kinds, { remotes }),
    discovery(kinds, remotes),
  ]
}

/** OpenID Connect discovery of the service account issuer (KEP-1393). */
function tokenKeys(tokens: ServiceAccountTokens): Stage {
  return (request, next) => {
    const path = request.path.endsWith('/') ? request.path.slice(0, -1) : request.path
    if (path === '/openid/v1/jwks') return json(tokens.jwks(), 'application/jwk-set+json')
    if (path === '/.well-known/openid-configuration') return json(tokens.openidConfiguration(), 'application/json')
    return next(request)
  }
}

function json(value: object, contentType: string) {
  const headers = { 'content-type': contentType, 'cache-control': 'public, max-age=3600' }
  return { type: 'bytes', status: 200, bytes: Buffer.from(JSON.stringify(value)), headers } as const
}
