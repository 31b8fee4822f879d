/** The registry as a server: HTTP and HTTPS on one port, told apart by the first byte. */
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type Access, type AccessOptions, createAccess } from './access.ts'
import { exchangeOf } from './exchange.ts'
import { handle } from './handle.ts'
import { RegistryError } from './registry-error.ts'
import { openStorage, type StorageOptions } from './storage.ts'

export interface RegistryServerOptions extends StorageOptions {
  readonly port: number
  /** Default: all addresses. */
  readonly host?: string
  readonly tls?: {
    readonly key: string
    readonly certificate: string
    /** Signs client certificates that count. */
    readonly clientCa: string
  }
  readonly access: Omit<AccessOptions, 'clock'>
  readonly onError: (error: unknown, doing: string) => void
}

export interface RegistryServer {
  readonly port: number
  readonly access: Access
  close(): Promise<void>
}

/** Byte that begins a TLS handshake record (RFC 8446, 5.1). */
const handshake = 22

/** Rejects with the error of the port where that cannot be had. */
export async function serveRegistry(options: RegistryServerOptions): Promise<RegistryServer> {
  const { clock, tls, onError } = options
  const storage = openStorage(options)
  const access = createAccess({ ...options.access, clock })
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    void answer(request, response).catch((error) => onError(error, `${request.method} ${request.url}`))
  }
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const exchange = exchangeOf(request, response)
    try {
      await handle(exchange, { storage, access })
    } catch (error) {
      if (response.headersSent || response.destroyed) return response.destroy()
      const isOurs = error instanceof RegistryError
      if (!isOurs && !request.destroyed) onError(error, `${request.method} ${request.url}`)
      const refusal = isOurs ? error : new RegistryError('UNKNOWN', 'the registry could not do this; its log says why')
      // What is still being sent is not read: the connection cannot serve another request.
      const headers = request.complete ? {} : { connection: 'close' }
      exchange.answer(refusal.status, { 'content-type': 'application/json', ...headers, ...refusal.headers }, refusal.body())
    }
  }
  const plain = createHttpServer({ keepAliveTimeout: 60_000 }, onRequest)
  const secure =
    tls &&
    createHttpsServer(
      { key: tls.key, cert: tls.certificate, ca: tls.clientCa, requestCert: true, rejectUnauthorized: false },
      onRequest,
    )
  // Layers may take as long as they take.
  for (const server of [plain, secure]) if (server) Object.assign(server, { requestTimeout: 0, headersTimeout: 30_000 })
  const sockets = new Set<Socket>()
  const front = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    handOver(socket, plain, secure)
  })
  await new Promise<void>((resolve, reject) => {
    front.once('error', reject)
    front.listen(options.port, options.host, resolve)
  })
  return {
    port: (front.address() as AddressInfo).port,
    access,
    async close() {
      const closed = new Promise((resolve) => front.close(resolve))
      plain.closeIdleConnections()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

function handOver(socket: Socket, plain: Server, secure: Server | undefined): void {
  socket.setTimeout(30_000, () => socket.destroy())
  socket.once('readable', () => {
    socket.setTimeout(0)
    socket.removeAllListeners('timeout')
    const first: Buffer | null = socket.read(1)
    if (!first) return
    socket.unshift(first)
    const server = first[0] === handshake ? secure : plain
    if (!server) return void socket.destroy()
    server.emit('connection', socket)
  })
}
