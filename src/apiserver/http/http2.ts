/** HTTP/2 requests by the stream API, which leaves out the compatibility layer's objects and its cost. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { Headers, Request } from '../request.ts'
import {
  drained,
  type Exchange,
  endWith,
  gone,
  isBodiless,
  lengthOf,
  type MakeRequest,
  Presence,
  parseTarget,
  writeAll,
} from './exchange.ts'

/** Limits that informers of one client need, who share a session: hundreds of watches, many large lists at once. */
const sessionOptions = {
  maxSessionMemory: 1024,
  streamResetBurst: 20_000,
  streamResetRate: 5_000,
  peerMaxConcurrentStreams: 4_000,
  maxHeaderListPairs: 256,
  settings: {
    maxConcurrentStreams: 4_000,
    initialWindowSize: 1 << 20,
    maxHeaderListSize: 1 << 20,
    enableConnectProtocol: false,
  },
} as const

export function sessionLimits(maxStreams = sessionOptions.settings.maxConcurrentStreams as number) {
  const { settings, ...rest } = sessionOptions
  return { ...rest, peerMaxConcurrentStreams: maxStreams, settings: { ...settings, maxConcurrentStreams: maxStreams } }
}

export function serveSession(
  session: ServerHttp2Session,
  makeRequest: MakeRequest,
  onExchange: (exchange: Exchange) => void,
): void {
  session.setLocalWindowSize(16 << 20)
  session.on('error', () => session.destroy())
  session.on('stream', (stream, headers, _flags, rawHeaders) => {
    const exchange = exchangeOf(stream, { headers, rawHeaders }, makeRequest)
    if (exchange) onExchange(exchange)
  })
}

interface Head {
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: readonly string[]
}

function exchangeOf(stream: ServerHttp2Stream, { headers, rawHeaders }: Head, makeRequest: MakeRequest): Exchange | undefined {
  stream.on('error', ignore)
  try {
    const { path, rawQuery } = parseTarget(headers[':path'] ?? '/')
    const method = headers[':method'] ?? 'GET'
    const body = stream.endAfterHeaders ? undefined : stream
    const presence = new Presence(stream)
    const head = { method, path, rawQuery, headers: headers as Request['headers'], rawHeaders }
    return new StreamExchange(stream, presence, makeRequest({ ...head, presence, body, upgrade: undefined }))
  } catch {
    stream.respond({ ':status': 400 }, { endStream: true })
    stream.resume()
    return undefined
  }
}

/** Whoever needs to know of it listens for the close that follows. */
function ignore(): void {}

const moreFollows = { endStream: false }
const nothingFollows = { endStream: true }

class StreamExchange implements Exchange {
  readonly request: Request
  sent = 0
  #stream: ServerHttp2Stream
  #presence: Presence

  constructor(stream: ServerHttp2Stream, presence: Presence, request: Request) {
    this.request = request
    this.#stream = stream
    this.#presence = presence
  }

  respond(status: number, headers: Headers, body?: Uint8Array): void {
    const stream = this.#stream
    if (stream.destroyed || stream.headersSent) return
    const endStream = isBodiless(this.request.method, status) || body?.length === 0
    stream.respond(headOf(status, headers, body) as unknown as OutgoingHttpHeaders, endStream ? nothingFollows : moreFollows)
    if (!body && !endStream) return
    this.#presence.answered()
    if (!endStream) {
      this.sent += (body as Uint8Array).length
      stream.end(body)
    }
    letGo(stream)
  }

  write(...chunks: readonly Uint8Array[]): Promise<void> | undefined {
    const stream = this.#stream
    if (stream.destroyed || stream.closed) return Promise.reject(gone())
    this.sent += lengthOf(chunks)
    return writeAll(stream, chunks) ? undefined : drained(stream)
  }

  end(...chunks: readonly Uint8Array[]): void {
    this.#presence.answered()
    this.sent += lengthOf(chunks)
    endWith(this.#stream, chunks)
    letGo(this.#stream)
  }

  get isShared(): boolean {
    return true
  }

  leave(): void {
    this.#stream.session?.close()
  }

  /** To close it would end the body first, and the client would take the part for the whole. */
  abort(): void {
    this.#stream.destroy(new Error('the answer was broken off'))
  }
}

/** Names and values in turn, which Node sends without looking them up again. */
function headOf(status: number, headers: Headers, body: Uint8Array | undefined): (string | number | readonly string[])[] {
  const head: (string | number | readonly string[])[] = [':status', status]
  for (const name in headers) head.push(name, headers[name] as string)
  if (body && status !== 204 && status !== 304) head.push('content-length', body.length)
  return head
}

/** A stream whose body is not read to its end would stay open after its answer. */
function letGo(stream: ServerHttp2Stream): void {
  if (stream.endAfterHeaders) return
  if (stream.readableFlowing === null) stream.resume()
  else if (stream.writableFinished) stream.read()
  else stream.once('finish', () => stream.read())
}
