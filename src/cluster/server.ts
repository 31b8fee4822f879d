/** The server process: store, API server, controllers and scheduler, composed; each with its own identity. */
import { hostname } from 'node:os'
import { kinds as builtInKinds } from '#api/kinds.ts'
import { publishAuthentication } from '#apiserver/aggregation/authentication-config.ts'
import { listen } from '#apiserver/http/listen.ts'
import { collectIdentityLeases, keepIdentityLease } from '#apiserver/identity-lease.ts'
import { kubernetesServiceIp } from '#apiserver/kubernetes-service.ts'
import type { HealthCheck } from '#apiserver/publish/health.ts'
import { type RequestMetrics, requestMetrics } from '#apiserver/publish/metrics.ts'
import { postStartHooks, type StartState } from '#apiserver/publish/post-start-hooks.ts'
import { publishStages } from '#apiserver/publish/publish.ts'
import { measuredStore } from '#apiserver/publish/store-instruments.ts'
import { certificateSigningRequestHook } from '#apiserver/registry/hooks/certificate-signing-request.ts'
import { podCertificateRequestHook } from '#apiserver/registry/hooks/pod-certificate-request.ts'
import { resourceClaimHooks } from '#apiserver/registry/hooks/resource-claim.ts'
import { serviceHook } from '#apiserver/registry/hooks/service.ts'
import { type ApiServer, createApiServer } from '#apiserver/server.ts'
import type { ServiceAccountTokens } from '#apiserver/service-account-tokens.ts'
import { boundedTransport } from '#client/bounded-transport.ts'
import { createClient } from '#client/typed-client.ts'
import { controllersOf } from '#controllers/controllers.ts'
import type { Controller } from '#controllers/runtime/controller.ts'
import { runControllers } from '#controllers/runtime/run.ts'
import { selectControllers } from '#controllers/select.ts'
import { systemClock } from '#lib/clock.ts'
import { systemRandom } from '#lib/random.ts'
import { podNetwork } from '#network/pod-network.ts'
import { runScheduler } from '#scheduler/scheduler.ts'
import { advertisedAddress, machineAddresses } from './addresses.ts'
import { configuredAdmission } from './admission-config.ts'
import { forBrowsersFrom } from './apiserver-browsers.ts'
import { type ApiserverFlags, type ReadFlags, readApiserverFlags } from './apiserver-flags.ts'
import { frontProxyFrom, renewInTime, servingFrom } from './apiserver-serving.ts'
import { apiserverSettings, type Settings } from './apiserver-settings.ts'
import { rememberCluster } from './backups.ts'
import { bootstrap, isBootstrapped } from './bootstrap.ts'
import { controllerKinds } from './controller-kinds.ts'
import { type ControllerMetrics, controllerMetrics } from './controller-metrics.ts'
import { needy } from './controllers-flag.ts'
import { type ClusterConfig, type DataDirectory, replaceFile } from './data-directory.ts'
import { startRegistry } from './image-registry.ts'
import { keepSimulator } from './keep-simulator.ts'
import { kubeconfigText } from './kubeconfig-text.ts'
import { localDirectories } from './local-directories.ts'
import type { Log } from './log.ts'
import { nodeDialer, serviceDialer } from './node-dialer.ts'
import type { OpenedStore } from './open-store.ts'
import { ensurePki, type Pki } from './pki.ts'
import { politeTransport, Turns } from './polite-transport.ts'
import { startEtcdApi } from './serve-etcd-api.ts'
import { stopServing } from './stop-serving.ts'
import { backupStage, clusterUid, spaceCheck } from './store-stages.ts'
import { version } from './version.ts'

export interface RunningServer {
  readonly port: number
  /** Ends everything in order; what was acknowledged is on disk. */
  close(): Promise<void>
}

const clock = systemClock
const random = systemRandom

/** Of this process, by which what it does for itself lets others come in between. */
const turns = new Turns(clock)
const master = { name: 'system:apiserver', groups: ['system:masters', 'system:authenticated'] }

export interface ServeOptions {
  readonly directory: DataDirectory
  readonly config: ClusterConfig
  readonly log: Log
  readonly opened: OpenedStore
}

/** Serves from a store, and closes that at the end. */
export async function serve({ directory, config, log, opened }: ServeOptions): Promise<RunningServer> {
  const read = readApiserverFlags(config.apiserverConfig, config.apiserverFlags)
  const { flags } = read
  const { gateway } = podNetwork(config.podCidr, config.serviceCidr)
  const addresses = () => [kubernetesServiceIp(config.serviceCidr), gateway, ...machineAddresses()]
  const keys = () =>
    ensurePki(directory.pki, { domain: config.clusterDomain, dnsNames: [config.nodeName], addresses: addresses() })
  const pki = await keys()
  const state = { isReady: false, isStopping: false }
  const metrics = requestMetrics(clock)
  const stop = new AbortController()
  const followed = { clock, random, log, signal: stop.signal }
  const settings = await apiserverSettings(read, { ...followed, config, pki })
  const controllers = controllersFor({ directory, config, pki, tokens: settings.tokens })
  const serving = servingFrom(flags, pki, followed)
  const server = await assemble({ opened, pki, signal: stop.signal, config, log, state, metrics, read, settings })
  const self = createClient(politeTransport(server.transportAs(master), turns))
  const prepare = async () => {
    await bootstrap({ client: self, clock, config, controllers, address: advertisedAddress(gateway) })
    await publishAuthentication(self, { ...serving, ...settings.requestHeader })
    rememberCluster(directory, await clusterUid(self))
  }
  // A cluster that stood before has all of it: there others need not wait until it has been looked at.
  const isNew = !(await isBootstrapped(self))
  if (isNew) await prepare()
  const listening = await listen(server, {
    ...{ ...serving.material, port: config.port, clock, random, metrics },
    onError: (error) => log.error('serving', error),
    ...(await mannersOf(server, flags)),
    local: { path: directory.door, user: { name: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] } },
  })
  serving.follow(listening)
  renewInTime(keys, { ...followed, pki, serving })
  const etcdApi = await startEtcdApi({ raw: opened.raw, config, pki, clock, cluster: () => clusterUid(self) })
  state.isReady = true
  writeKubeconfig(directory, { config, pki, port: listening.port })
  const registry = startRegistry({ directory, config, pki, log, client: self })
  const simulating = keepSimulator({
    ...{ directory, pki, port: listening.port, client: self, clock, random, log, signal: stop.signal },
  })
  const counted = controllerMetrics(clock)
  settings.instruments.include(counted)
  const running = startComponents(server, { ...followed, controllers, config, watchQueue: counted.watchQueue })
  if (!isNew) await prepare()
  log.info(`serving on port ${listening.port}`)
  const components = async () => {
    stop.abort(new Error('the server is stopping'))
    await Promise.allSettled([...running, simulating])
    await (await registry)?.close()
  }
  const rest = [etcdApi, server, settings.options.audit?.backend, settings.options.tracer, opened]
  return {
    port: listening.port,
    async close() {
      state.isStopping = true
      await stopServing({ listening, flags, clock, components })
      for (const each of rest) await each?.close()
    },
  }
}

interface ControllerParts {
  readonly directory: DataDirectory
  readonly config: ClusterConfig
  readonly pki: Pki
  readonly tokens: ServiceAccountTokens
}

function controllersFor({ directory, config, pki, tokens }: ControllerParts) {
  return controllersOf({
    kinds: controllerKinds(config.runtimeConfig),
    rootCa: pki.ca.certificate,
    clusterCidr: config.podCidr,
    localDirectories: localDirectories(directory, config.nodeName),
    signer: {
      // What signs is large, and few clusters ever need it.
      sign: async (...request) => (await import('./certificate-signer.ts')).certificateSigner(pki.ca).sign(...request),
    },
    tokens,
  })
}

interface Parts {
  readonly opened: OpenedStore
  readonly pki: Pki
  readonly signal: AbortSignal
  readonly config: ClusterConfig
  readonly log: Log
  readonly state: StartState
  readonly metrics: RequestMetrics
  readonly read: ReadFlags
  readonly settings: Settings
}

async function assemble({ opened, pki, signal, config, log, state, metrics, read, settings }: Parts): Promise<ApiServer> {
  const { tokens, instruments } = settings
  const { raw, encryption } = opened
  if (encryption) instruments.include(encryption.instruments)
  const store = measuredStore(opened.store, { instruments, clock, kinds: builtInKinds })
  const answers = async () => void (await store.status())
  const storeChecks: readonly HealthCheck[] = [
    { name: 'etcd', for: ['livez', 'readyz'], check: answers },
    { name: 'etcd-readiness', for: ['readyz'], check: answers },
    ...(encryption?.checks ?? []),
  ]
  const server: ApiServer = await createApiServer({
    ...{ store, clock, random, createClient, tokens, runtimeConfig: config.runtimeConfig },
    ...settings.options,
    admission: settings.measured(await configuredAdmission(config.admission)),
    hooks: [
      ...[certificateSigningRequestHook, podCertificateRequestHook, ...resourceClaimHooks],
      serviceHook({ serviceCidr: config.serviceCidr }),
    ],
    nodeDialer: nodeDialer({
      client: () => server.registry.client,
      identity: pki.apiserverKubeletClient,
      ca: pki.ca.certificate,
    }),
    serviceDialer: serviceDialer(() => server.registry.client),
    aggregation: { frontProxy: frontProxyFrom(read.flags, pki.frontProxyClient, { clock, signal, log }) },
    publish: [
      backupStage(raw, { client: () => server.registry.client, clock, pki }),
      ...publishStages({
        kinds: () => server.registry.kinds.all(),
        remotes: () => server.remotes(),
        gitVersion: version,
        platform: platform(),
        checks: [...storeChecks, ...postStartHooks(state, settings.options.gates), spaceCheck(raw)],
        measured: () => server,
        zpages: {
          clock,
          gates: settings.options.gates,
          flags: read.shown,
          paths: ['/healthz', '/livez', '/metrics', '/readyz', '/version'],
        },
        ...{ tokens, metrics, instruments },
      }),
    ],
    onError: (error, doing) => log.error(doing, error),
  })
  return server
}

/** Towards clients, beside what they ask for. */
async function mannersOf({ registry: { gates } }: ApiServer, flags: ApiserverFlags) {
  return {
    goawayChance: flags['goaway-chance'],
    maxStreams: flags['http2-max-streams-per-connection'] || undefined,
    forBrowsers: await forBrowsersFrom(flags),
    sendsStrangersAway: gates.isOn('UnauthenticatedHTTP2DOSMitigation'),
  }
}

/** Other servers of the same cluster, and people, see by their leases which there are. */
function sayWhoServes(server: ApiServer, { log, signal }: Followed): Promise<void>[] {
  if (!server.registry.gates.isOn('APIServerIdentity')) return []
  const client = createClient(politeTransport(server.transportAs(master), turns))
  const onError = (error: unknown) => void (signal.aborted || log.error('identity lease', error))
  const options = { client, clock, random, signal, onError }
  return [keepIdentityLease({ ...options, hostname: hostname() }), collectIdentityLeases(options)]
}

interface Followed {
  readonly log: Log
  readonly signal: AbortSignal
}

interface Components extends Followed, Pick<ControllerMetrics, 'watchQueue'> {
  readonly controllers: readonly Controller[]
  readonly config: ClusterConfig
}

/**
 * Calls of one controller under way at a time. Fewer than the scheduler and nodes have: where all are busy, pods are made as fast as others bring
 * them to run, and none waits behind thousands (upstream bounds the rate: `--kube-api-qps`).
 */
const perController = 16

function startComponents(server: ApiServer, options: Components): Promise<unknown>[] {
  const { controllers, config, log, signal, watchQueue } = options
  const account = (name: string) => ({
    name: `system:serviceaccount:kube-system:${name}`,
    groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
  })
  const boundedAs = (name: string) =>
    createClient(politeTransport(boundedTransport(server.transportAs(account(name)), { width: perController, clock }), turns))
  const giveWay = () => turns.wait()
  const scheduler = { name: 'system:kube-scheduler', groups: ['system:authenticated'] }
  return [
    runControllers(selectControllers(controllers, config.controllers ?? ['*'], needy), {
      clientFor: boundedAs,
      ...{ clock, random, signal, watchQueue, giveWay },
      onError: (error, { controller, key }) => log.error(`controller ${controller}${key ? ` ${key}` : ''}`, error),
    }),
    runScheduler({
      client: createClient(politeTransport(server.transportAs(scheduler), turns)),
      ...{ clock, random, signal, giveWay, sharesResults: server.registry.gates.isOn('OpportunisticBatching') },
      onError: (error) => log.error('scheduler', error),
    }),
    ...sayWhoServes(server, { log, signal }),
  ].map((running) => running.catch((error) => !signal.aborted && log.error('component', error)))
}

function writeKubeconfig(
  directory: DataDirectory,
  { config, pki, port }: { config: ClusterConfig; pki: Pki; port: number },
): void {
  const { ca, admin } = pki
  const text = kubeconfigText({
    name: config.name,
    server: `https://127.0.0.1:${port}`,
    ca: ca.certificate,
    certificate: admin.certificate,
    key: admin.key,
  })
  replaceFile(directory.kubeconfig, text, 0o600)
}

function platform(): string {
  return `linux/${process.arch === 'x64' ? 'amd64' : process.arch}`
}
