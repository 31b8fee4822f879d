/**
 * The members of an etcd cluster: one channel for each, and calls that move on to the next when one does not answer.
 *
 * Guarantees: a call is repeated only after a failure that passes, and for a bounded time; so only requests are to be called that may
 * be carried out twice, or that see by themselves that they were.
 */
import { Client, type ClientDuplexStream, credentials, Metadata, type ServiceError } from '@grpc/grpc-js'
import { type Clock, sleep } from '#lib/clock.ts'
import { StoreError } from '../store.ts'
import { EtcdError } from './etcd-error.ts'
import { asStoreError, isPassing } from './failures.ts'
import { methodOf, type ServiceName } from './rpc.ts'

export interface MembersOptions {
  /** `https://host:port`, or `http://` for what is on this machine. */
  readonly endpoints: readonly string[]
  /** PEM. */
  readonly tls?: { readonly ca?: Buffer; readonly certificate?: Buffer; readonly key?: Buffer }
  readonly clock: Clock
  /** Milliseconds that one attempt may take; each further one may take half as long again. Default 3 s. */
  readonly attempt?: number
  /** Milliseconds in which a call is repeated; default 20 s. */
  readonly patience?: number
}

type Method = `${ServiceName}.${string}`

export interface Answered<T> {
  readonly answer: T
  /** Above 1 an earlier attempt may have been carried out. */
  readonly attempts: number
}

export interface OpenStream<Request, Response> {
  write(request: Request): void
  cancel(): void
  /** The member is no good: the next stream goes to another. */
  fail(): void
  readonly onMessage?: (message: Response) => void
}

/** With it a member without a leader refuses rather than wait. */
const requireLeader = 'hasleader'
const shortestPause = 25
const longestPause = 500

export class Members {
  #clients: Client[]
  #options: MembersOptions
  #current = 0
  #closed = new AbortController()

  constructor(options: MembersOptions) {
    if (options.endpoints.length === 0) throw new EtcdError('no etcd endpoints are given')
    this.#options = options
    this.#clients = options.endpoints.map((endpoint) => clientOf(endpoint, options.tls))
  }

  async call<Request, Response>(
    name: Method,
    request: Request,
    { patience = this.#options.patience ?? 20_000 }: { patience?: number } = {},
  ): Promise<Answered<Response>> {
    const { clock, attempt = 3_000 } = this.#options
    const deadline = clock.monotonic() + patience
    for (let tries = 1, pause = shortestPause, limit = attempt; ; tries++, pause = Math.min(pause * 2, longestPause)) {
      const member = this.#current
      try {
        const answer = await this.#unary<Request, Response>(member, { name, request, limit })
        return { answer, attempts: tries }
      } catch (error) {
        if (this.#closed.signal.aborted) throw closedError(error)
        if (!isPassing(error)) throw withAttempts(asStoreError(error), tries)
        this.#leave(member)
        limit *= 1.5
        if (clock.monotonic() + pause > deadline) throw withAttempts(asStoreError(error), tries)
        // A whole round without an answer: they need time.
        if (tries % this.#clients.length === 0) await sleep(clock, pause, this.#closed.signal).catch(closing)
      }
    }
  }

  /** For what must not be done twice: `isDone` tells of the failure of a repeated call that an earlier one was carried out. */
  async callOnce<Request, Response>(
    name: Method,
    request: Request,
    isDone: (error: Error) => boolean,
  ): Promise<Response | undefined> {
    try {
      return (await this.call<Request, Response>(name, request)).answer
    } catch (error) {
      if (error instanceof Error && (attempts.get(error) ?? 1) > 1 && isDone(error)) return undefined
      throw error
    }
  }

  /** What each member says, or the error in its place. */
  each<Request, Response>(name: Method, request: Request, limit: number): Promise<PromiseSettledResult<Response>[]> {
    return Promise.allSettled(this.#clients.map((_, member) => this.#unary<Request, Response>(member, { name, request, limit })))
  }

  /** A stream in both directions; `onEnd` is called once, however it ends. */
  stream<Request, Response>(
    name: Method,
    { onMessage, onEnd }: { onMessage: (message: Response) => void; onEnd: (error: Error | undefined) => void },
  ): OpenStream<Request, Response> {
    const { path, requestSerialize, responseDeserialize } = methodOf<Request, Response>(name)
    const member = this.#current
    const client = this.#clients[member] as Client
    const call: ClientDuplexStream<Request, Response> = client.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      metadata(),
    )
    let ended = false
    const end = (error?: Error) => {
      if (ended) return
      ended = true
      if (error) this.#leave(member)
      onEnd(error)
    }
    call.on('data', (message: Response) => !ended && onMessage(message))
    call.on('error', end)
    call.on('end', () => end())
    return {
      write: (request) => void call.write(request),
      cancel: () => call.cancel(),
      fail: () => {
        this.#leave(member)
        call.cancel()
        end(new EtcdError('the member is silent'))
      },
    }
  }

  close(): void {
    this.#closed.abort()
    for (const client of this.#clients) client.close()
  }

  #unary<Request, Response>(
    member: number,
    { name, request, limit }: { name: Method; request: Request; limit: number },
  ): Promise<Response> {
    const { path, requestSerialize, responseDeserialize } = methodOf<Request, Response>(name)
    const client = this.#clients[member] as Client
    return new Promise((resolve, reject) => {
      const done = (error: ServiceError | null, answer?: Response) => (error ? reject(error) : resolve(answer as Response))
      const deadline = this.#options.clock.now() + limit
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata(), { deadline }, done)
    })
  }

  /** Others may have moved on already. */
  #leave(member: number): void {
    if (this.#current === member) this.#current = (member + 1) % this.#clients.length
  }
}

/** How often a failed call was tried. */
const attempts = new WeakMap<Error, number>()

function withAttempts(error: Error, count: number): Error {
  attempts.set(error, count)
  return error
}

function closing(): never {
  throw closedError()
}

function closedError(cause?: unknown): StoreError {
  return new StoreError('Closed', 'the store is closed', { cause })
}

function metadata(): Metadata {
  const sent = new Metadata()
  sent.set(requireLeader, 'true')
  return sent
}

function clientOf(endpoint: string, tls: MembersOptions['tls']): Client {
  const { host, protocol } = parsed(endpoint)
  const secure = protocol === 'https:'
  const { ca = null, key = null, certificate = null } = tls ?? {}
  const channel = secure ? credentials.createSsl(ca, key, certificate) : credentials.createInsecure()
  return new Client(host, channel, {
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
    // etcd ends connections that ping more than every 5 s.
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 5_000,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1_000,
    'grpc.enable_retries': 0,
    'grpc.use_local_subchannel_pool': 1,
  })
}

function parsed(endpoint: string): URL {
  const url = URL.parse(endpoint)
  if (!url?.port || !['http:', 'https:'].includes(url.protocol)) {
    throw new EtcdError(`${endpoint} is no endpoint of etcd: one looks like https://127.0.0.1:2379`)
  }
  return url
}
