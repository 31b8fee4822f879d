/** KubeSchedulerConfiguration v1: which profiles there are and how they differ from the default (upstream `kube-scheduler/config/v1`). */
import type { Random } from '#lib/random.ts'
import { parseDuration } from '#schema/go-time.ts'
import { extensionPoints, type PluginSet, profilePlugins } from './profile-plugins.ts'
import { defaultSchedulerName, type PluginArgs, type Profile } from './profiles.ts'

export interface SchedulerConfiguration {
  readonly profiles: readonly Profile[]
  readonly podInitialBackoffSeconds: number | undefined
  readonly podMaxBackoffSeconds: number | undefined
  readonly leaderElection: {
    readonly leaderElect: boolean
    readonly resourceName: string
    readonly resourceNamespace: string
    /** Milliseconds. */
    readonly leaseDuration: number
    readonly renewDeadline: number
    readonly retryPeriod: number
  }
  /** Path; where the command line names none. */
  readonly kubeconfig: string | undefined
}

export class ConfigurationError extends Error {}

type Fields = Readonly<Record<string, unknown>>

const apiVersion = 'kubescheduler.config.k8s.io/v1'

/** Of a document already read; {} is the default. */
export function schedulerConfiguration(document: Fields, random: Random): SchedulerConfiguration {
  const { apiVersion: version = apiVersion, kind = 'KubeSchedulerConfiguration' } = document
  if (version !== apiVersion || kind !== 'KubeSchedulerConfiguration') {
    throw new ConfigurationError(`no kind "${kind}" is registered for version "${version}"`)
  }
  known(document, '', [
    ...[
      'apiVersion',
      'kind',
      'parallelism',
      'leaderElection',
      'clientConnection',
      'enableProfiling',
      'enableContentionProfiling',
    ],
    ...['percentageOfNodesToScore', 'podInitialBackoffSeconds', 'podMaxBackoffSeconds', 'profiles', 'extenders'],
    ...['delayCacheUntilActive', 'healthzBindAddress', 'metricsBindAddress'],
  ])
  if (list(document.extenders).length > 0) throw new ConfigurationError('extenders: extenders are not supported')
  const initial = seconds(document.podInitialBackoffSeconds, 'podInitialBackoffSeconds')
  const longest = seconds(document.podMaxBackoffSeconds, 'podMaxBackoffSeconds')
  if ((longest ?? 10) < (initial ?? 1)) {
    const text = `Invalid value: ${longest ?? 10}: must be greater than or equal to PodInitialBackoffSeconds`
    throw new ConfigurationError(`podMaxBackoffSeconds: ${text}`)
  }
  return {
    profiles: profilesIn(document, random),
    ...{ podInitialBackoffSeconds: initial, podMaxBackoffSeconds: longest },
    leaderElection: leaderElectionIn((document.leaderElection ?? {}) as Fields),
    kubeconfig: ((document.clientConnection ?? {}) as { kubeconfig?: string }).kubeconfig || undefined,
  }
}

function profilesIn(document: Fields, random: Random): readonly Profile[] {
  const given = list(document.profiles) as readonly Fields[]
  const everywhere = percentage(document.percentageOfNodesToScore, 'percentageOfNodesToScore')
  const seen = new Set<string>()
  return (given.length > 0 ? given : [{}]).map((profile, index) => {
    const at = `profiles[${index}]`
    known(profile, at, ['schedulerName', 'percentageOfNodesToScore', 'plugins', 'pluginConfig'])
    const name = (profile.schedulerName as string | undefined) ?? (given.length <= 1 ? defaultSchedulerName : '')
    if (!name) throw new ConfigurationError(`${at}.schedulerName: Required value`)
    if (seen.has(name)) throw new ConfigurationError(`${at}.schedulerName: Duplicate value: ${JSON.stringify(name)}`)
    seen.add(name)
    const sets = (profile.plugins ?? {}) as Readonly<Record<string, PluginSet>>
    known(sets, `${at}.plugins`, ['multiPoint', ...extensionPoints])
    const args = argsIn(list(profile.pluginConfig) as readonly Fields[], at)
    return {
      name,
      plugins: profilePlugins(sets, { args, random }),
      percentageOfNodesToScore: percentage(profile.percentageOfNodesToScore, `${at}.percentageOfNodesToScore`) ?? everywhere,
    }
  })
}

function argsIn(configs: readonly Fields[], at: string): PluginArgs {
  const args: Record<string, unknown> = {}
  for (const [index, config] of configs.entries()) {
    const { name, args: given = {} } = config as { name?: string; args?: Fields }
    if (!name) throw new ConfigurationError(`${at}.pluginConfig[${index}].name: Required value`)
    if (Object.hasOwn(args, name)) {
      throw new ConfigurationError(`${at}.pluginConfig[${index}]: Duplicate value: ${JSON.stringify(name)}`)
    }
    const { apiVersion: _version, kind, ...rest } = given
    if (kind !== undefined && kind !== `${name}Args`) {
      const where = `${at}.pluginConfig[${index}]`
      throw new ConfigurationError(
        `${where}: decoding args for plugin ${name}: args for plugin ${name} were not of type ${name}Args`,
      )
    }
    args[name] = rest
  }
  return args as PluginArgs
}

function leaderElectionIn(given: Fields): SchedulerConfiguration['leaderElection'] {
  const time = (name: string, fallback: string) => {
    try {
      return Number(parseDuration(String(given[name] ?? fallback))) / 1e6
    } catch (error) {
      throw new ConfigurationError(`leaderElection.${name}: ${(error as Error).message}`, { cause: error })
    }
  }
  return {
    leaderElect: given.leaderElect !== false,
    resourceName: String(given.resourceName ?? 'kube-scheduler'),
    resourceNamespace: String(given.resourceNamespace ?? 'kube-system'),
    leaseDuration: time('leaseDuration', '15s'),
    renewDeadline: time('renewDeadline', '10s'),
    retryPeriod: time('retryPeriod', '2s'),
  }
}

function percentage(value: unknown, at: string): number | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'number' && value >= 0 && value <= 100) return value
  throw new ConfigurationError(`${at}: Invalid value: ${JSON.stringify(value)}: not in valid range [0-100]`)
}

function seconds(value: unknown, at: string): number | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'number' && value > 0) return value
  throw new ConfigurationError(`${at}: Invalid value: ${JSON.stringify(value)}: must be greater than 0`)
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function known(value: object, at: string, names: readonly string[]): void {
  const other = Object.keys(value).find((name) => !names.includes(name))
  if (other !== undefined) throw new ConfigurationError(`strict decoding error: unknown field "${at ? `${at}.` : ''}${other}"`)
}
