/** HTTP/1.1 requests, among them the upgrades that exec, attach, port-forward and proxy begin with. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Request } from '../request.ts'
import { collectBody, drained, type Exchange, parseTarget } from './exchange.ts'

export type MakeRequest = (
  parts: Pick<Request, 'method' | 'path' | 'query' | 'headers' | 'signal' | 'body' | 'upgrade'>,
  message: IncomingMessage,
) => Request

export function exchangeOf(message: IncomingMessage, response: ServerResponse, makeRequest: MakeRequest): Exchange | undefined {
  const gone = new AbortController()
  response.on('close', () => gone.abort())
  response.on('error', () => gone.abort())
  const parts = partsOf(message, gone.signal)
  if (!parts) {
    response.writeHead(400).end()
    return undefined
  }
  return {
    request: makeRequest(parts, message),
    respond(status, headers, body) {
      if (response.headersSent || response.destroyed) return
      response.writeHead(status, body ? { ...headers, 'content-length': String(body.length) } : headers)
      if (body) response.end(body)
      else response.flushHeaders()
    },
    async write(chunk) {
      if (response.destroyed) throw new Error('the client has gone')
      if (!response.write(chunk)) await drained(response)
    },
    end: () => void response.end(),
    abort: () => response.destroy(),
  }
}

/** A request to upgrade: whoever takes the socket answers on it; a refusal is written as a plain answer. */
export function upgradeExchangeOf(
  message: IncomingMessage,
  socket: Duplex,
  { head, makeRequest }: { head: Uint8Array; makeRequest: MakeRequest },
): Exchange | undefined {
  const gone = new AbortController()
  socket.on('close', () => gone.abort())
  socket.on('error', () => gone.abort())
  const parts = partsOf(message, gone.signal)
  if (!parts) {
    socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n')
    return undefined
  }
  return {
    request: makeRequest({ ...parts, upgrade: () => ({ socket, head }) }, message),
    respond(status, headers, body = new Uint8Array()) {
      const lines = Object.entries({ ...headers, 'content-length': String(body.length), connection: 'close' })
      socket.write(
        `HTTP/1.1 ${status} ${reasonOf(status)}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
      )
      socket.end(body)
    },
    async write(chunk) {
      if (!socket.write(chunk)) await drained(socket)
    },
    end: () => void socket.end(),
    abort: () => socket.destroy(),
  }
}

function partsOf(message: IncomingMessage, signal: AbortSignal) {
  try {
    return {
      method: message.method ?? 'GET',
      ...parseTarget(message.url ?? '/'),
      headers: message.headers as Request['headers'],
      signal,
      body: () => collectBody(message, message.headers['content-length']),
    }
  } catch {
    return undefined
  }
}

const reasons: Readonly<Record<number, string>> = { 400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found' }

function reasonOf(status: number): string {
  return reasons[status] ?? 'Error'
}
