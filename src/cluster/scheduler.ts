/**
 * The scheduler as a process of its own, against any API server over HTTPS (`nami scheduler`).
 * Guarantee: of several such processes one works at a time; should two overlap for a moment, the server refuses the second binding of a pod.
 */
import { readFileSync } from 'node:fs'
import { defaultGates, type FeatureGates } from '#api/feature-gates.ts'
import { featureLines } from '#apiserver/publish/feature-metrics.ts'
import { httpsTransport } from '#client/https-transport.ts'
import type { Access } from '#client/kubeconfig.ts'
import { runAsLeader } from '#client/leader-election.ts'
import { createClient } from '#client/typed-client.ts'
import { type Clock, systemClock } from '#lib/clock.ts'
import { type Random, systemRandom } from '#lib/random.ts'
import { type SchedulerConfiguration, schedulerConfiguration } from '#scheduler/configuration.ts'
import { createExtender } from '#scheduler/extenders/extender.ts'
import { runScheduler } from '#scheduler/scheduler.ts'
import { parseYaml } from '#schema/yaml.ts'
import { type ComponentServer, serveComponent } from './component-server.ts'
import type { Log } from './log.ts'
import { schedulerMetrics } from './scheduler-metrics.ts'

export interface SchedulerProcessOptions {
  readonly access: Access
  readonly configuration: SchedulerConfiguration
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
  readonly log: Log
  /** Default: as 1.36 has them. */
  readonly gates?: FeatureGates | undefined
  /** Differs between processes. */
  readonly identity: string
  /** Where health and metrics are served; undefined: nowhere. */
  readonly serving?: { readonly host?: string | undefined; readonly port: number } | undefined
  readonly onServing?: (server: ComponentServer) => void
}

/** Throws where the file cannot be read or says something wrong; without a file it is the default. */
export function readSchedulerConfiguration(file: string | undefined): SchedulerConfiguration {
  const document = file === undefined ? {} : (parseYaml(readFileSync(file, 'utf8'), { file })[0]?.value ?? {})
  return schedulerConfiguration(document as Record<string, unknown>, {
    random: systemRandom,
    clock: systemClock,
    readFile: (path) => readFileSync(path, 'utf8'),
  })
}

/** Resolves when the signal is aborted, or the lease was lost: then false. */
export async function runSchedulerProcess(options: SchedulerProcessOptions): Promise<boolean> {
  const { access, configuration, clock, random, signal, log, identity } = options
  const { profiles, podInitialBackoffSeconds, podMaxBackoffSeconds, leaderElection } = configuration
  const extenders = configuration.extenders.map((one) => createExtender(one, clock))
  const client = createClient(httpsTransport({ ...access.transportOptions({ clock }), userAgent: 'kube-scheduler/v1.36.0' }))
  const metrics = schedulerMetrics()
  const gates = options.gates ?? defaultGates
  const told = () => [...featureLines(gates), metrics.text()].join('\n')
  const serving =
    options.serving && (await serveComponent({ client, clock, name: 'kube-scheduler', metrics: told, ...options.serving }))
  if (serving) options.onServing?.(serving)
  const onError = (error: unknown) => signal.aborted || log.error('scheduler', error)
  const work = async (until: AbortSignal) => {
    await runScheduler({
      ...{ client, clock, random, signal: until, onError, profiles, podInitialBackoffSeconds, podMaxBackoffSeconds },
      ...{ extenders, watcher: metrics.watcher, sharesResults: gates.isOn('OpportunisticBatching') },
    })
    log.info(`schedules for ${profiles.map(({ name }) => name).join(', ')}`)
    if (!until.aborted) await new Promise<void>((resolve) => until.addEventListener('abort', () => resolve(), { once: true }))
  }
  try {
    if (!leaderElection.leaderElect) await work(signal)
    else await lead()
    return signal.aborted
  } finally {
    await serving?.close()
    await client.close()
  }

  async function lead(): Promise<void> {
    const { resourceName: name, resourceNamespace: namespace, leaseDuration, renewDeadline, retryPeriod } = leaderElection
    metrics.leading(name, false)
    const election = { clock, random, signal, onError, identity, name, namespace, leaseDuration, renewDeadline, retryPeriod }
    await runAsLeader(client, election, async (until) => {
      metrics.leading(name, true)
      log.info(`leads as ${identity}`)
      await work(until).finally(() => metrics.leading(name, false))
    })
  }
}
