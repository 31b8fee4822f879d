/** Plain HTTP clients of a test's API server, for what the typed client hides. */
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2'
import { type RequestOptions, request } from 'node:https'
import type { LoopbackSocket } from './loopback.ts'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly text: string
  readonly json: any
}

export interface Http2Client extends AsyncDisposable {
  readonly session: ClientHttp2Session
  /** `GET /path`. */
  call(line: `${string} /${string}`, headers?: Record<string, string>, body?: string | Uint8Array): Promise<Answer>
  /** The answer's stream, once its head is there; nobody reads it yet. */
  open(path: string, headers?: Record<string, string>): Promise<ClientHttp2Stream>
}

type Identity = { readonly certificate: string; readonly key: string }

/** As `kubernetes-admin`, or as somebody else, or with null as nobody. */
export function http2Client({ port, pki }: LoopbackSocket, identity: Identity | null = pki.admin): Http2Client {
  const own = identity ? { cert: identity.certificate, key: identity.key } : {}
  const session = connectHttp2(`https://127.0.0.1:${port}`, { ca: pki.ca.certificate, ...own, maxSessionMemory: 1024 })
  session.on('error', () => {})
  session.setMaxListeners(0)
  const start = (line: string, headers: Record<string, string> = {}, body?: string | Uint8Array) => {
    const [method, path] = line.split(' ')
    const stream = session.request({ ':method': method, ':path': path, ...headers }, { endStream: body === undefined })
    if (body !== undefined) stream.end(body)
    return stream
  }
  return {
    session,
    async call(line, headers, body) {
      const stream = start(line, headers, body)
      const [head] = (await once(stream, 'response')) as [IncomingHttpHeaders]
      return answerOf(Number(head[':status']), head, Buffer.concat(await Array.fromAsync(stream as AsyncIterable<Buffer>)))
    },
    async open(path, headers) {
      const stream = start(`GET ${path}`, headers)
      await once(stream, 'response')
      return stream
    },
    async [Symbol.asyncDispose]() {
      session.destroy()
    },
  }
}

export type Http1Options = Pick<RequestOptions, 'method' | 'headers' | 'agent' | 'cert' | 'key'> & {
  readonly body?: string | Uint8Array
}

/** One request on a connection of its own unless an agent is given, as `kubernetes-admin`. */
export async function http1Call({ port, pki }: LoopbackSocket, path: string, options: Http1Options = {}): Promise<Answer> {
  const { body, ...more } = options
  const { certificate, key } = pki.admin
  const how = { host: '127.0.0.1', port, ca: pki.ca.certificate, cert: certificate, key, agent: false as const }
  const call = request({ ...how, path, ...more })
  call.end(body)
  const [message] = (await once(call, 'response')) as [IncomingMessage]
  const content = Buffer.concat(await Array.fromAsync(message as AsyncIterable<Buffer>))
  return answerOf(message.statusCode ?? 0, message.headers, content)
}

function answerOf(status: number, headers: IncomingHttpHeaders, body: Buffer): Answer {
  return {
    ...{ status, headers, body },
    get text() {
      return body.toString()
    },
    get json() {
      return JSON.parse(body.toString())
    },
  }
}
