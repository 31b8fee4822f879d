/** How probes and hooks reach a pod. The real one is here; tests and simulated nodes have their own. */
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect, isIPv6 } from 'node:net'

export interface HttpTarget {
  readonly url: URL
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Aborted at the timeout. */
  readonly signal: AbortSignal
}

export interface HttpAnswer {
  readonly status: number
  readonly body: string
  /** Of a redirection. */
  readonly location?: string | undefined
}

export type GrpcHealth =
  | { readonly status: string }
  | { readonly error: 'timeout' | 'unimplemented' | 'unavailable'; readonly message: string }

export interface ProbeDialer {
  /** Rejects with an Error whose message is Go's, such as `dial tcp 10.0.0.1:80: connect: connection refused`, and whose cause is the system's. */
  http(target: HttpTarget): Promise<HttpAnswer>
  tcp(target: { readonly host: string; readonly port: number; readonly signal: AbortSignal }): Promise<void>
  grpc(target: {
    readonly host: string
    readonly port: number
    readonly service: string
    readonly signal: AbortSignal
  }): Promise<GrpcHealth>
}

const longestBody = 10 * 1024

export const networkDialer: ProbeDialer = {
  http: getPage,
  tcp: openPort,
  /** gRPC is loaded by those who probe with it: it costs 30 MB. */
  grpc: async (target) => (await import('./grpc-health.ts')).checkHealth(target),
}

function getPage({ url, headers, signal }: HttpTarget): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const options = { method: 'GET', headers: headerMap(headers), agent: false as const, signal }
    const secure = url.protocol === 'https:'
    const fail = (error: NodeJS.ErrnoException) =>
      reject(new Error(goError(error, url.hostname.replace(/^\[|\]$/g, ''), portOf(url)), { cause: error }))
    const call = secure ? httpsRequest(url, { ...options, rejectUnauthorized: false }) : httpRequest(url, options)
    call.on('error', fail)
    call.on('response', (response) => {
      const { statusCode = 0 } = response
      const { location } = response.headers
      const chunks: Buffer[] = []
      let size = 0
      const done = () =>
        resolve({ status: statusCode, body: Buffer.concat(chunks).toString('utf8').slice(0, longestBody), location })
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        size += chunk.length
        if (size < longestBody) return
        done()
        response.destroy()
      })
      response.on('end', done)
      response.on('error', fail)
    })
    call.end()
  })
}

function openPort({ host, port, signal }: { host: string; port: number; signal: AbortSignal }): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port })
    const fail = (text: string, cause?: Error) => {
      socket.destroy()
      reject(new Error(text, { cause }))
    }
    const abort = () => fail(`dial tcp ${address(host, port)}: i/o timeout`)
    signal.addEventListener('abort', abort, { once: true })
    socket.on('error', (error) => fail(goError(error, host, port), error))
    socket.on('connect', () => {
      signal.removeEventListener('abort', abort)
      socket.destroy()
      resolve()
    })
  })
}

function headerMap(headers: HttpTarget['headers']): Record<string, string | string[]> {
  const map: Record<string, string | string[]> = {}
  for (const [name, value] of headers) {
    const known = map[name]
    map[name] = known === undefined ? value : [known, value].flat()
  }
  return map
}

function portOf(url: URL): number {
  return Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
}

export function address(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`
}

/** As Go says it of a server that does not speak TLS. */
export const plainAnswer = 'http: server gave HTTP response to HTTPS client'

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ETIMEDOUT: 'connect: connection timed out',
}

/** What OpenSSL makes of the first bytes of an answer in plain HTTP. */
const plainWords = /wrong version number|packet length too long/

/** Node's error in Go's words, which is what users read in events. */
function goError(error: NodeJS.ErrnoException, host: string, port: number): string {
  if (error.name === 'AbortError') return 'context deadline exceeded'
  const reason = reasons[error.code ?? '']
  if (error.code === 'EPROTO' && plainWords.test(error.message)) return plainAnswer
  if (reason) return `dial tcp ${address(host, port)}: ${reason}`
  if (error.code === 'ECONNRESET') return error.message === 'socket hang up' ? 'EOF' : 'read: connection reset by peer'
  if (error.code === 'ENOTFOUND') return `dial tcp: lookup ${host}: no such host`
  return error.message
}
