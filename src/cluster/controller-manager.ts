/**
 * The controllers as a process of their own, against any API server over HTTPS (`nami controller-manager`).
 * Guarantee: of several such processes one works at a time; should two overlap for a moment, their writes carry preconditions.
 */
import { readFileSync } from 'node:fs'
import { ClusterTrustBundle } from '#api/certificates/v1beta1/cluster-trust-bundle.ts'
import { defaultGates, type FeatureGates } from '#api/feature-gates.ts'
import { kinds as builtIn } from '#api/kinds.ts'
import { featureLines } from '#apiserver/publish/feature-metrics.ts'
import { serviceAccountTokens } from '#apiserver/service-account-tokens.ts'
import { type HttpsTransportOptions, httpsTransport } from '#client/https-transport.ts'
import type { Access } from '#client/kubeconfig.ts'
import { createClient } from '#client/typed-client.ts'
import { controllersOf } from '#controllers/controllers.ts'
import type { Controller } from '#controllers/runtime/controller.ts'
import { type LeaderElection, runControllers } from '#controllers/runtime/run.ts'
import { selectControllers } from '#controllers/select.ts'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import { type ComponentServer, serveComponent } from './component-server.ts'
import { accountToken } from './controller-accounts.ts'
import { controllerMetrics } from './controller-metrics.ts'
import { needy } from './controllers-flag.ts'
import type { Log } from './log.ts'

export interface ControllerManagerOptions {
  readonly access: Access
  readonly clock: Clock
  readonly random: Random
  readonly signal: AbortSignal
  readonly log: Log
  /** `*`, `deployment`, `-deployment`. */
  readonly controllers: readonly string[]
  /** Differs between processes. */
  readonly identity: string
  /** Undefined: this process works at once. */
  readonly leaderElection?:
    | Pick<LeaderElection, 'namespace' | 'name' | 'leaseDuration' | 'renewDeadline' | 'retryPeriod'>
    | undefined
  readonly usesAccounts?: boolean
  /** Default: as 1.36 has them. */
  readonly gates?: FeatureGates | undefined
  readonly files?: ControllerFiles
  /** Without it, nodes are given no ranges. */
  readonly clusterCidr?: string | undefined
  readonly nodeMaskSize?: number | undefined
  /** Where health and metrics are served; undefined: nowhere. */
  readonly serving?: { readonly host?: string | undefined; readonly port: number } | undefined
  readonly onServing?: (server: ComponentServer) => void
}

/** Paths of PEM files, without which some controllers do not run. */
export interface ControllerFiles {
  readonly rootCa?: string | undefined
  readonly serviceAccountKey?: string | undefined
  readonly signingCertificate?: string | undefined
  readonly signingKey?: string | undefined
}

/** Resolves when the signal is aborted, or the lease was lost: then false. */
export async function runControllerManager(options: ControllerManagerOptions): Promise<boolean> {
  const { access, clock, random, signal, log, identity } = options
  const metrics = controllerMetrics(clock)
  const told = () => [...featureLines(options.gates ?? defaultGates), metrics.text()].join('\n')
  const base = { ...access.transportOptions({ clock }), userAgent: 'kube-controller-manager/v1.36.0' }
  const open = opener(base, metrics)
  const { client, transport } = open({})
  const name = options.leaderElection?.name ?? 'kube-controller-manager'
  let server: ComponentServer | undefined
  if (options.leaderElection) metrics.leading(name, false)
  const onLeading = (leads: boolean) => {
    metrics.leading(name, leads)
    log.info(leads ? `leads as ${identity}` : 'leads no more')
  }
  try {
    const controllers = await chosen(options, transport)
    server = options.serving && (await serveComponent({ client, clock, name, metrics: told, ...options.serving }))
    if (server) options.onServing?.(server)
    await runControllers(controllers, {
      ...{ clock, random, signal },
      clientFor: (account) => (options.usesAccounts ? open({ token: accountToken(client, clock, account) }).client : client),
      watchQueue: metrics.watchQueue,
      leaderElection: options.leaderElection && { ...options.leaderElection, client, identity, onLeading },
      onError: (error, { controller, key }) => log.error(`controller ${controller}${key ? ` ${key}` : ''}`, error),
    })
    return signal.aborted
  } finally {
    await server?.close()
    await open.close()
  }
}

/** Makes clients, and closes them all. */
function opener(base: HttpsTransportOptions, metrics: ReturnType<typeof controllerMetrics>) {
  const host = new URL(base.server).host
  const transports: ReturnType<typeof httpsTransport>[] = []
  const open = ({ token }: Pick<HttpsTransportOptions, 'token'>) => {
    const own = token === undefined ? base : { ...base, token, certificate: undefined, key: undefined }
    const transport = httpsTransport(own)
    transports.push(transport)
    return { transport, client: createClient(metrics.measured(transport, host)) }
  }
  return Object.assign(open, { close: () => Promise.all(transports.map((transport) => transport.close())) })
}

/** Those that are asked for and have what they need. */
async function chosen(
  options: ControllerManagerOptions,
  transport: ReturnType<typeof httpsTransport>,
): Promise<readonly Controller[]> {
  const { files = {}, clusterCidr, nodeMaskSize } = options
  const read = (path: string | undefined) => (path === undefined ? undefined : readFileSync(path, 'utf8'))
  const bundles = await transport.raw({ method: 'GET', path: '/apis/certificates.k8s.io/v1beta1/clustertrustbundles?limit=1' })
  bundles.body.resume()
  const kinds = bundles.status === 404 ? builtIn : [...builtIn, ClusterTrustBundle]
  const privateKey = read(files.serviceAccountKey)
  const certificate = read(files.signingCertificate)
  const key = read(files.signingKey)
  const all = controllersOf({
    kinds,
    rootCa: read(files.rootCa),
    ...(privateKey && { tokens: serviceAccountTokens({ privateKey, issuer: '' }) }),
    ...(certificate && key && { signer: (await import('./certificate-signer.ts')).certificateSigner({ certificate, key }) }),
    ...{ clusterCidr, nodeMaskSize },
  })
  const selected = selectControllers(all, options.controllers, needy)
  return clusterCidr ? selected : selected.filter(({ name }) => name !== 'node-ipam-controller')
}
