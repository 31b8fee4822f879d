/**
 * `openConnection`: requests to one server, over HTTP/2 sessions or, where the server speaks nothing else, HTTP/1.1.
 *
 * Guarantees: a session that the server takes back (GOAWAY) ends after its open streams, and new requests get a new one;
 * a session that answers nothing for 45 seconds is dropped with all its streams.
 * One session carries everything until the server's limit on streams is near: then a further one is opened, since watches
 * hold theirs for ever.
 */
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import net from 'node:net'
import type { Readable } from 'node:stream'
import tls from 'node:tls'
import type { Clock, Timer } from '#lib/clock.ts'
import { TransportError } from './client.ts'
import { bodyOf } from './stream-body.ts'

export type Pem = string | Uint8Array
export type PemSource = Pem | (() => Pem | undefined | Promise<Pem | undefined>)

export interface ConnectionOptions {
  /** `https://host:port`, perhaps with a path that stands before all others. */
  readonly server: string
  readonly clock: Clock
  readonly ca?: Pem | undefined
  /** Functions are asked at each new session, so that certificates may rotate. */
  readonly certificate?: PemSource | undefined
  readonly key?: PemSource | undefined
  /** The name that the server's certificate must have, where it is not the host. */
  readonly serverName?: string | undefined
  readonly insecure?: boolean | undefined
  /** HTTP/1.1 even where the server offers more. */
  readonly http1?: boolean | undefined
}

/** A list is sent as so many fields of one name. */
export type Headers = Readonly<Record<string, string | string[]>>

export interface Exchange {
  readonly method: string
  readonly path: string
  readonly headers: Headers
  readonly body?: Uint8Array | string | undefined
  readonly signal?: AbortSignal | undefined
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Readable
}

export interface Connection {
  send(exchange: Exchange): Promise<Answer>
  /** Ends everything that is open. */
  close(): void
}

const connectTimeout = 30_000
const pingAfter = 30_000
const pingTimeout = 15_000

export function openConnection(options: ConnectionOptions): Connection {
  return new PooledConnection(options)
}

interface Session {
  readonly http2: http2.ClientHttp2Session
  streams: number
}

class PooledConnection implements Connection {
  #options: ConnectionOptions
  #url: URL
  #prefix: string
  #sessions: Session[] = []
  #opening: Promise<void> | undefined
  /** Known once a server has refused HTTP/2. */
  #http1: boolean
  #agent: http.Agent | undefined
  #closed = false

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#url = new URL(options.server)
    this.#prefix = this.#url.pathname.replace(/\/$/, '')
    this.#http1 = options.http1 ?? this.#url.protocol === 'http:'
  }

  async send(exchange: Exchange): Promise<Answer> {
    if (this.#closed) throw new TransportError('the client was closed')
    exchange.signal?.throwIfAborted()
    const session = this.#http1 ? undefined : await this.#reserve(exchange.signal)
    const full = { ...exchange, path: this.#prefix + exchange.path }
    return session ? sendHttp2(session, full) : this.#sendHttp1(full)
  }

  close(): void {
    this.#closed = true
    for (const session of this.#sessions.splice(0)) session.http2.destroy()
    this.#agent?.destroy()
  }

  /** As `#session`, given up when the signal is aborted; a stream that comes later is given back. */
  #reserve(signal: AbortSignal | undefined): Promise<Session | undefined> {
    const session = this.#session()
    if (!signal) return session
    return new Promise((resolve, reject) => {
      const abort = () => {
        reject(signal.reason)
        session.then(
          (late) => late && late.streams--,
          () => {},
        )
      }
      signal.addEventListener('abort', abort, { once: true })
      const done = () => signal.removeEventListener('abort', abort)
      session.then(resolve, reject).finally(done)
    })
  }

  /** A session with a stream reserved on it; undefined when the server speaks HTTP/1.1. */
  async #session(): Promise<Session | undefined> {
    for (;;) {
      const free = this.#sessions.find(({ http2, streams }) => streams < (http2.remoteSettings?.maxConcurrentStreams ?? 100))
      if (free) {
        free.streams++
        return free
      }
      this.#opening ??= this.#open().finally(() => {
        this.#opening = undefined
      })
      await this.#opening
      if (this.#http1) return undefined
      if (this.#closed) throw new TransportError('the client was closed')
    }
  }

  async #open(): Promise<void> {
    const socket = await this.#connect(['h2', 'http/1.1'])
    if (socket.alpnProtocol !== 'h2') {
      socket.destroy()
      this.#http1 = true
      return
    }
    const opened = http2.connect(this.#url, {
      createConnection: () => socket,
      // Node's default of 10 MB kills parallel lists (measured; see the design's section on HTTP/2).
      maxSessionMemory: 4096,
      settings: { initialWindowSize: 4 * 1024 * 1024, enablePush: false },
    })
    const session = { http2: opened, streams: 0 }
    opened.on('error', () => {})
    opened.on('connect', () => opened.setLocalWindowSize(16 * 1024 * 1024))
    const leave = () => {
      this.#sessions = this.#sessions.filter((other) => other !== session)
    }
    opened.on('goaway', leave)
    opened.on('close', leave)
    keepAlive(opened, this.#options.clock)
    const timer = this.#options.clock.after(connectTimeout, () => opened.destroy())
    await settled(opened).finally(() => timer.cancel())
    if (this.#closed) opened.destroy()
    else this.#sessions.push(session)
  }

  async #connect(protocols: string[]): Promise<tls.TLSSocket> {
    const { promise, resolve, reject } = Promise.withResolvers<tls.TLSSocket>()
    const socket = tls.connect({ ...(await this.#tls()), ALPNProtocols: protocols })
    const timer = this.#options.clock.after(connectTimeout, () => socket.destroy(new Error('timed out')))
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 30_000)
    socket.once('secureConnect', () => resolve(socket))
    socket.once('error', (error) => reject(unreachable(this.#url, error)))
    return promise.finally(() => timer.cancel())
  }

  async #tls(): Promise<tls.ConnectionOptions> {
    const { ca, certificate, key, serverName, insecure } = this.#options
    const host = this.#url.hostname.replace(/^\[|\]$/g, '')
    const cert = typeof certificate === 'function' ? await certificate() : certificate
    const privateKey = typeof key === 'function' ? await key() : key
    return {
      host,
      port: Number(this.#url.port || 443),
      servername: serverName ?? (net.isIP(host) ? '' : host),
      rejectUnauthorized: !insecure,
      ...(ca && { ca: buffer(ca) }),
      ...(cert && privateKey && { cert: buffer(cert), key: buffer(privateKey) }),
      ...(serverName && { checkServerIdentity: (_host, peer) => tls.checkServerIdentity(serverName, peer) }),
    }
  }

  async #sendHttp1({ method, path, headers, body, signal }: Exchange): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const secure = this.#url.protocol === 'https:'
    const place = { host: this.#url.hostname.replace(/^\[|\]$/g, ''), port: this.#url.port || (secure ? 443 : 80) }
    this.#agent ??= secure ? new https.Agent({ keepAlive: true, ...(await this.#tls()) }) : new http.Agent({ keepAlive: true })
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    const options = { ...place, method, path, headers: { ...headers, ...length }, agent: this.#agent, ...(signal && { signal }) }
    const request = secure ? https.request(options) : http.request(options)
    request.once('response', (response) =>
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: response }),
    )
    request.once('error', (error) => reject(signal?.aborted ? signal.reason : unreachable(this.#url, error)))
    request.end(body)
    return promise
  }
}

/** Waits for the server's settings: they say how many streams it takes. */
function settled(session: http2.ClientHttp2Session): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  session.once('remoteSettings', () => resolve())
  session.once('close', () => reject(new TransportError('the connection was closed before it was used')))
  return promise
}

/** On a stream that was reserved; it is free again when it ends. */
function sendHttp2(session: Session, { method, path, headers, body, signal }: Exchange): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  let stream: http2.ClientHttp2Stream
  if (signal?.aborted) {
    session.streams--
    return Promise.reject(signal.reason)
  }
  try {
    stream = session.http2.request({ ':method': method, ':path': path, ...headers }, { endStream: body === undefined })
  } catch (error) {
    session.streams--
    return Promise.reject(new TransportError(`the connection is closing: ${(error as Error).message}`, { cause: error }))
  }
  const abort = () => stream.close(http2.constants.NGHTTP2_CANCEL)
  signal?.addEventListener('abort', abort, { once: true })
  const answer = bodyOf(stream)
  stream.once('response', ({ ':status': status = 0, ...fields }) => resolve({ status, headers: fields, body: answer }))
  stream.on('error', (error) => {
    reject(signal?.aborted ? signal.reason : new TransportError(`the connection broke: ${error.message}`, { cause: error }))
  })
  stream.once('close', () => {
    session.streams--
    signal?.removeEventListener('abort', abort)
    reject(signal?.aborted ? signal.reason : new TransportError('the connection was closed before an answer came'))
  })
  if (body !== undefined) stream.end(body)
  return promise
}

/** Asks for a sign of life every 30 seconds; client-go's `ReadIdleTimeout` and `PingTimeout`. */
function keepAlive(session: http2.ClientHttp2Session, clock: Clock): void {
  let timer: Timer
  const wait = () => {
    timer = clock.after(pingAfter, ask)
  }
  const ask = () => {
    if (session.destroyed || session.closed) return
    timer = clock.after(pingTimeout, () => session.destroy(new Error('no answer to a ping')))
    session.ping((error) => {
      timer.cancel()
      if (!error) wait()
    })
  }
  wait()
  session.once('close', () => timer.cancel())
}

function unreachable({ host }: URL, error: Error & { code?: string }): TransportError {
  return new TransportError(`cannot reach the server at ${host}: ${error.message || error.code}`, { cause: error })
}

function buffer(pem: Pem): string | Buffer {
  return typeof pem === 'string' ? pem : Buffer.from(pem)
}
