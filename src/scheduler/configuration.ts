/** KubeSchedulerConfiguration v1: which profiles there are and how they differ from the default (upstream `kube-scheduler/config/v1`). */
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import { type FieldError, formatFieldError, type Path, root } from '#schema/field-error.ts'
import { formatDuration, parseDuration } from '#schema/go-time.ts'
import { pluginArgs } from './configuration-args.ts'
import { argumentShapes, configurationShape, unknownFields } from './configuration-shape.ts'
import type { ExtenderOptions } from './extenders/extender.ts'
import { readExtenders } from './extenders/read-extenders.ts'
import { extensionPoints, type PluginSet, profilePlugins } from './profile-plugins.ts'
import { defaultSchedulerName, type PluginArgs, type Profile } from './profiles.ts'

export interface SchedulerConfiguration {
  readonly profiles: readonly Profile[]
  readonly podInitialBackoffSeconds: number
  readonly podMaxBackoffSeconds: number
  readonly extenders: readonly ExtenderOptions[]
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

export interface Reading {
  readonly random: Random
  readonly clock?: Clock | undefined
  /** The text of a file that the configuration names. Default: there are none. */
  readonly readFile?: (path: string) => string
}

/** Of a document already read; {} is the default. Throws with everything that is wrong with it. */
export function schedulerConfiguration(document: Fields, { random, clock, readFile = noFiles }: Reading): SchedulerConfiguration {
  const { apiVersion: version = apiVersion, kind = 'KubeSchedulerConfiguration' } = document
  if (version !== apiVersion || kind !== 'KubeSchedulerConfiguration') {
    throw new ConfigurationError(`no kind "${kind}" is registered for version "${version}"`)
  }
  checkFields(document)
  const errors: FieldError[] = []
  const { burst = 100, kubeconfig } = (document.clientConnection ?? {}) as { burst?: number; kubeconfig?: string }
  if (burst < 0) errors.push(root.child('clientConnection', 'burst').invalid(burst, 'must be non-negative'))
  const leaderElection = leaderElectionIn((document.leaderElection ?? {}) as Fields, errors)
  const { parallelism = 16 } = document as { parallelism?: number }
  if (parallelism <= 0) {
    errors.push(root.child('parallelism').invalid(parallelism, 'should be an integer value greater than zero'))
  }
  const given = list(document.extenders) as readonly Fields[]
  const outside: FieldError[] = []
  const { extenders, ignoredResources } = readExtenders(given, { at: root.child('extenders'), errors: outside, readFile })
  const profiles = profilesIn(document, { random, clock, errors, ignoredResources })
  checkPercentage(document.percentageOfNodesToScore, root.child('percentageOfNodesToScore'), errors)
  const { podInitialBackoffSeconds, podMaxBackoffSeconds } = backoffIn(document, errors)
  refuse([...errors, ...outside])
  return {
    profiles: profiles(),
    podInitialBackoffSeconds,
    podMaxBackoffSeconds,
    extenders,
    leaderElection,
    kubeconfig: kubeconfig || undefined,
  }
}

/** Everything is of the type that it should be, and nothing else is there: all that is too much is told at once. */
function checkFields(document: Fields): void {
  try {
    const unknown = unknownFields(document, configurationShape).map((name) => `unknown field "${name}"`)
    for (const [i, profile] of list(document.profiles).entries()) {
      for (const [j, config] of list((profile as Fields).pluginConfig).entries()) {
        unknown.push(...unknownArguments(config as Fields, `.profiles[${i}].pluginConfig[${j}]`))
      }
    }
    if (unknown.length > 0) throw new Error(`strict decoding error: ${unknown.join(', ')}`)
  } catch (error) {
    throw new ConfigurationError((error as Error).message, { cause: error })
  }
}

function unknownArguments({ name, args }: Fields, at: string): readonly string[] {
  const shape = Object.hasOwn(argumentShapes, String(name)) ? argumentShapes[String(name)] : undefined
  if (!shape || args === undefined || args === null) return []
  const { kind = `${name}Args`, apiVersion: version = apiVersion, ...rest } = args as Fields
  const [group, wanted] = [String(version).split('/')[0], apiVersion.split('/')[0]]
  if (kind !== `${name}Args` || group !== wanted) {
    throw new Error(`decoding ${at}: args for plugin ${name} were not of type ${name}Args.${wanted}, got ${kind}.${group}`)
  }
  const nested = `decoding args for plugin ${name}`
  try {
    const unknown = unknownFields(rest, shape).map((field) => `unknown field "${field}"`)
    if (unknown.length === 0) return []
    return [`decoding ${at}: strict decoding error: ${nested}: strict decoding error: ${unknown.join(', ')}`]
  } catch (error) {
    throw new Error(`decoding ${at}: ${nested}: ${(error as Error).message}`, { cause: error })
  }
}

function noFiles(path: string): string {
  throw new ConfigurationError(`open ${path}: no such file or directory`)
}

function refuse(errors: readonly FieldError[]): void {
  const [first, ...more] = errors.map(formatFieldError)
  if (first === undefined) return
  throw new ConfigurationError(more.length > 0 ? `[${[first, ...more].join(', ')}]` : first)
}

function backoffIn({ podInitialBackoffSeconds, podMaxBackoffSeconds }: Fields, errors: FieldError[]) {
  const [initial, longest] = [podInitialBackoffSeconds ?? 1, podMaxBackoffSeconds ?? 10] as [number, number]
  if (initial <= 0) errors.push(root.child('podInitialBackoffSeconds').invalid(initial, 'must be greater than 0'))
  if (longest < initial) {
    const why = 'must be greater than or equal to PodInitialBackoffSeconds'
    errors.push(root.child('podMaxBackoffSeconds').invalid(longest, why))
  }
  return { podInitialBackoffSeconds: initial, podMaxBackoffSeconds: longest }
}

interface ReadingProfiles extends Pick<Reading, 'random' | 'clock'> {
  readonly errors: FieldError[]
  readonly ignoredResources: readonly string[]
}

/** Answers what makes them, for when nothing turned out to be wrong. */
function profilesIn(document: Fields, { random, clock, errors, ignoredResources }: ReadingProfiles): () => readonly Profile[] {
  const given = list(document.profiles) as readonly Fields[]
  const read = (given.length > 0 ? given : [{}]).map((profile, index) => {
    const at = root.child('profiles').index(index)
    const name = (profile.schedulerName as string | undefined) ?? (given.length <= 1 ? defaultSchedulerName : '')
    if (!name) errors.push(at.child('schedulerName').required())
    checkPercentage(profile.percentageOfNodesToScore, at.child('percentageOfNodesToScore'), errors)
    const sets = (profile.plugins ?? {}) as Readonly<Record<string, PluginSet>>
    for (const point of extensionPoints) checkRemoved(sets[point], at.child('plugins', point), errors)
    const args = argsIn(list(profile.pluginConfig) as readonly Fields[], { at, errors, ignoredResources })
    return { name, sets, args, percentage: profile.percentageOfNodesToScore ?? document.percentageOfNodesToScore }
  })
  for (const [i, { name }] of read.entries()) {
    const isTwice = name !== '' && read.findIndex((other) => other.name === name) < i
    if (isTwice) errors.push(root.child('profiles').index(i).child('schedulerName').duplicate(name))
  }
  checkQueueSort(read, errors)
  return () =>
    read.map(({ name, sets, args, percentage }) => ({
      ...{ name, plugins: profilePlugins(sets, { args, random, clock }) },
      percentageOfNodesToScore: percentage as number | undefined,
    }))
}

/** Pods of all profiles stand in one queue. */
function checkQueueSort(profiles: readonly { readonly sets: Readonly<Record<string, PluginSet>> }[], errors: FieldError[]): void {
  const at = root.child('profiles')
  const first = profiles[0]?.sets.queueSort
  const count = first?.enabled?.length ?? 0
  if (count > 1) {
    errors.push(at.index(0).child('plugins', 'queueSort', 'Enabled').invalid(count, 'only one queue sort plugin can be enabled'))
  }
  for (const [i, { sets }] of profiles.entries()) {
    if (JSON.stringify(sets.queueSort) === JSON.stringify(first)) continue
    errors.push(
      at
        .index(i)
        .child('plugins', 'queueSort')
        .invalid(sets.queueSort ?? {}, 'must be the same for all profiles'),
    )
  }
}

const removed: readonly string[] = ['AzureDiskLimits', 'CinderLimits', 'EBSLimits', 'GCEPDLimits']
const removedText = `was invalid in version "v1" (KubeSchedulerConfiguration is version "${apiVersion}")`

function checkRemoved(set: PluginSet | undefined, at: Path, errors: FieldError[]): void {
  for (const [i, { name }] of (set?.enabled ?? []).entries()) {
    if (removed.includes(name)) errors.push(at.child('enabled').index(i).invalid(name, removedText))
  }
}

interface ReadingArgs {
  readonly at: Path
  readonly errors: FieldError[]
  readonly ignoredResources: readonly string[]
}

function argsIn(configs: readonly Fields[], { at, errors, ignoredResources }: ReadingArgs): PluginArgs {
  const args: Record<string, Fields> = {}
  for (const [index, config] of configs.entries()) {
    const place = at.child('pluginConfig').index(index)
    const { name, args: given = {} } = config as { name?: string; args?: Fields }
    if (!name) throw new ConfigurationError(`${place}.name: Required value`)
    if (Object.hasOwn(args, name)) errors.push(place.duplicate(name))
    if (removed.includes(name)) errors.push(place.invalid(name, removedText))
    const { apiVersion: _version, kind: _kind, ...rest } = given
    args[name] = pluginArgs(name, rest, { at: place.child('args'), errors })
  }
  if (ignoredResources.length === 0) return args as PluginArgs
  const { NodeResourcesFit: fit = {} } = args as { NodeResourcesFit?: { ignoredResources?: readonly string[] } }
  const ignored = [...(fit.ignoredResources ?? []), ...ignoredResources]
  return { ...args, NodeResourcesFit: { ...fit, ignoredResources: ignored } } as PluginArgs
}

function leaderElectionIn(given: Fields, errors: FieldError[]): SchedulerConfiguration['leaderElection'] {
  const at = root.child('leaderElection')
  const text = (name: string, usual: string) => String(given[name] ?? usual)
  const time = (name: string, usual: string) => {
    try {
      return Number(parseDuration(text(name, usual))) / 1e6
    } catch (error) {
      throw new ConfigurationError(`leaderElection.${name}: ${(error as Error).message}`, { cause: error })
    }
  }
  const wrong = (name: string, value: unknown, why: string) =>
    errors.push({ type: 'FieldValueInvalid', field: `${at.child(name)}`, body: `Invalid value: ${value}: ${why}` })
  const read = {
    leaderElect: given.leaderElect !== false,
    resourceName: text('resourceName', 'kube-scheduler'),
    resourceNamespace: text('resourceNamespace', 'kube-system'),
    leaseDuration: time('leaseDuration', '15s'),
    renewDeadline: time('renewDeadline', '10s'),
    retryPeriod: time('retryPeriod', '2s'),
  }
  if (!read.leaderElect) return read
  for (const name of ['leaseDuration', 'renewDeadline', 'retryPeriod'] as const) {
    if (read[name] <= 0) wrong(name, formatDuration(BigInt(read[name] * 1e6)), 'must be greater than zero')
  }
  if (read.leaseDuration < read.renewDeadline) {
    const value = formatDuration(BigInt(read.renewDeadline * 1e6))
    wrong('leaseDuration', value, 'LeaseDuration must be greater than RenewDeadline')
  }
  if (read.renewDeadline < read.retryPeriod) {
    wrong('renewDeadline', formatDuration(BigInt(read.retryPeriod * 1e6)), 'RenewDeadline must be greater than RetryPeriod')
  }
  if (!read.resourceNamespace) wrong('resourceNamespace', '""', 'resourceNamespace is required')
  if (!read.resourceName) wrong('resourceName', '""', 'resourceName is required')
  const lock = text('resourceLock', 'leases')
  if (lock !== 'leases') wrong('resourceLock', JSON.stringify(lock), 'resourceLock value must be "leases"')
  return read
}

function checkPercentage(value: unknown, at: Path, errors: FieldError[]): void {
  if (value === undefined || value === null) return
  if (typeof value !== 'number' || value < 0 || value > 100) errors.push(at.invalid(value, 'not in valid range [0-100]'))
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
