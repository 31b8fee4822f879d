/** `listen`: the API server on a socket. TLS always; HTTP/2 and HTTP/1.1 on the same port; client certificates asked for, not demanded. */
import { performServerHandshake, type ServerHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import { type Clock, sleep } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import type { RequestMetrics } from '../publish/metrics.ts'
import type { Origin, Request } from '../request.ts'
import type { ApiServer } from '../server.ts'
import { Certificates, type ServingMaterial } from './certificates.ts'
import type { Exchange, Incoming } from './exchange.ts'
import { http1Server } from './http1.ts'
import { serveSession, sessionLimits } from './http2.ts'
import { type LocalDoor, openLocally } from './local-door.ts'
import { NetworkRequest } from './network-request.ts'
import { Service, type ServiceOptions } from './service.ts'

export interface ListenOptions extends ServingMaterial {
  readonly host?: string
  /** 0 takes a free one. */
  readonly port: number
  /** A second way in, for whoever owns the machine. */
  readonly local?: LocalDoor | undefined
  /** Of HTTP/2 requests, after which their client is asked to connect anew; default 0. */
  readonly goawayChance?: number
  /** Requests of one HTTP/2 connection under way at once; default 4,000. */
  readonly maxStreams?: number | undefined
  /** Clients of HTTP/2 whom nobody knows are asked to connect anew after each answer; default: they are not. */
  readonly sendsStrangersAway?: boolean
  /** Default: nothing is said to browsers. */
  readonly forBrowsers?: ServiceOptions['forBrowsers']
  readonly clock: Clock
  readonly random: Random
  /** Told of every request. */
  readonly metrics?: RequestMetrics
  readonly onError?: (error: unknown) => void
}

export interface Listening {
  readonly port: number
  /** Shows something else from the next connection on. Throws, and changes nothing, where the material is no good. */
  renew(material: ServingMaterial): void
  /** Requests are answered 429 from now on, but for probes; resolves when those under way are done, or `signal` is aborted. */
  turnAway(signal: AbortSignal): Promise<void>
  /** Ends the watches under way one after the other, within so many milliseconds, as if their time were over. */
  endWatches(within?: number): Promise<void>
  /** Stops taking connections, ends watches, lets answers under way end for `grace` milliseconds, then cuts. */
  close(grace?: number): Promise<void>
}

/** Client certificates are asked for, not demanded. */
const tlsOptions = {
  requestCert: true,
  rejectUnauthorized: false,
  ALPNProtocols: ['h2', 'http/1.1'],
  handshakeTimeout: 10_000,
  // Finds out about clients whose machine is gone.
  keepAlive: true,
  keepAliveInitialDelay: 30_000,
} as const

export async function listen(server: ApiServer, options: ListenOptions): Promise<Listening> {
  const { clock, onError = () => {} } = options
  const sockets = new Set<Socket>()
  const sessions = new Set<ServerHttp2Session>()
  const service = new Service(server, options)
  const serve = (exchange: Exchange) => service.serve(exchange)
  const makeRequest = (incoming: Incoming, origin: Origin) => requestOf(incoming, origin, options)
  const http1 = http1Server(makeRequest, serve, (url) => isForwarded(server, url))
  const certificates = new Certificates(options)
  const tls = createServer({
    ...tlsOptions,
    ...certificates.options,
    SNICallback: (name, take) => take(null, certificates.contextFor(name)),
  })
  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
  }
  tls.on('secureConnection', (socket) => {
    keep(socket)
    socket.setNoDelay(true)
    const origin = originOf(socket, certificates)
    if (socket.alpnProtocol !== 'h2') return http1.take(socket, origin)
    const session = performServerHandshake(socket, sessionLimits(options.maxStreams))
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
    serveSession(session, (incoming) => makeRequest(incoming, origin), serve)
  })
  tls.on('tlsClientError', () => options.metrics?.handshakeFailed())
  const port = await start(tls, options)
  tls.on('error', onError)
  const { local } = options
  const door = local && (await openLocally(local.path))
  door?.on('connection', (socket) => {
    keep(socket)
    http1.take(socket, { type: 'in-process', user: (local as LocalDoor).user })
  })

  async function close(grace = 0): Promise<void> {
    const closed = new Promise<void>((done) => tls.close(() => done()))
    door?.close()
    http1.close()
    for (const session of sessions) session.close()
    void service.endWatches()
    if (grace > 0) await untilQuiet(closed, { service, clock, grace })
    for (const socket of sockets) socket.destroy()
    await closed
  }
  return {
    port,
    close,
    renew(material) {
      certificates.renew(material)
      tls.setSecureContext(certificates.options)
    },
    turnAway: (signal) => service.turnAway(signal),
    endWatches: (within) => service.endWatches(within),
  }
}

/** An extension server answers there. */
function isForwarded(server: ApiServer, url: string): boolean {
  return server.remotes().some(({ group, version }) => url.startsWith(`/apis/${group}/${version}/`))
}

/** How long the last bytes may take, and what lasts by nature: nobody waits for an open shell. */
const lastWords = 1_000

/** Resolves when all connections are closed, a moment after the last answer, or when the time is over. */
async function untilQuiet(
  closed: Promise<void>,
  { service, clock, grace }: { service: Service; clock: Clock; grace: number },
): Promise<void> {
  const stop = new AbortController()
  const pause = (milliseconds: number) => sleep(clock, milliseconds, stop.signal).catch(() => {})
  const answered = service.answered(stop.signal).then(() => pause(lastWords))
  await Promise.race([closed, answered, pause(grace)])
  stop.abort()
}

function start(tls: Server, { port, host }: ListenOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    tls.once('error', reject)
    tls.listen(port, host, () => {
      tls.off('error', reject)
      resolve((tls.address() as { port: number }).port)
    })
  })
}

function requestOf(incoming: Incoming, origin: Origin, { random, clock }: ListenOptions): Request {
  const given = incoming.headers['audit-id']
  const auditId = given && /^[\w-]{1,64}$/.test(given) ? given : random.uuid()
  return new NetworkRequest(incoming, { origin, auditId, clock })
}

/** Read once per connection. */
function originOf(socket: TLSSocket, certificates: Certificates): Origin {
  const { remoteAddress = '', authorized, authorizationError } = socket
  const peer = socket.getPeerX509Certificate()
  const network = { type: 'network', remoteAddress } as const
  const refused = { ...network, certificateError: String(authorizationError) }
  if (peer && authorized && certificates.isFrontProxy(peer)) return { ...network, frontProxy: peer.raw }
  return !peer ? network : authorized ? { ...network, certificate: peer.raw } : refused
}
