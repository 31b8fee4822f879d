/**
 * Port-forward over WebSocket: the messages carry SPDY frames, which go to the runtime as they are (KEP-4006,
 * subprotocol `SPDY/3.1+portforward.k8s.io`).
 */
import { type WebSocket, WebSocketServer } from 'ws'
import { dialSpdy, type Upgrade } from './upgrade.ts'

export const tunnelProtocol = 'SPDY/3.1+portforward.k8s.io'

/** Whether the client offers to tunnel. */
export function offersTunnel(protocols: string | undefined): boolean {
  return offered(protocols).includes(tunnelProtocol)
}

/** A client that knows v5 alone: the runtime's server stops at v4, which cannot close stdin. */
export function offersOnlyV5(protocols: string | undefined): boolean {
  const all = offered(protocols)
  return all.length > 0 && all.every((protocol) => protocol === 'v5.channel.k8s.io')
}

export async function tunnelPortForward({ request, socket, head }: Upgrade, url: string): Promise<void> {
  const runtime = await dialSpdy(url, 'portforward.k8s.io')
  // The name has a "/", which `ws` takes for an invalid token: it never sees it, and the answer gets it back.
  delete request.headers['sec-websocket-protocol']
  const server = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: 64 * 1024 * 1024 })
  server.on('headers', (headers) => headers.push(`Sec-WebSocket-Protocol: ${tunnelProtocol}`))
  server.on('wsClientError', () => runtime.socket.destroy())
  server.handleUpgrade(request, socket, head, (client) => carry(client, runtime))
}

function carry(client: WebSocket, { socket, head }: Awaited<ReturnType<typeof dialSpdy>>): void {
  const send = (data: Buffer) => {
    if (client.readyState !== client.OPEN) return
    socket.pause()
    client.send(data, { binary: true }, () => socket.resume())
  }
  client.on('message', (data: Buffer) => {
    if (!socket.write(data)) {
      client.pause()
      socket.once('drain', () => client.resume())
    }
  })
  client.on('close', () => socket.destroy())
  client.on('error', () => socket.destroy())
  socket.on('data', send)
  socket.on('end', () => client.close(1000))
  socket.on('error', () => client.terminate())
  socket.on('close', () => client.close())
  if (head.length > 0) send(head)
  socket.resume()
}

function offered(protocols: string | undefined): string[] {
  return (protocols ?? '').split(',').flatMap((protocol) => protocol.trim() || [])
}
