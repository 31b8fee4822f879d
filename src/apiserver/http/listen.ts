/** `listen`: the API server on a socket. TLS always; HTTP/2 and HTTP/1.1 on the same port; client certificates asked for, not demanded. */
import { createServer as createHttp1 } from 'node:http'
import { performServerHandshake, type ServerHttp2Session } from 'node:http2'
import { createServer, type TLSSocket } from 'node:tls'
import type { Clock } from '#lib/clock.ts'
import type { Random } from '#lib/random.ts'
import { asStatus } from '../pipeline.ts'
import type { Origin, Request, User } from '../request.ts'
import type { ApiServer } from '../server.ts'
import type { Exchange } from './exchange.ts'
import { exchangeOf, upgradeExchangeOf } from './http1.ts'
import { serveSession, sessionOptions } from './http2.ts'
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
  readonly clock: Clock
  readonly random: Random
  readonly onError?: (error: unknown) => void
}

export interface Listening {
  readonly port: number
  /** Stops taking connections, lets answers under way end for `grace` milliseconds, then cuts. */
  close(grace?: number): Promise<void>
}

const nobody: User = { name: '', groups: [] }
const noInfo = {
  verb: '',
  isResource: false,
  path: '',
  group: '',
  version: '',
  resource: '',
  subresource: '',
  namespace: '',
  name: '',
  rest: '',
}

export async function listen(server: ApiServer, options: ListenOptions): Promise<Listening> {
  const { key, certificate, clientCa, clock, onError = () => {} } = options
  const sockets = new Set<TLSSocket>()
  const sessions = new Set<ServerHttp2Session>()

  function serve(exchange: Exchange): void {
    void server
      .handle(exchange.request)
      .then((response) => send(exchange, response, clock))
      .catch((error) => {
        if (exchange.request.signal.aborted) return
        onError(error)
        refuse(exchange, asStatus(error).toStatus())
      })
  }

  const http1 = createHttp1({ keepAliveTimeout: 180_000 })
  http1.on('request', (message, response) => {
    const exchange = exchangeOf(message, response, (parts) => requestOf(parts, message.socket as TLSSocket, options))
    if (exchange) serve(exchange)
  })
  http1.on('upgrade', (message, socket, head) => {
    const makeRequest = (parts: Parts) => requestOf(parts, message.socket as TLSSocket, options)
    const exchange = upgradeExchangeOf(message, socket, { head, makeRequest })
    if (exchange) serve(exchange)
  })
  http1.on('clientError', (_, socket) => void socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n'))

  const tls = createServer({
    key,
    cert: certificate,
    ca: clientCa,
    requestCert: true,
    rejectUnauthorized: false,
    ALPNProtocols: ['h2', 'http/1.1'],
    minVersion: 'TLSv1.2',
  })
  tls.on('secureConnection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    socket.setNoDelay(true)
    if (socket.alpnProtocol !== 'h2') return http1.emit('connection', socket)
    const session = performServerHandshake(socket, sessionOptions as unknown as Parameters<typeof performServerHandshake>[1])
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
    serveSession(session, (parts) => requestOf(parts, socket, options), serve)
  })
  tls.on('tlsClientError', () => {})
  await new Promise<void>((resolve, reject) => {
    tls.once('error', reject)
    tls.listen(options.port, options.host, () => resolve())
  })
  tls.on('error', onError)
  const { port } = tls.address() as { port: number }

  async function close(grace = 0): Promise<void> {
    const closed = new Promise((done) => tls.close(done))
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

type Parts = Pick<Request, 'method' | 'path' | 'query' | 'headers' | 'signal' | 'body'> & Partial<Pick<Request, 'upgrade'>>

function requestOf(parts: Parts, socket: TLSSocket, { random }: ListenOptions): Request {
  const given = parts.headers['audit-id']
  const auditId = given && /^[\w-]{1,64}$/.test(given) ? given : random.uuid()
  return { ...parts, origin: originOf(socket), info: noInfo, user: nobody, auditId, warnings: [] }
}

const origins = new WeakMap<TLSSocket, Origin>()

/** Once per connection. A certificate that our CA did not sign counts as none. */
function originOf(socket: TLSSocket): Origin {
  const known = origins.get(socket)
  if (known) return known
  const peer = socket.authorized ? socket.getPeerX509Certificate() : undefined
  const origin: Origin = {
    type: 'network',
    remoteAddress: socket.remoteAddress ?? '',
    ...(peer && { certificate: peer.raw }),
  }
  origins.set(socket, origin)
  return origin
}
