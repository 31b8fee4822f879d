/** A stream of bytes as messages of a WebSocket, for clients that ask for it (upstream: `wsstream.Reader`). */
import type { IncomingMessage } from 'node:http'
import type { WebSocket } from 'ws'
import { badRequest } from '#schema/status-error.ts'
import type { Request, Response } from '../../../request.ts'

const base64 = 'base64.binary.k8s.io'
const protocols: readonly string[] = ['', 'binary.k8s.io', base64]

export function asksForSocket({ upgrade, headers }: Request): boolean {
  return upgrade !== undefined && headers.upgrade?.toLowerCase() === 'websocket'
}

/** What the client sends is not looked at. When it goes, the chunks are no longer read. */
export async function sendOverSocket(
  { method, path, headers, upgrade }: Request,
  chunks: AsyncIterable<Uint8Array>,
): Promise<Response> {
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim())
  const protocol = offered.find((one) => protocols.includes(one))
  if (!upgrade || protocol === undefined) throw badRequest(`unable to upgrade: unsupported protocols: ${offered.join(', ')}`)
  const { WebSocketServer } = await import('ws')
  const handleProtocols = () => protocol || false
  const server = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: 64 * 1024, handleProtocols })
  const { socket, head } = upgrade()
  const message = { method, url: path, headers } as IncomingMessage
  server.handleUpgrade(message, socket, Buffer.from(head), (client) => void pour(client, chunks, protocol === base64))
  return { type: 'upgraded' }
}

async function pour(client: WebSocket, chunks: AsyncIterable<Uint8Array>, isText: boolean): Promise<void> {
  const reader = chunks[Symbol.asyncIterator]()
  client.on('error', () => client.terminate())
  client.on('close', () => void reader.return?.().catch(() => {}))
  try {
    // The empty one tells that the stream has begun.
    await sent(client, isText ? '' : Buffer.alloc(0))
    for (let next = await reader.next(); !next.done; next = await reader.next()) {
      await sent(client, isText ? Buffer.from(next.value).toString('base64') : next.value)
    }
    client.close(1000)
  } catch {
    client.terminate()
  }
}

function sent(client: WebSocket, data: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => client.send(data, (error) => (error ? reject(error) : resolve())))
}
