/** The server process: store, API server, controllers and scheduler, composed; each with its own identity. */
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { publishAuthentication } from '#apiserver/aggregation/authentication-config.ts'
import { defaultAuthenticators, tokenAuthentication } from '#apiserver/authn/order.ts'
import { defaultAuthorizer } from '#apiserver/authz/order.ts'
import { listen } from '#apiserver/http/listen.ts'
import { kubernetesServiceIp } from '#apiserver/kubernetes-service.ts'
import { type RequestMetrics, requestMetrics } from '#apiserver/publish/metrics.ts'
import { postStartHooks, type StartState } from '#apiserver/publish/post-start-hooks.ts'
import { publishStages } from '#apiserver/publish/publish.ts'
import { certificateSigningRequestHook } from '#apiserver/registry/hooks/certificate-signing-request.ts'
import { serviceHook } from '#apiserver/registry/hooks/service.ts'
import { type ApiServer, type ApiServerOptions, createApiServer } from '#apiserver/server.ts'
import { serviceAccountTokens } from '#apiserver/service-account-tokens.ts'
import { createClient } from '#client/typed-client.ts'
import { controllersOf } from '#controllers/controllers.ts'
import { runControllers } from '#controllers/runtime/run.ts'
import { sleep, systemClock } from '#lib/clock.ts'
import { systemRandom } from '#lib/random.ts'
import { podNetwork } from '#network/pod-network.ts'
import { runScheduler } from '#scheduler/scheduler.ts'
import { advertisedAddress, machineAddresses } from './addresses.ts'
import { configuredAdmission } from './admission-config.ts'
import { auditFrom } from './apiserver-audit.ts'
import { type ApiserverFlags, readApiserverFlags } from './apiserver-flags.ts'
import { rememberCluster } from './backups.ts'
import { bootstrap } from './bootstrap.ts'
import { certificateSigner } from './certificate-signer.ts'
import { type ClusterConfig, type DataDirectory, replaceFile } from './data-directory.ts'
import { kubeconfigText } from './kubeconfig-text.ts'
import { localDirectories } from './local-directories.ts'
import type { Log } from './log.ts'
import { nodeDialer, serviceDialer } from './node-dialer.ts'
import { type OpenedStore, openStore } from './open-store.ts'
import { ensurePki, type Pki } from './pki.ts'
import { startEtcdApi } from './serve-etcd-api.ts'
import { backupStage, clusterUid, spaceCheck } from './store-stages.ts'
import { version } from './version.ts'

export interface RunningServer {
  readonly port: number
  /** Ends everything in order; what was acknowledged is on disk. */
  close(): Promise<void>
}

const clock = systemClock
const random = systemRandom

export async function startServer(directory: DataDirectory, config: ClusterConfig, log: Log): Promise<RunningServer> {
  const { flags, shown } = readApiserverFlags(config.apiserverConfig)
  const gateway = podNetwork(config.podCidr, config.serviceCidr).gateway
  const address = advertisedAddress(gateway)
  mkdirSync(dirname(directory.store), { recursive: true })
  // First, since its lock keeps a second server from making an authority of its own.
  const opened = await openStore({ directory, config, clock, random, log })
  const pki = await ensurePki(directory.pki, {
    domain: config.clusterDomain,
    dnsNames: [config.nodeName],
    addresses: [kubernetesServiceIp(config.serviceCidr), gateway, ...machineAddresses()],
  })
  const controllers = controllersOf({
    rootCa: pki.ca.certificate,
    clusterCidr: config.podCidr,
    localDirectories: localDirectories(directory, config.nodeName),
    signer: certificateSigner(pki.ca),
  })
  const state = { isReady: false, isStopping: false }
  const metrics = requestMetrics(clock)
  const audit = auditFrom(flags, { clock, random, onError: (error, doing) => log.error(doing, error) })
  const server = await assemble({ opened, pki, config, log, state, metrics, flags, shown, audit })
  const stop = new AbortController()
  const self = createClient(server.transportAs({ name: 'system:apiserver', groups: ['system:masters', 'system:authenticated'] }))
  await bootstrap({ client: self, clock, config, controllers, address })
  await publishAuthentication(self, { clientCa: pki.ca.certificate, frontProxyCa: pki.frontProxyCa.certificate })
  rememberCluster(directory, await clusterUid(self))
  const { key, certificate } = pki.apiserver
  const onError = (error: unknown) => log.error('serving', error)
  const listening = await listen(server, {
    port: config.port,
    key,
    certificate,
    clientCa: pki.ca.certificate,
    clock,
    random,
    metrics,
    onError,
  })
  const etcdApi = await startEtcdApi({ raw: opened.raw, config, pki, clock, cluster: () => clusterUid(self) })
  state.isReady = true
  writeKubeconfig(directory, { config, pki, port: listening.port })
  const running = startComponents(server, { controllers, log, signal: stop.signal })
  log.info(`serving on port ${listening.port}`)
  return {
    port: listening.port,
    async close() {
      state.isStopping = true
      if (flags['shutdown-delay-duration'] > 0) await sleep(clock, flags['shutdown-delay-duration'])
      stop.abort(new Error('the server is stopping'))
      await Promise.allSettled(running)
      await etcdApi?.close()
      await listening.close(1_000)
      await server.close()
      await audit?.backend.close()
      await opened.close()
    },
  }
}

interface Parts {
  readonly opened: OpenedStore
  readonly pki: Pki
  readonly config: ClusterConfig
  readonly log: Log
  readonly state: StartState
  readonly metrics: RequestMetrics
  readonly flags: ApiserverFlags
  readonly shown: Readonly<Record<string, string>>
  readonly audit: ReturnType<typeof auditFrom>
}

async function assemble({ opened, pki, config, log, state, metrics, flags, shown, audit }: Parts): Promise<ApiServer> {
  const issuer = `https://kubernetes.default.svc.${config.clusterDomain}`
  const tokens = serviceAccountTokens({ privateKey: pki.serviceAccount.key, issuer })
  const { store, raw } = opened
  const storeCheck = { name: 'etcd', for: ['livez', 'readyz'] as const, check: async () => void (await store.status()) }
  const server: ApiServer = await createApiServer({
    ...{ store, clock, random, createClient, tokens, runtimeConfig: config.runtimeConfig },
    authenticators: (parts) => defaultAuthenticators({ ...parts, keys: tokens, clock }),
    tokenAuthentication: (parts) => tokenAuthentication({ ...parts, keys: tokens, clock }),
    authorizer: defaultAuthorizer,
    admission: await configuredAdmission(config.admission),
    ...traffic(flags),
    ...(audit && { audit }),
    hooks: [certificateSigningRequestHook, serviceHook({ serviceCidr: config.serviceCidr })],
    nodeDialer: nodeDialer({
      client: () => server.registry.client,
      identity: pki.apiserverKubeletClient,
      ca: pki.ca.certificate,
    }),
    serviceDialer: serviceDialer(() => server.registry.client),
    aggregation: { frontProxy: pki.frontProxyClient },
    publish: [
      backupStage(raw, { client: () => server.registry.client, clock }),
      ...publishStages({
        kinds: () => server.registry.kinds.all(),
        remotes: () => server.remotes(),
        gitVersion: version,
        platform: platform(),
        checks: [storeCheck, ...postStartHooks(state), spaceCheck(raw)],
        measured: () => server,
        zpages: { clock, flags: shown, paths: ['/healthz', '/livez', '/metrics', '/readyz', '/version'] },
        tokens,
        metrics,
      }),
    ],
    onError: (error, doing) => log.error(doing, error),
  })
  return server
}

/** Who waits for whom. */
function traffic(flags: ApiserverFlags): Pick<ApiServerOptions, 'flowControl'> {
  const readOnly = flags['max-requests-inflight']
  const mutating = flags['max-mutating-requests-inflight']
  if (!flags['enable-priority-and-fairness']) return { flowControl: { maxInFlight: { readOnly, mutating } } }
  return { flowControl: { seats: readOnly + mutating, patience: flags['request-timeout'] / 4 } }
}

function startComponents(
  server: ApiServer,
  { controllers, log, signal }: { controllers: ReturnType<typeof controllersOf>; log: Log; signal: AbortSignal },
): Promise<unknown>[] {
  const account = (name: string) => ({
    name: `system:serviceaccount:kube-system:${name}`,
    groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
  })
  const clientAs = (user: { name: string; groups: readonly string[] }) => createClient(server.transportAs(user))
  const scheduler = { name: 'system:kube-scheduler', groups: ['system:authenticated'] }
  return [
    runControllers(controllers, {
      clientFor: (name) => clientAs(account(name)),
      ...{ clock, random, signal },
      onError: (error, { controller, key }) => log.error(`controller ${controller}${key ? ` ${key}` : ''}`, error),
    }),
    runScheduler({ client: clientAs(scheduler), clock, random, signal, onError: (error) => log.error('scheduler', error) }),
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
