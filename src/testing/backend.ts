/** A plain HTTP server that plays a node's agent or an application behind the API server. */
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'

export interface TestBackend extends AsyncDisposable {
  readonly port: number
  readonly server: Server
  /** Connections that are open now. */
  readonly open: ReadonlySet<Socket>
  dial(): Promise<Socket>
}

export async function testBackend(listener: RequestListener): Promise<TestBackend> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  const open = new Set<Socket>()
  server.on('connection', (socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
  })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    ...{ port, server, open },
    async dial() {
      const socket = connect(port, '127.0.0.1')
      await once(socket, 'connect')
      return socket
    },
    async [Symbol.asyncDispose]() {
      server.close()
      for (const socket of open) socket.destroy()
      if (server.listening) await once(server, 'close')
    },
  }
}
