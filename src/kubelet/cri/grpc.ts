/** gRPC as the agent uses it: services loaded from the .proto files beside, calls as promises, failures as RuntimeErrors. */
import { fileURLToPath } from 'node:url'
import * as grpc from '@grpc/grpc-js'
import { loadSync, type MessageTypeDefinition, type PackageDefinition } from '@grpc/proto-loader'
import type { Clock } from '#lib/clock.ts'
import { RuntimeError, type RuntimeErrorCode } from './runtime.ts'

type Message = Record<string, any>

export interface CallLimits {
  /** Milliseconds; 0 waits for ever. Default two minutes, as upstream's runtimeRequestTimeout. */
  readonly timeout?: number
}

/** One service on a unix socket. The channel connects by itself, again and again. */
export class GrpcService {
  readonly #client: grpc.Client
  readonly #clock: Clock

  constructor(name: string, { socket, clock }: { readonly socket: string; readonly clock: Clock }) {
    const Service = serviceOf(name)
    this.#clock = clock
    this.#client = new Service(`unix://${socket}`, grpc.credentials.createInsecure(), channelOptions)
  }

  call(method: string, request: Message, { timeout = 120_000 }: CallLimits = {}): Promise<Message> {
    return new Promise((resolve, reject) => {
      const invoke = (this.#client as unknown as Record<string, Function>)[method]!
      const deadline = timeout > 0 ? this.#clock.now() + timeout : Number.POSITIVE_INFINITY
      invoke.call(this.#client, request, { deadline }, (error: grpc.ServiceError | null, response: Message) =>
        error ? reject(toRuntimeError(error)) : resolve(response),
      )
    })
  }

  stream(method: string, request: Message): grpc.ClientReadableStream<Message> {
    const invoke = (this.#client as unknown as Record<string, Function>)[method]!
    return invoke.call(this.#client, request)
  }

  /** Resolves when the server accepts connections; rejects after `timeout` milliseconds. */
  ready(timeout: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#client.waitForReady(this.#clock.now() + timeout, (error) =>
        error ? reject(new RuntimeError('Unavailable', error.message, { cause: error })) : resolve(),
      )
    })
  }

  close(): void {
    this.#client.close()
  }
}

/** Reads a message that arrived packed in a `google.protobuf.Any`. */
export function decodeMessage(type: string, bytes: Uint8Array): Message {
  const definition = definitions()[type] as MessageTypeDefinition<Message, Message>
  return definition.deserialize(Buffer.from(bytes))
}

const channelOptions: grpc.ChannelOptions = {
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
  'grpc.max_receive_message_length': 32 * 1024 * 1024,
  'grpc.default_authority': 'localhost',
  // Two clients of one socket must not share a channel: closing one would break the other's streams.
  'grpc.use_local_subchannel_pool': 1,
}

let loaded: PackageDefinition | undefined

function definitions(): PackageDefinition {
  loaded ??= {
    ...loadSync(protoFile('runtime.proto'), loadOptions),
    ...loadSync(protoFile('containerd-events.proto'), loadOptions),
  }
  return loaded
}

/** int64 travels as text and is converted where it is read: times in nanoseconds exceed 2^53. */
const loadOptions = { keepCase: true, longs: String, enums: String, defaults: true } as const

function protoFile(name: string): string {
  return fileURLToPath(new URL(`./${name}`, import.meta.url))
}

function serviceOf(name: string): grpc.ServiceClientConstructor {
  const path = name.split('.')
  const root: unknown = grpc.loadPackageDefinition(definitions())
  return path.reduce((node, part) => (node as Message)[part], root) as grpc.ServiceClientConstructor
}

function toRuntimeError(error: grpc.ServiceError): RuntimeError {
  const status = goNames[error.code] ?? 'Unknown'
  const known: Partial<Record<string, RuntimeErrorCode>> = {
    NotFound: 'NotFound',
    Unavailable: 'Unavailable',
    DeadlineExceeded: 'DeadlineExceeded',
  }
  return new RuntimeError(known[status] ?? 'Unknown', error.details || error.message, { cause: error, status })
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
