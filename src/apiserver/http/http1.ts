/** HTTP/1.1 requests, among them the upgrades that exec, attach, port-forward and proxy begin with. */
import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Headers, Origin, Request } from '../request.ts'
import {
  drained,
  type Exchange,
  endWith,
  gone,
  type Incoming,
  isBodiless,
  lengthOf,
  type MakeRequest,
  Presence,
  parseTarget,
  writeAll,
} from './exchange.ts'

/** Upstream's timeouts and Go's limit of a head. */
const options = {
  keepAliveTimeout: 180_000,
  headersTimeout: 32_000,
  // A proxied upload may take its time; other bodies have a timeout of their own.
  requestTimeout: 0,
  maxHeaderSize: 1024 * 1024,
}

const clientErrors: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
}

export interface Http1Server {
  /** Serves a connection. */
  take(socket: Socket, origin: Origin): void
  /** Ends connections that are idle, and the others with their answer. */
  close(): void
}

/** It never listens itself: connections are given to it. `isForwarded`: another server answers at this URL, and may switch protocols. */
export function http1Server(
  makeRequest: (incoming: Incoming, origin: Origin) => Request,
  onExchange: (exchange: Exchange) => void,
  isForwarded: (url: string) => boolean = () => false,
): Http1Server {
  const shouldUpgradeCallback = ({ url = '' }: IncomingMessage) => upgradable.test(url) || isForwarded(url)
  const server = createServer({ ...options, shouldUpgradeCallback })
  const origins = new WeakMap<Duplex, Origin>()
  let isClosing = false
  const requestOn = (socket: Duplex) => (incoming: Incoming) => makeRequest(incoming, origins.get(socket) as Origin)
  // Its timeouts are watched over only from then on.
  server.emit('listening')
  server.on('request', (message, response) => {
    const { socket } = message
    if (isClosing) response.setHeader('connection', 'close')
    else response.on('finish', () => isClosing && socket.end())
    const exchange = exchangeOf(message, response, requestOn(socket))
    if (exchange) onExchange(exchange)
  })
  server.on('upgrade', (message, socket, head) => {
    const exchange = upgradeExchangeOf(message, socket, { head, makeRequest: requestOn(message.socket) })
    if (exchange) onExchange(exchange)
  })
  server.on('clientError', ({ code }: NodeJS.ErrnoException, socket) => {
    if (socket.writable) socket.end(`HTTP/1.1 ${clientErrors[code ?? ''] ?? '400 Bad Request'}\r\nconnection: close\r\n\r\n`)
  })
  return {
    take(socket, origin) {
      origins.set(socket, origin)
      server.emit('connection', socket)
    },
    close() {
      isClosing = true
      server.close()
      server.closeIdleConnections()
    },
  }
}

function exchangeOf(message: IncomingMessage, response: ServerResponse, makeRequest: MakeRequest): Exchange | undefined {
  const presence = new Presence(response)
  response.on('error', () => {})
  const incoming = incomingOf(message, presence)
  if (!incoming) {
    response.writeHead(400).end()
    return undefined
  }
  let sent = 0
  return {
    request: makeRequest(incoming),
    get sent() {
      return sent
    },
    respond(status, headers, body) {
      if (response.headersSent || response.destroyed) return
      if (body) {
        presence.answered()
        sent += body.length
      }
      const bodiless = isBodiless(incoming.method, status)
      const length = body && status !== 204 && status !== 304 ? { 'content-length': body.length } : {}
      response.writeHead(status, { ...headers, ...length } as OutgoingHttpHeaders)
      if (bodiless) response.end()
      else if (body) response.end(body)
      else response.flushHeaders()
    },
    write(...chunks) {
      if (response.destroyed) return Promise.reject(gone())
      sent += lengthOf(chunks)
      return writeAll(response, chunks) ? undefined : drained(response)
    },
    end(...chunks) {
      presence.answered()
      sent += lengthOf(chunks)
      endWith(response, chunks)
    },
    isShared: false,
    leave() {
      response.shouldKeepAlive = false
    },
    abort: () => response.destroy(),
  }
}

/** A request to upgrade: whoever takes the socket answers on it; a refusal is written as a plain answer. */
function upgradeExchangeOf(
  message: IncomingMessage,
  socket: Duplex,
  { head, makeRequest }: { head: Uint8Array; makeRequest: MakeRequest },
): Exchange | undefined {
  const presence = new Presence(socket)
  socket.on('error', () => {})
  const incoming = incomingOf(message, presence)
  if (!incoming) {
    socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n')
    return undefined
  }
  return {
    sent: 0,
    request: makeRequest({ ...incoming, body: undefined, upgrade: () => ({ socket, head }) }),
    respond(status, headers, body) {
      const bodiless = isBodiless(incoming.method, status)
      socket.write(answerHead(status, body && !bodiless ? { ...headers, 'content-length': String(body.length) } : headers))
      if (bodiless) socket.end()
      else if (body) socket.end(body)
    },
    write(...chunks) {
      if (socket.destroyed) return Promise.reject(gone())
      return writeAll(socket, chunks) ? undefined : drained(socket)
    },
    end: (...chunks) => endWith(socket, chunks),
    isShared: false,
    leave: () => {},
    abort: () => socket.destroy(),
  }
}

function incomingOf(message: IncomingMessage, presence: Presence): Incoming | undefined {
  try {
    return {
      method: message.method ?? 'GET',
      ...parseTarget(message.url ?? '/'),
      headers: message.headers as Request['headers'],
      rawHeaders: message.rawHeaders,
      presence,
      body: hasBody(message) ? message : undefined,
    }
  } catch {
    return undefined
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

/** Paths below which protocols are switched; elsewhere the wish to is passed over, as HTTP allows. */
const upgradable = /^\/api\/v1\/(namespaces|nodes)\/[^?]*\/(exec|attach|log|portforward|proxy)(\/|\?|$)/

/** Whatever is answered here ends the connection: the client's next bytes need not be a request. */
function answerHead(status: number, headers: Headers): string {
  const lines = Object.entries({ ...headers, connection: 'close' }).flatMap(([name, value]) =>
    [value].flat().map((one) => `${name}: ${one}`),
  )
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}\r\n${lines.join('\r\n')}\r\n\r\n`
}
