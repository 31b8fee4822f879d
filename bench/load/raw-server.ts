/** The limit: node:http2 by its stream API, TLS with client certificates, and nothing else. */
import { once } from 'node:events'
import { createSecureServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import type { Pki } from '#cluster/pki.ts'

export interface RawServer extends Disposable {
  readonly port: number
}

export type Answer = (stream: ServerHttp2Stream, path: string) => void

export async function rawServer({ apiserver, ca }: Pki, answer: Answer): Promise<RawServer> {
  const server = createSecureServer({
    ...{ key: apiserver.key, cert: apiserver.certificate, ca: ca.certificate, requestCert: true, rejectUnauthorized: false },
    settings: { initialWindowSize: 1 << 20 },
  })
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {})
    answer(stream, headers[':path'] ?? '')
  })
  server.on('sessionError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, [Symbol.dispose]: () => void server.close() }
}

/** Answers everything with these bytes. */
export function answerWith(bytes: Uint8Array): (stream: ServerHttp2Stream) => void {
  return (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/json', 'content-length': bytes.length })
    stream.end(bytes)
  }
}

/** Bare TLS: each byte that comes in is answered with all of these, in chunks that wait for the client. */
export async function rawWriter({ apiserver, ca }: Pki, bytes: Uint8Array): Promise<RawServer> {
  const own = {
    key: apiserver.key,
    cert: apiserver.certificate,
    ca: ca.certificate,
    requestCert: true,
    rejectUnauthorized: false,
  }
  const server = createServer(own, (socket) => {
    socket.on('error', () => {})
    socket.on('data', () => void writeAll(socket, bytes))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, [Symbol.dispose]: () => void server.close() }
}

const chunk = 256 * 1024

/** In chunks that wait for the client. */
export async function writeAll(sink: TLSSocket | ServerHttp2Stream, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; at += chunk) {
    if (!sink.write(bytes.subarray(at, at + chunk))) await once(sink, 'drain')
  }
}
