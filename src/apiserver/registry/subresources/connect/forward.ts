/** Sends a request on to a backend as it came, an upgrade too, and its answer back. */
import { type OutgoingHttpHeaders, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { StatusError } from '#schema/status-error.ts'
import type { IdentityHeaders } from '../../../authn/request-header.ts'
import type { Headers, Request, Response } from '../../../request.ts'
import { answerHeaders, askBackend, type BackendAnswer, chunksOf } from './backend.ts'
import { forwardHeaders } from './forward-headers.ts'

export interface Forwarding {
  readonly socket: Duplex
  /** Percent-encoded, with its query. */
  readonly target: string
  readonly headers?: OutgoingHttpHeaders
  /** In which headers front proxies say who asks: a client's own are not handed on. */
  readonly identityHeaders: IdentityHeaders | undefined
  /** Words an error of the connection. */
  refuse(text: string, cause: unknown): StatusError
}

type Answered = Extract<BackendAnswer, { type: 'answer' }>

/**
 * Bytes pass both ways only after the backend has switched protocols: a client that could go on behind a refusal would speak to
 * the backend with our identity (CVE-2018-1002105).
 */
export async function forward(
  request: Request,
  { socket, target, headers, identityHeaders, refuse }: Forwarding,
  rewrite: (answer: Answered['message']) => Response | Promise<Response> = passOn,
): Promise<Response> {
  const { method, signal, upgrade } = request
  const answer = await askBackend(socket, {
    ...{ method, target, signal },
    headers: { ...forwardHeaders(request, identityHeaders), ...headers },
    body: upgrade ? undefined : request.bodyStream?.(),
  }).catch((error) => {
    throw refuse((error as Error).message, error)
  })
  if (answer.type === 'answer') return rewrite(answer.message)
  if (!upgrade) {
    answer.socket.destroy()
    throw refuse('the backend switched protocols without being asked to', undefined)
  }
  const client = upgrade()
  client.socket.write(switchedHead(answer.message.rawHeaders))
  if (answer.head.length > 0) client.socket.write(answer.head)
  if (client.head.length > 0) answer.socket.write(client.head)
  join(client.socket, answer.socket)
  return { type: 'upgraded' }
}

export function passOn(message: Answered['message'], headers: Headers = answerHeaders(message)): Response {
  return { type: 'stream', status: message.statusCode ?? 502, headers, chunks: chunksOf(message) }
}

function switchedHead(rawHeaders: readonly string[]): string {
  const lines = [`HTTP/1.1 101 ${STATUS_CODES[101]}`]
  for (let i = 0; i < rawHeaders.length; i += 2) lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`)
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** When one side ends or breaks, the other is closed too, after what is still to be written. */
export function join(a: Duplex, b: Duplex): void {
  connect(a, b)
  connect(b, a)
}

function connect(from: Duplex & { setNoDelay?(on: boolean): void }, to: Duplex & { destroySoon?(): void }): void {
  from.setNoDelay?.(true)
  from.on('error', () => to.destroy())
  from.on('close', () => (to.destroySoon ? to.destroySoon() : to.end()))
  from.pipe(to)
}
