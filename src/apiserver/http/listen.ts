/** `listen`: the API server on a socket. TLS always; HTTP/2 and HTTP/1.1 on the same port; client certificates asked for, not demanded. */
import { X509Certificate } from 'node:crypto'
import { performServerHandshake, type ServerHttp2Session } from 'node:http2'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import { then } from '#lib/soon.ts'
import { asStatus } from '../pipeline.ts'
import type { RequestMetrics } from '../publish/metrics.ts'
import type { Origin, Request, Response } from '../request.ts'
import type { ApiServer } from '../server.ts'
import type { Exchange, Incoming } from './exchange.ts'
import { http1Server } from './http1.ts'
import { serveSession, sessionOptions } from './http2.ts'
import { NetworkRequest } from './network-request.ts'
import { refuse, send } from './send.ts'

export interface ListenOptions {
  readonly host?: string
  /** 0 takes a free one. */
  readonly port: number
  /** PEM. */
  readonly key: string
  readonly certificate: string
  /** PEM of the CAs whose client certificates count. */
  readonly clientCa: string
  /** PEM of the CAs whose certificates make a front proxy; default: there are none. */
  readonly frontProxyCa?: string
  readonly clock: Clock
  readonly random: Random
  /** Told of every request. */
  readonly metrics?: RequestMetrics
  readonly onError?: (error: unknown) => void
}

export interface Listening {
  readonly port: number
  /** Stops taking connections, lets answers under way end for `grace` milliseconds, then cuts. */
  close(grace?: number): Promise<void>
}

/** Client certificates are asked for, not demanded. */
const tlsOptions = {
  requestCert: true,
  rejectUnauthorized: false,
  ALPNProtocols: ['h2', 'http/1.1'],
  minVersion: 'TLSv1.2',
  handshakeTimeout: 10_000,
  // Finds out about clients whose machine is gone.
  keepAlive: true,
  keepAliveInitialDelay: 30_000,
} as const

export async function listen(server: ApiServer, options: ListenOptions): Promise<Listening> {
  const { key, certificate, clientCa, clock, metrics, onError = () => {} } = options
  const sockets = new Set<TLSSocket>()
  const sessions = new Set<ServerHttp2Session>()

  function serve(exchange: Exchange): void {
    const { request } = exchange
    const end = metrics?.begin(request)
    let answer: Response | undefined
    const fail = (error: unknown) => {
      if (request.signal.aborted) return
      onError(error)
      refuse(exchange, asStatus(error).toStatus())
    }
    try {
      const sent = then(server.handle(request), (response) => {
        answer = response
        if (response.type === 'watch' || response.type === 'upgraded') metrics?.lasts(request)
        return send(exchange, response, clock)
      })
      if (sent instanceof Promise) return void sent.catch(fail).finally(() => end?.(answer))
    } catch (error) {
      fail(error)
    }
    end?.(answer)
  }

  const makeRequest = (incoming: Incoming, origin: Origin) => requestOf(incoming, origin, options)
  const http1 = http1Server(makeRequest, serve)
  const { frontProxyCa } = options
  const frontProxy = frontProxyCa ? new X509Certificate(frontProxyCa) : undefined
  const tls = createServer({ ...tlsOptions, key, cert: certificate, ca: frontProxyCa ? [clientCa, frontProxyCa] : clientCa })
  tls.on('secureConnection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    tame(socket)
    const origin = originOf(socket, frontProxy)
    if (socket.alpnProtocol !== 'h2') return http1.take(socket, origin)
    const session = performServerHandshake(socket, sessionOptions)
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
    serveSession(session, (incoming) => makeRequest(incoming, origin), serve)
  })
  tls.on('tlsClientError', () => {})
  const port = await start(tls, options)
  tls.on('error', onError)

  async function close(grace = 0): Promise<void> {
    const closed = new Promise((done) => tls.close(done))
    http1.close()
    for (const session of sessions) session.close()
    const timer = clock.after(grace, () => {
      for (const socket of sockets) socket.destroy()
    })
    if (grace === 0) for (const socket of sockets) socket.destroy()
    await closed
    timer.cancel()
  }
  return { port, close }
}

function tame(socket: TLSSocket): void {
  socket.on('error', () => socket.destroy())
  socket.setNoDelay(true)
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
function originOf(socket: TLSSocket, frontProxy: X509Certificate | undefined): Origin {
  const { remoteAddress = '', authorized, authorizationError } = socket
  const peer = socket.getPeerX509Certificate()
  const network = { type: 'network', remoteAddress } as const
  const refused = { ...network, certificateError: String(authorizationError) }
  if (peer && authorized && frontProxy && peer.checkIssued(frontProxy) && peer.verify(frontProxy.publicKey)) {
    return { ...network, frontProxy: peer.raw }
  }
  return !peer ? network : authorized ? { ...network, certificate: peer.raw } : refused
}
