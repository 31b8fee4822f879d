/** The agent's HTTPS server on port 10250: logs, exec, attach, port-forward, pods, statistics (upstream `kubelet/server`). */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Pod } from '#api/core/v1/pod.ts'
import type { Clock } from '#lib/clock.ts'
import { type Runtime, RuntimeError } from '../cri/runtime.ts'
import type { ProbeCount } from '../probes/probe-tally.ts'
import type { VolumeUsage } from '../volumes/volume-usage.ts'
import { type AgentUser, type AuthorizeNode, bearerToken, certificateUser, requireAccess } from './access.ts'
import type { MachineSize } from './cadvisor-metrics.ts'
import type { AgentSettings } from './configz.ts'
import { serveContainerLogs } from './container-logs.ts'
import { AgentError, checkContainerName, findPod, type PodLookup, runningContainer } from './find-container.ts'
import { MetricText } from './metric-text.ts'
import { createStats, type Stats, type StatsOptions } from './stats.ts'
import { refuseUpgrade } from './upgrade.ts'

export interface AgentServerOptions {
  readonly runtime: Runtime
  readonly clock: Clock
  readonly nodeName: string
  /** Pods of this node with their newest status. */
  readonly pods: () => readonly Pod[]
  /** The present run of a container as the runtime has it; default: what the pod's status says. */
  readonly containerId?: PodLookup['containerId']
  /** Default all addresses. */
  readonly host?: string
  /** Default 10250; 0 takes a free one. */
  readonly port?: number
  /** PEM. Clients must show a certificate of `clientCa`, or a token. */
  readonly tls: { readonly key: string; readonly certificate: string; readonly clientCa: string }
  /** How full a pod's volumes are; default: nothing is told of them. */
  readonly volumes?: ((pod: Pod) => Promise<readonly VolumeUsage[]>) | undefined
  readonly directories?: StatsOptions['directories']
  /** For `/metrics/probes`, `/metrics/cadvisor` and `/configz`, which else do not exist. */
  readonly probes?: (() => readonly ProbeCount[]) | undefined
  readonly machine?: MachineSize | undefined
  readonly settings?: AgentSettings | undefined
  /** The machine's; default /var/log. */
  readonly systemLogs?: string | undefined
  readonly authorize: AuthorizeNode
  /** Delegated TokenReview; absent: tokens are refused. */
  readonly authenticateToken?: (token: string) => Promise<AgentUser | undefined>
  readonly onError?: (error: unknown) => void
}

export interface AgentServer {
  readonly port: number
  /** New certificates for new connections. */
  renew(tls: AgentServerOptions['tls']): void
  /** Ends all connections, followed logs and sessions among them. */
  close(): Promise<void>
}

export async function listenAgent(options: AgentServerOptions): Promise<AgentServer> {
  const stats = createStats(options)
  const server = createServer({ ...credentials(options.tls), requestCert: true, rejectUnauthorized: false, keepAlive: true })
  server.keepAliveTimeout = 120_000
  server.on('request', (request, response) => void serve(options, stats, { request, response }))
  server.on('upgrade', (request, socket, head) => void upgrade(options, request, { socket, head }))
  const open = new Set<Duplex>()
  server.on('secureConnection', (socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    socket.on('error', () => {})
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 10250, options.host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    renew: (tls) => server.setSecureContext(credentials(tls)),
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}

function credentials({ key, certificate, clientCa }: AgentServerOptions['tls']) {
  return { key, cert: certificate, ca: clientCa }
}

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

async function serve(options: AgentServerOptions, stats: Stats, { request, response }: Exchange): Promise<void> {
  try {
    const url = await admit(options, request)
    await route(options, stats, { request, response, url })
  } catch (error) {
    const { code, text } = describe(error, options)
    if (response.headersSent) response.destroy()
    else response.writeHead(code, { 'Content-Type': 'text/plain; charset=utf-8' }).end(text)
  }
}

async function upgrade(
  options: AgentServerOptions,
  request: IncomingMessage,
  { socket, head }: { socket: Duplex; head: Buffer },
): Promise<void> {
  socket.on('error', () => socket.destroy())
  try {
    const { pathname } = await admit(options, request)
    const target = streamTarget(pathname)
    if (!target) throw new AgentError(404, '404 page not found\n')
    // Most nodes go on for days without anybody looking into a pod.
    const { serveStream } = await import('./streaming.ts')
    await serveStream(options, target, { request, socket, head })
  } catch (error) {
    const { code, text } = describe(error, options)
    if (!socket.destroyed) refuseUpgrade(socket, `${code} ${reasons[code] ?? 'Error'}`, text)
  }
}

/** Authentication and authorization, as of every request. */
async function admit({ authorize, authenticateToken }: AgentServerOptions, request: IncomingMessage): Promise<URL> {
  const url = new URL(request.url ?? '/', 'https://agent')
  const token = bearerToken(request)
  const user = certificateUser(request) ?? (token ? await authenticateToken?.(token) : undefined)
  if (!user) throw new AgentError(401, 'Unauthorized')
  await requireAccess(user, { method: request.method ?? '', path: url.pathname, authorize })
  return url
}

async function route(options: AgentServerOptions, stats: Stats, exchange: Exchange & { url: URL }): Promise<void> {
  const { request, response, url } = exchange
  const [first = '', ...rest] = url.pathname.split('/').filter(Boolean).map(decodeURIComponent)
  const json = (body: object) => response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
  const metrics = (text: string) => response.writeHead(200, { 'Content-Type': 'text/plain; version=0.0.4' }).end(text)
  if (first === 'healthz') return void response.writeHead(200, { 'Content-Type': 'text/plain' }).end('ok')
  if (first === 'pods') return void json({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items: options.pods() })
  if (first === 'stats' && rest[0] === 'summary') {
    const onlyCpuAndMemory = url.searchParams.get('only_cpu_and_memory') === 'true'
    return void json(await stats.summary({ onlyCpuAndMemory }))
  }
  if (first === 'metrics' && rest[0] === 'resource') return void metrics(await stats.resourceMetrics())
  if (first === 'metrics' && rest.length === 0) return void metrics((await ownMetrics(options)) + (await stats.volumeMetrics()))
  if (first === 'metrics') {
    const text = await rareMetrics(options, rest[0])
    if (text !== undefined) return void metrics(text)
  }
  if (first === 'configz' && options.settings) return void json((await import('./configz.ts')).configz(options.settings))
  if (first === 'runningpods') return void json(await runningPods(options))
  if (first === 'logs') {
    const { serveNodeLogs } = await import('./node-logs.ts')
    return await serveNodeLogs(options.systemLogs ?? '/var/log', rest.join('/'), response)
  }
  if (first === 'containerLogs') {
    const [namespace = '', pod = '', container = ''] = rest
    if (!pod) throw new AgentError(400, '{"message": "Missing podID."}')
    if (!container) throw new AgentError(400, '{"message": "Missing container name."}')
    return serveContainerLogs(options, { namespace, pod, container }, { response, query: url.searchParams })
  }
  if (first === 'run' && request.method === 'POST') return run(options, rest, exchange)
  if (streamTarget(url.pathname)) throw new AgentError(400, 'Upgrade request required')
  throw new AgentError(404, '404 page not found\n')
}

async function rareMetrics({ runtime, pods, probes, machine }: AgentServerOptions, name = ''): Promise<string | undefined> {
  if (name === 'probes' && probes) return (await import('./probe-metrics.ts')).probeMetrics(probes())
  if (name !== 'cadvisor' || !machine) return undefined
  const { cadvisorMetrics } = await import('./cadvisor-metrics.ts')
  return cadvisorMetrics(
    (await runtime.containerStats()).filter(({ at }) => at > 0),
    pods(),
    machine,
  )
}

/** What the runtime runs, whatever the API says. */
async function runningPods({ runtime }: AgentServerOptions): Promise<object> {
  const [sandboxes, containers] = await Promise.all([runtime.listPodSandboxes(), runtime.listContainers()])
  const items = sandboxes
    .filter(({ state }) => state === 'ready')
    .map(({ id, metadata: { name, namespace, uid } }) => {
      const own = containers.filter(({ sandboxId, state }) => sandboxId === id && state === 'running')
      const shown = own.map(({ metadata, imageRef }) => ({ name: metadata.name, image: imageRef, resources: {} }))
      return { metadata: { name, namespace, uid, creationTimestamp: null }, spec: { containers: shown }, status: {} }
    })
  return { kind: 'PodList', apiVersion: 'v1', metadata: {}, items }
}

/** `/exec/{namespace}/{pod}[/{uid}]/{container}`; the form with a uid is old. */
function streamTarget(pathname: string) {
  const [kind = '', namespace = '', pod = '', ...rest] = pathname.split('/').filter(Boolean).map(decodeURIComponent)
  if (kind === 'portForward') return { kind, namespace, pod, container: '' } as const
  if (kind !== 'exec' && kind !== 'attach') return undefined
  return { kind, namespace, pod, container: rest.at(-1) ?? '' } as const
}

/** Runs one command and answers its output, as the old `kubectl` did. */
async function run(options: AgentServerOptions, path: readonly string[], { response, url }: Exchange & { url: URL }) {
  const [namespace = '', name = '', ...rest] = path
  const pod = findPod(options, namespace, name)
  const container = rest.at(-1) ?? ''
  checkContainerName(pod, container)
  const command = (url.searchParams.get('cmd') ?? '').split(' ')
  const { stdout, stderr } = await options.runtime.execSync(runningContainer(options, pod, container), command, 0)
  response.writeHead(200, { 'Content-Type': 'text/plain' }).end(Buffer.concat([stdout, stderr]))
}

async function ownMetrics({ runtime, pods, nodeName }: AgentServerOptions): Promise<string> {
  const containers = await runtime.listContainers()
  const text = new MetricText()
  text.family('kubelet_node_name', 'gauge', `The node's name. The count is always 1.`)
  text.sample({ node: nodeName }, 1)
  text.family('kubelet_running_pods', 'gauge', 'Number of pods that have a running pod sandbox')
  text.sample({}, pods().filter(({ status }) => status.phase === 'Running').length)
  text.family('kubelet_running_containers', 'gauge', 'Number of containers currently running')
  for (const state of ['created', 'running', 'exited', 'unknown']) {
    const count = containers.filter((container) => container.state === state).length
    if (count > 0) text.sample({ container_state: state }, count)
  }
  return text.end()
}

function describe(error: unknown, { onError }: AgentServerOptions): { code: number; text: string } {
  if (error instanceof AgentError) return { code: error.code, text: error.message }
  if (error instanceof RuntimeError) return { code: error.code === 'NotFound' ? 404 : 500, text: error.rpcText }
  onError?.(error)
  return { code: 500, text: error instanceof Error ? error.message : String(error) }
}

const reasons: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  500: 'Internal Server Error',
}
