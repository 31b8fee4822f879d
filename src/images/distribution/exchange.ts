/** One request to the registry and its answer, as handlers see them. */
import { createReadStream } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import type { TLSSocket } from 'node:tls'
import type { Caller } from './access.ts'
import { RegistryError } from './registry-error.ts'

export interface Exchange {
  readonly method: string
  readonly url: URL
  readonly request: IncomingMessage
  readonly caller: Caller
  /** `https://host:port`, as the caller called us. */
  readonly origin: string
  header(name: string): string | undefined
  answer(status: number, headers?: Readonly<Record<string, string | number>>, body?: string | Uint8Array): void
  json(status: number, body: unknown, headers?: Readonly<Record<string, string | number>>): void
  /** A file, or the range of it that was asked for (RFC 9110, 14; one range). */
  file(path: string, size: number, headers: Readonly<Record<string, string>>): Promise<void>
}

export function exchangeOf(request: IncomingMessage, response: ServerResponse): Exchange {
  const { socket } = request
  const isTls = 'getPeerCertificate' in socket
  const host = request.headers.host ?? 'localhost'
  const origin = `${isTls ? 'https' : 'http'}://${host}`
  const method = request.method ?? 'GET'
  const answer: Exchange['answer'] = (status, headers = {}, body) => {
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body as string) }
    response.writeHead(status, { ...base, ...(status === 204 ? {} : { 'content-length': 0 }), ...length, ...headers })
    response.end(method === 'HEAD' ? undefined : body)
  }
  return {
    ...{ method, request, origin, answer },
    url: new URL(request.url ?? '/', origin),
    caller: {
      authorization: request.headers.authorization,
      address: socket.remoteAddress ?? '',
      certificate: isTls ? certificateOf(socket as TLSSocket) : undefined,
    },
    header: (name) => {
      const value = request.headers[name]
      return Array.isArray(value) ? value[0] : value
    },
    json: (status, body, headers = {}) =>
      answer(status, { 'content-type': 'application/json', ...headers }, JSON.stringify(body)),
    async file(path, size, headers) {
      const range = rangeOf(request.headers.range, size)
      const { start, end } = range ?? { start: 0, end: size - 1 }
      response.writeHead(range ? 206 : 200, {
        ...base,
        'accept-ranges': 'bytes',
        'content-length': end - start + 1,
        ...(range && { 'content-range': `bytes ${start}-${end}/${size}` }),
        ...headers,
      })
      if (method === 'HEAD' || size === 0) return void response.end()
      await pipeline(createReadStream(path, { start, end, highWaterMark: 1 << 20 }), response)
    },
  }
}

const base = { 'docker-distribution-api-version': 'registry/2.0', 'x-content-type-options': 'nosniff' }

/** Several ranges at once may be answered with the whole. */
function rangeOf(header: string | undefined, size: number): { start: number; end: number } | undefined {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? []
  if (first === undefined || (first === '' && last === '')) return undefined
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (start >= size || start > end) {
    throw new RegistryError('RANGE_INVALID', 'invalid content range', { headers: { 'content-range': `bytes */${size}` } })
  }
  return { start, end }
}

function certificateOf(socket: TLSSocket): Caller['certificate'] {
  if (!socket.authorized) return undefined
  const { subject } = socket.getPeerCertificate()
  if (!subject) return undefined
  const one = (value: string | string[] | undefined) => (value === undefined ? [] : Array.isArray(value) ? value : [value])
  return { commonName: one(subject.CN)[0] ?? '', organizations: one(subject.O) }
}
