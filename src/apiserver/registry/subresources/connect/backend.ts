/** One HTTP/1.1 request over a connection that was dialled for it, and what comes back. */
import { type IncomingMessage, type OutgoingHttpHeaders, request as start } from 'node:http'
import type { Duplex, Readable } from 'node:stream'
import type { Headers } from '../../../request.ts'

export interface BackendCall {
  readonly method: string
  /** Percent-encoded, with its query. */
  readonly target: string
  readonly headers: OutgoingHttpHeaders
  readonly body?: Readable | undefined
  /** Aborting closes the connection, also while the answer is being read. */
  readonly signal: AbortSignal
}

export type BackendAnswer =
  | { readonly type: 'answer'; readonly message: IncomingMessage }
  /** The protocol was switched: what follows on `socket` belongs to it, and begins with `head`. */
  | { readonly type: 'switched'; readonly message: IncomingMessage; readonly socket: Duplex; readonly head: Uint8Array }

/** Resolves with the head of the answer. The connection ends with the answer. */
export function askBackend(socket: Duplex, { method, target, headers, body, signal }: BackendCall): Promise<BackendAnswer> {
  return new Promise((resolve, reject) => {
    // `host` only fills a Host header that is missing.
    const call = start({
      createConnection: () => socket,
      method,
      path: target,
      headers: framed(headers, body),
      host: 'backend',
      signal,
    })
    call.on('error', (error) => {
      socket.destroy()
      reject(error)
    })
    call.on('response', (message) => {
      message.on('close', () => socket.destroy())
      resolve({ type: 'answer', message })
    })
    call.on('upgrade', (message, switched, head) => resolve({ type: 'switched', message, socket: switched, head }))
    if (body) body.on('error', () => call.destroy()).pipe(call)
    else call.end()
  })
}

/**
 * Says where a body of unknown length ends. Node does not for GET, DELETE and their like: what a client sends as the body of such a
 * request would be the next request to the backend, made with our identity.
 */
function framed(headers: OutgoingHttpHeaders, body: Readable | undefined): OutgoingHttpHeaders {
  return body && headers['content-length'] === undefined ? { ...headers, 'transfer-encoding': 'chunked' } : headers
}

const hopByHop = new Set([
  'connection',
  'proxy-connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
])

/** Whether a header is about the connection it came over (RFC 9110 section 7.6.1); `connection` is that header's value. */
export function isHopByHop(name: string, connection: string | undefined): boolean {
  return hopByHop.has(name) || (connection ?? '').split(',').some((named) => named.trim().toLowerCase() === name)
}

/** The headers of an answer that go on to the client. */
export function answerHeaders({ headers }: IncomingMessage): Headers {
  const kept = Object.entries(headers).filter(([name]) => !isHopByHop(name, headers.connection))
  return Object.fromEntries(kept as [string, string | string[]][])
}

/** Reads on as the client takes it; leaving early closes the connection. */
export async function* chunksOf(message: IncomingMessage): AsyncGenerator<Uint8Array> {
  yield* message as AsyncIterable<Uint8Array>
}

/** At most so many bytes of a body, as text. */
export async function textOf(message: IncomingMessage, limit: number): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of message as AsyncIterable<Uint8Array>) {
    chunks.push(chunk)
    size += chunk.length
    if (size >= limit) break
  }
  return Buffer.concat(chunks).subarray(0, limit).toString()
}
