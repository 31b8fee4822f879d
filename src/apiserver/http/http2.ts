/** HTTP/2 requests by the stream API, which leaves out the compatibility layer's objects and its cost. */
import type { Http2Session, IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { Request } from '../request.ts'
import { collectBody, drained, type Exchange, parseTarget } from './exchange.ts'

/** Limits that informers of one client need, who share a session: hundreds of watches, many large lists at once. */
export const sessionOptions = {
  maxSessionMemory: 1024,
  streamResetBurst: 20_000,
  streamResetRate: 5_000,
  peerMaxConcurrentStreams: 4_000,
  settings: { maxConcurrentStreams: 4_000, initialWindowSize: 1 << 20, enableConnectProtocol: false },
} as const

export type MakeRequest = (parts: Pick<Request, 'method' | 'path' | 'query' | 'headers' | 'signal' | 'body'>) => Request

export function serveSession(
  session: ServerHttp2Session,
  makeRequest: MakeRequest,
  onExchange: (exchange: Exchange) => void,
): void {
  session.setLocalWindowSize(16 << 20)
  session.on('error', () => session.destroy())
  session.on('stream', (stream, headers) => {
    const exchange = exchangeOf(stream, headers, makeRequest)
    if (exchange) onExchange(exchange)
  })
}

function exchangeOf(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, makeRequest: MakeRequest): Exchange | undefined {
  const gone = new AbortController()
  stream.on('error', () => gone.abort())
  stream.on('close', () => gone.abort())
  let target: ReturnType<typeof parseTarget>
  try {
    target = parseTarget(headers[':path'] ?? '/')
  } catch {
    stream.respond({ ':status': 400 }, { endStream: true })
    return undefined
  }
  const request = makeRequest({
    method: headers[':method'] ?? 'GET',
    ...target,
    headers: headers as Request['headers'],
    signal: gone.signal,
    body: () => collectBody(stream, headers['content-length']),
  })
  return {
    request,
    respond(status, answer, body) {
      if (stream.destroyed || stream.headersSent) return
      stream.respond({ ':status': status, ...answer })
      if (body) stream.end(body)
    },
    async write(chunk) {
      if (stream.destroyed || stream.closed) throw new Error('the client has gone')
      if (!stream.write(chunk)) await drained(stream)
    },
    end: () => void stream.end(),
    abort: () => stream.close(2),
  }
}

/** Asks clients to take their next requests elsewhere, lets the open ones end. */
export function goAway(sessions: Iterable<Http2Session>): void {
  for (const session of sessions) session.close()
}
