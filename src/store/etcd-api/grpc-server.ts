/**
 * A gRPC server over node:http2, as far as etcd's API needs one: unary calls and streams, over TLS with client certificates. An answer is
 * one write, and who asks is looked up once for each connection. Source: gRPC's PROTOCOL-HTTP2.
 *
 * Guarantees: nobody whose certificate `ca` did not sign gets as far as a call. Each call is answered with a status once, unless its client is gone.
 *
 * Warns: compressed messages are refused, since etcd's clients send none unless they are told to.
 */
import { EventEmitter } from 'node:events'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { type MethodDefinition, type ServiceDefinition, status } from '@grpc/grpc-js'
import { GrpcFrameError, GrpcFrames, grpcFrame } from '#lib/grpc-frames.ts'
import { Refusal } from './refusals.ts'

/** The subject of a client's certificate. */
export interface Peer {
  readonly name: string
  readonly organizations: readonly string[]
}

export type Unary = (request: any, peer: Peer) => Promise<object>
export type Stream = (call: GrpcCall, peer: Peer) => void

/** What is there, by path. Streams whose client sends one message only are handed it as `request`. */
export interface GrpcMethods {
  readonly unary: ReadonlyMap<string, Unary>
  readonly streams: ReadonlyMap<string, Stream>
}

export interface GrpcServerOptions {
  readonly host: string
  readonly port: number
  /** PEM. */
  readonly key: string
  readonly certificate: string
  readonly ca: string
  readonly services: readonly ServiceDefinition[]
  readonly methods: GrpcMethods
  /** How a failure is told. */
  readonly refusalOf: (error: unknown) => Refusal
}

export interface GrpcServer {
  readonly port: number
  close(): void
}

const window = 1 << 20

export async function serveGrpc(options: GrpcServerOptions): Promise<GrpcServer> {
  const { host, key, certificate: cert, ca } = options
  const server = http2.createSecureServer({
    ...{ key, cert, ca, requestCert: true, rejectUnauthorized: true, noDelay: true },
    settings: { initialWindowSize: window, maxConcurrentStreams: 10_000 },
    maxSessionMemory: 512,
  })
  const definitions = new Map(options.services.flatMap((service) => Object.values(service).map((one) => [one.path, one])))
  const sessions = new Set<http2.ServerHttp2Session>()
  server.on('session', (session) => {
    sessions.add(session)
    session.setLocalWindowSize(16 * window)
    session.on('close', () => sessions.delete(session))
    session.on('error', () => {})
    const peer = peerOf(session.socket as TLSSocket)
    session.on('stream', (stream, { ':path': path = '' }) => {
      const call = new GrpcCall(stream, definitions.get(path), options.refusalOf)
      answer(call, path, { peer, methods: options.methods })
    })
  })
  // Who cannot be shaken hands with is no error of ours.
  server.on('sessionError', () => {})
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close()
      for (const session of sessions) session.destroy()
    },
  }
}

function peerOf(socket: TLSSocket): Peer {
  const subject = socket.getPeerCertificate().subject as { CN?: string; O?: string | string[] } | undefined
  return { name: String(subject?.CN ?? ''), organizations: [subject?.O ?? []].flat() }
}

function answer(call: GrpcCall, path: string, { peer, methods }: { peer: Peer; methods: GrpcMethods }): void {
  const unary = methods.unary.get(path)
  const stream = methods.streams.get(path)
  try {
    if (unary) {
      call.onRequest((request) => {
        unary(request, peer)
          .then((answer) => call.finish(answer))
          .catch((error) => call.destroy(error))
      })
    } else if (stream) stream(call, peer)
    else call.destroy(new Refusal(status.UNIMPLEMENTED, `The server does not implement the method ${path}`))
  } catch (error) {
    call.destroy(error)
  }
}

const head = { ':status': 200, 'content-type': 'application/grpc' } as const
const mostReceived = 16 << 20

/**
 * One call. Events: `data` for each message, `end` when the client sends no more, `drain` when there is room again or nobody any more, and
 * `close` when it is over, however it ended.
 */
export class GrpcCall extends EventEmitter {
  #stream: http2.ServerHttp2Stream
  #method: MethodDefinition<any, any> | undefined
  #refusalOf: (error: unknown) => Refusal
  #frames = new GrpcFrames(mostReceived)
  #status: http2.OutgoingHttpHeaders = { 'grpc-status': '0' }
  #isOver = false

  constructor(
    stream: http2.ServerHttp2Stream,
    method: MethodDefinition<any, any> | undefined,
    refusalOf: (error: unknown) => Refusal,
  ) {
    super()
    this.#stream = stream
    this.#method = method
    this.#refusalOf = refusalOf
    stream.on('error', () => {})
    stream.on('data', (chunk: Buffer) => this.#take(chunk))
    stream.on('end', () => this.emit('end'))
    stream.on('drain', () => this.emit('drain'))
    stream.on('close', () => {
      this.#isOver = true
      this.emit('close')
      this.emit('drain')
    })
  }

  /** Whether nothing more can be sent: a stream that its client has reset throws, and tells of its end only later. */
  get cancelled(): boolean {
    return this.#isOver || this.#stream.destroyed || this.#stream.closed
  }

  /** Bytes that the client has yet to take. */
  get writableLength(): number {
    return this.#stream.writableLength
  }

  /** The single message of a client that sends one. */
  onRequest(take: (request: any) => void): void {
    let request: unknown
    this.on('data', (message) => {
      request = message
    })
    this.on('end', () => {
      if (this.cancelled) return
      if (request === undefined) this.destroy(new Refusal(status.UNIMPLEMENTED, 'Request message is missing'))
      else take(request)
    })
  }

  /** False: wait for `drain`. */
  write(message: object): boolean {
    if (this.cancelled) return true
    this.#respond()
    return this.#stream.write(this.#framed(message))
  }

  /** The only answer, and the end. */
  finish(message: object): void {
    if (this.cancelled) return
    const framed = this.#framed(message)
    this.#respond()
    this.#isOver = true
    this.#stream.end(framed)
  }

  end(): void {
    if (this.cancelled) return
    this.#respond()
    this.#isOver = true
    this.#stream.end()
  }

  destroy(error: unknown): void {
    if (this.cancelled) return
    this.#isOver = true
    const { code, details } = this.#refusalOf(error)
    const told = { 'grpc-status': String(code), 'grpc-message': encodeURIComponent(details) }
    if (!this.#stream.headersSent) this.#stream.respond({ ...head, ...told }, { endStream: true })
    else {
      this.#status = told
      this.#stream.end()
    }
    // What still comes is of no use to anybody.
    this.#stream.resume()
  }

  #framed(message: object): Buffer {
    return grpcFrame((this.#method as MethodDefinition<any, any>).responseSerialize(message))
  }

  #respond(): void {
    if (this.#stream.headersSent) return
    this.#stream.respond(head, { waitForTrailers: true })
    this.#stream.on('wantTrailers', () => !this.#stream.destroyed && this.#stream.sendTrailers(this.#status))
  }

  #take(chunk: Buffer): void {
    if (this.cancelled) return
    try {
      for (const bytes of this.#frames.add(chunk)) this.emit('data', this.#method?.requestDeserialize(bytes))
    } catch (error) {
      const { message } = error as Error
      this.destroy(
        error instanceof GrpcFrameError
          ? new Refusal(error.status, message)
          : new Refusal(status.INTERNAL, `Error deserializing request: ${message}`),
      )
    }
  }
}
