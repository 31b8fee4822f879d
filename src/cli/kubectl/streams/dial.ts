/** Connections that leave HTTP behind: SPDY through an upgrade, and WebSockets; with the session's certificates and tokens. */
import type { IncomingMessage } from 'node:http'
import http from 'node:http'
import https from 'node:https'
import type { Duplex } from 'node:stream'
import { WebSocket } from 'ws'
import type { PemSource } from '#client/connection.ts'
import { KubectlError } from '../errors.ts'
import { collect, type Session, statusError } from '../session.ts'
import { SpdyConnection } from './spdy.ts'

export interface Upgraded {
  readonly spdy: SpdyConnection
  /** The subprotocol that the server chose. */
  readonly protocol: string
}

/** POSTs and switches to SPDY; throws the server's error when it does not. */
export async function dialSpdy(session: Session, path: string, protocols: readonly string[]): Promise<Upgraded> {
  const { url, tls, headers } = await connectionOf(session, path)
  const request = (url.protocol === 'https:' ? https : http).request(url, {
    ...tls,
    method: 'POST',
    agent: false,
    headers: {
      ...headers,
      Connection: 'Upgrade',
      Upgrade: 'SPDY/3.1',
      'Content-Length': '0',
      'X-Stream-Protocol-Version': [...protocols],
    },
    signal: session.terminal.signal,
  })
  const { promise, resolve, reject } = Promise.withResolvers<Upgraded>()
  request.once('error', reject)
  request.once('response', (response) => void refusal(response).then(reject, reject))
  request.once('upgrade', (response: IncomingMessage, socket: Duplex, head: Buffer) => {
    const protocol = String(response.headers['x-stream-protocol-version'] ?? '')
    resolve({ spdy: new SpdyConnection(socket, head), protocol })
  })
  request.end()
  return promise
}

/** Undefined when the server does not speak the subprotocol. */
export async function dialWebSocket(session: Session, path: string, protocol: string): Promise<WebSocket | undefined> {
  const { url, tls, headers } = await connectionOf(session, path)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  const socket = new WebSocket(url, [protocol], { ...tls, headers, perMessageDeflate: false })
  const { promise, resolve, reject } = Promise.withResolvers<WebSocket | undefined>()
  socket.once('open', () => resolve(socket))
  socket.once('unexpected-response', (request) => {
    request.destroy()
    resolve(undefined)
  })
  socket.on('error', reject)
  return promise
}

async function connectionOf(session: Session, path: string) {
  const options = session.connection
  const { ca, certificate, key, serverName, insecure, token } = options
  const bearer = typeof token === 'function' ? await token({ refused: false }) : token
  return {
    url: new URL(options.server.replace(/\/$/, '') + path),
    tls: {
      ...(ca && { ca: Buffer.from(ca) }),
      ...(certificate && { cert: await pem(certificate) }),
      ...(key && { key: await pem(key) }),
      ...(serverName && { servername: serverName }),
      rejectUnauthorized: !insecure,
    },
    headers: {
      'User-Agent': options.userAgent ?? '',
      ...(bearer && { Authorization: `Bearer ${bearer}` }),
      ...options.headers,
    },
  }
}

async function pem(source: PemSource): Promise<Buffer> {
  const content = typeof source === 'function' ? await source() : source
  return Buffer.from(content ?? '')
}

async function refusal(response: IncomingMessage): Promise<Error> {
  const { message } = statusError(response.statusCode ?? 0, await collect(response))
  return new KubectlError(`unable to upgrade connection: ${message}`)
}
