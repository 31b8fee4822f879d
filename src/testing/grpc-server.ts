/** A gRPC server on a unix socket for tests, with the messages of .proto files that the product speaks as a client. */
import http2 from 'node:http2'
import type { ProtoFile } from '#kubelet/cri/proto-file.ts'
import { decode, encode, type Message } from '#kubelet/cri/proto-wire.ts'
import { GrpcFrames, grpcFrame } from '#lib/grpc-frames.ts'

/** By service and method: what is answered. A thrown `GrpcFailure` is the status. */
export type Methods = Readonly<Record<string, (request: Message) => Promise<Message> | Message>>

/** The number of the code, as gRPC has it: 3 InvalidArgument, 5 NotFound, 13 Internal, 14 Unavailable. */
export class GrpcFailure extends Error {
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

export interface GrpcServer extends AsyncDisposable {
  close(): Promise<void>
}

export async function serveGrpc(socket: string, protos: readonly ProtoFile[], methods: Methods): Promise<GrpcServer> {
  const known = new Map(
    protos.flatMap(({ services }) => [...services.values()].flatMap((all) => [...all.values()]).map((one) => [one.path, one])),
  )
  const server = http2.createServer()
  const sessions = new Set<http2.ServerHttp2Session>()
  server.on('session', (session) => {
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
    session.on('error', () => {})
  })
  server.on('stream', (stream, { ':path': path = '' }) => {
    stream.on('error', () => {})
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', async () => {
      const method = known.get(path)
      const serve = methods[path.split('/').at(-1) ?? '']
      try {
        if (!method || !serve) throw new GrpcFailure(12, `unknown method ${path}`)
        const [request = Buffer.alloc(0)] = new GrpcFrames().add(Buffer.concat(chunks))
        const answer = encode(method.response, await serve(decode(method.request, request)))
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
        stream.end(grpcFrame(answer))
      } catch (error) {
        const [code, message] = error instanceof GrpcFailure ? [error.code, error.message] : [2, String(error)]
        const status = { 'grpc-status': String(code), 'grpc-message': encodeURIComponent(message) }
        stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...status }, { endStream: true })
      }
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(socket, resolve)
  })
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      for (const session of sessions) session.destroy()
    })
  return { close, [Symbol.asyncDispose]: close }
}
