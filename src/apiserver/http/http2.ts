/** HTTP/2 requests by the stream API, which leaves out the compatibility layer's objects and its cost. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2'
import type { Request } from '../request.ts'
import { drained, type Exchange, gone, isBodiless, type MakeRequest, Presence, parseTarget } from './exchange.ts'

/** Limits that informers of one client need, who share a session: hundreds of watches, many large lists at once. */
export const sessionOptions = {
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
  const presence = new Presence()
  stream.on('error', () => presence.leave())
  stream.on('close', () => presence.leave())
  let target: ReturnType<typeof parseTarget>
  try {
    target = parseTarget(headers[':path'] ?? '/')
  } catch {
    stream.respond({ ':status': 400 }, { endStream: true })
    stream.resume()
    return undefined
  }
  const method = headers[':method'] ?? 'GET'
  const body = stream.endAfterHeaders ? undefined : stream
  return {
    request: makeRequest({ method, ...target, headers: headers as Request['headers'], presence, body }),
    respond(status, answer, content) {
      if (stream.destroyed || stream.headersSent) return
      if (content) presence.answered()
      const length = content && status !== 204 && status !== 304 ? { 'content-length': content.length } : {}
      const endStream = isBodiless(method, status) || content?.length === 0
      stream.respond({ ':status': status, ...answer, ...length } as OutgoingHttpHeaders, { endStream })
      if (content && !endStream) stream.end(content)
      if (content || endStream) letGo(stream)
    },
    write(chunk) {
      if (stream.destroyed || stream.closed) return Promise.reject(gone())
      return stream.write(chunk) ? undefined : drained(stream)
    },
    end() {
      presence.answered()
      stream.end()
      letGo(stream)
    },
    // To close it would end the body first, and the client would take the part for the whole.
    abort: () => void stream.destroy(new Error('the answer was broken off')),
  }
}

/** A stream whose body nobody reads would stay open after its answer. */
function letGo(stream: ServerHttp2Stream): void {
  if (!stream.endAfterHeaders && stream.readableFlowing === null) stream.resume()
}
