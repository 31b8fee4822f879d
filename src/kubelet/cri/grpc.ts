/**
 * gRPC as the agent uses it: over one HTTP/2 session to a unix socket, with the messages of .proto files, which are those beside unless
 * others are given; failures are RuntimeErrors. Source: gRPC's PROTOCOL-HTTP2.
 *
 * Guarantees: a call that finds no session opens one, and is never repeated; when the session breaks, all that is under way fails with
 * Unavailable.
 */
import { readFileSync } from 'node:fs'
import http2 from 'node:http2'
import { connect } from 'node:net'
import { type Clock, sleep } from '#lib/clock.ts'
import { GrpcFrames, grpcFrame } from '#lib/grpc-frames.ts'
import { type Method, type ProtoFile, readProto } from './proto-file.ts'
import { decode, encode, type Message } from './proto-wire.ts'
import { RuntimeError, type RuntimeErrorCode } from './runtime.ts'

export interface CallLimits {
  /** Milliseconds; 0 waits for ever. Default two minutes, as upstream's runtimeRequestTimeout. */
  readonly timeout?: number
}

export interface StreamHandlers {
  onMessage(message: Message): void
  /** Once; undefined: the server ended it. */
  onEnd(error: RuntimeError | undefined): void
}

interface CallHandlers extends StreamHandlers {
  readonly timeout: number
}

export interface GrpcChannelOptions {
  readonly socket: string
  readonly clock: Clock
  /** Asked with every call; they are read once. */
  readonly protos?: (() => readonly ProtoFile[]) | undefined
}

/** All services behind one unix socket. */
export class GrpcChannel {
  readonly #socket: string
  readonly #clock: Clock
  readonly #protos: () => readonly ProtoFile[]
  #session: http2.ClientHttp2Session | undefined

  constructor({ socket, clock, protos = criProtos }: GrpcChannelOptions) {
    this.#socket = socket
    this.#clock = clock
    this.#protos = protos
  }

  /** `service` with its package: `runtime.v1.RuntimeService`. */
  call(service: string, method: string, request: Message, { timeout = 120_000 }: CallLimits = {}): Promise<Message> {
    return new Promise((resolve, reject) => {
      let answer: Message = {}
      this.#start(methodOf(this.#protos(), service, method), request, {
        timeout,
        onMessage: (message) => {
          answer = message
        },
        onEnd: (error) => (error ? reject(error) : resolve(answer)),
      })
    })
  }

  /** Answers how to cancel it; `onEnd` comes then too. */
  stream(service: string, method: string, request: Message, handlers: StreamHandlers): () => void {
    const stream = this.#start(methodOf(this.#protos(), service, method), request, { ...handlers, timeout: 0 })
    return () => stream.close(http2.constants.NGHTTP2_CANCEL)
  }

  /** Resolves when the server accepts connections; rejects after `timeout` milliseconds. */
  async ready(timeout: number): Promise<void> {
    const deadline = this.#clock.monotonic() + timeout
    for (;;) {
      const session = this.#open()
      const error = await opened(session)
      if (!error) return
      const left = deadline - this.#clock.monotonic()
      if (left <= 0) throw new RuntimeError('Unavailable', error.message, { cause: error })
      await sleep(this.#clock, Math.min(left, connectPause))
    }
  }

  close(): void {
    this.#session?.destroy()
    this.#session = undefined
  }

  #open(): http2.ClientHttp2Session {
    if (this.#session && !this.#session.destroyed && !this.#session.closed) return this.#session
    const session = http2.connect('http://localhost', {
      createConnection: () => connect(this.#socket),
      settings: { initialWindowSize: window, enablePush: false },
      maxSessionMemory: 256,
    })
    this.#session = session
    // Every stream is told of it, too.
    session.on('error', () => {})
    return session
  }

  #start(method: Method, request: Message, { timeout, onMessage, onEnd }: CallHandlers): http2.ClientHttp2Stream {
    const stream = this.#open().request({ ...head, ':path': method.path }, { endStream: false })
    const frames = new GrpcFrames()
    let failure: RuntimeError | undefined
    let status: http2.IncomingHttpHeaders = {}
    const timer = timeout > 0 ? this.#clock.after(timeout, () => expire()) : undefined
    const expire = () => {
      failure = new RuntimeError('DeadlineExceeded', 'context deadline exceeded')
      stream.close(http2.constants.NGHTTP2_CANCEL)
    }
    stream.on('response', (headers) => {
      status = headers
    })
    stream.on('trailers', (trailers) => {
      status = trailers
    })
    stream.on('data', (chunk: Buffer) => {
      try {
        for (const bytes of frames.add(chunk)) onMessage(decode(method.response, bytes))
      } catch (error) {
        failure = new RuntimeError('Unknown', (error as Error).message, { cause: error, status: 'Internal' })
        stream.close(http2.constants.NGHTTP2_CANCEL)
      }
    })
    stream.on('error', (error) => {
      failure ??= new RuntimeError('Unavailable', error.message, { cause: error })
    })
    stream.on('close', () => {
      timer?.cancel()
      onEnd(failure ?? errorOf(status))
    })
    stream.end(grpcFrame(encode(method.request, request)))
    return stream
  }
}

const connectPause = 10
const window = 1024 * 1024
const head = {
  ':method': 'POST',
  'content-type': 'application/grpc',
  te: 'trailers',
  // For what is containerd's own; CRI takes no notice of it.
  'containerd-namespace': 'k8s.io',
  'user-agent': 'nami',
} as const

/** Undefined once it is connected. */
function opened(session: http2.ClientHttp2Session): Promise<Error | undefined> {
  if (!session.connecting) return Promise.resolve(session.destroyed ? new Error('the connection was closed') : undefined)
  return new Promise((resolve) => {
    session.once('connect', () => resolve(undefined))
    session.once('error', resolve)
    session.once('close', () => resolve(new Error('the connection was closed')))
  })
}

/** From the trailers, or from the head where there was nothing else. */
function errorOf(headers: http2.IncomingHttpHeaders): RuntimeError | undefined {
  const code = headers['grpc-status']
  if (code === '0') return undefined
  if (code === undefined) return new RuntimeError('Unavailable', 'the connection ended before the answer')
  const status = goNames[Number(code)] ?? 'Unknown'
  return new RuntimeError(known.get(status) ?? 'Unknown', textOf(String(headers['grpc-message'] ?? '')), { status })
}

const known: ReadonlyMap<string, RuntimeErrorCode> = new Map(
  (['NotFound', 'Unavailable', 'DeadlineExceeded'] as const).map((code) => [code, code]),
)

/** Percent-encoded UTF-8; what is not is taken as it stands. */
function textOf(message: string): string {
  try {
    return decodeURIComponent(message)
  } catch {
    return message
  }
}

/** Reads a message that arrived packed in a `google.protobuf.Any`. */
export function decodeMessage(name: string, bytes: Uint8Array): Message {
  for (const { messages } of criProtos()) {
    const type = messages.get(name)
    if (type) return decode(type, bytes)
  }
  throw new Error(`no message ${name}`)
}

function methodOf(protos: readonly ProtoFile[], service: string, name: string): Method {
  for (const { services } of protos) {
    const method = services.get(service)?.get(name)
    if (method) return method
  }
  throw new Error(`no method ${name} of ${service}`)
}

const criProtos = protosAt(
  ['runtime.proto', 'containerd-events.proto', 'containerd-snapshots.proto'].map((name) => new URL(`./${name}`, import.meta.url)),
)

/** Reads them when they are first asked for. */
export function protosAt(files: readonly URL[]): () => readonly ProtoFile[] {
  let loaded: readonly ProtoFile[] | undefined
  return () => (loaded ??= files.map((file) => readProto(readFileSync(file, 'utf8'))))
}

/** `codes.Code.String()` of grpc-go, by number. */
const goNames = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
]
