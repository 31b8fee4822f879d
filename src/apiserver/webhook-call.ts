/** Calls a webhook: POST of JSON over TLS to a URL or a service, whose certificate is checked with the given bundle. */
import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http'
import { connect as connectTcp, isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { parseJson, stringifyJson } from '#schema/json.ts'
import type { ServiceDialer } from './dialers.ts'

export interface WebhookCall {
  readonly url?: string | undefined
  readonly service?:
    | {
        readonly namespace: string
        readonly name: string
        readonly path?: string | undefined
        readonly port?: number | undefined
      }
    | undefined
  /** Base64 of PEM; absent: the authorities that the system trusts. */
  readonly caBundle?: string | undefined
  /** PEM; shown to the webhook. */
  readonly identity?: { readonly cert: string; readonly key: string } | undefined
  /** Beside those of the call itself. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>> | undefined
  readonly body: unknown
  /** The span that the call belongs to. */
  readonly traceparent?: string | undefined
  readonly serviceDialer: ServiceDialer | undefined
  /** Milliseconds. */
  readonly timeout: number
}

/** More than a webhook may answer. */
const maxAnswer = 32 * 1024 * 1024

/** The JSON of the answer; errors are worded as Go's HTTP client words them. */
export async function callWebhook(call: WebhookCall): Promise<unknown> {
  const url = urlOf(call)
  url.searchParams.set('timeout', `${call.timeout / 1000}s`)
  const signal = AbortSignal.timeout(call.timeout)
  try {
    const socket = await dial(call, url, signal)
    const { status, text } = await post(socket, url, { ...call, body: stringifyJson(call.body), signal })
    if (status < 200 || status > 299) throw new ResponseError(unwelcome(status, text))
    return parseJson(text).value
  } catch (error) {
    if (error instanceof ResponseError) throw error
    const why = signal.aborted ? 'context deadline exceeded' : wordsOf(error as NodeJS.ErrnoException)
    throw new Error(`Post ${JSON.stringify(shown(url, call))}: ${why}`, { cause: error })
  }
}

/** The webhook answered, but not with what was asked for; the text stands without the address. */
class ResponseError extends Error {}

const statusTexts: Readonly<Record<number, string>> = {
  400: 'the server rejected our request for an unknown reason',
  401: 'the server has asked for the client to provide credentials',
  404: 'the server could not find the requested resource',
  405: 'the server does not allow this method on the requested resource',
  409: 'the server reported a conflict',
  422: 'the server rejected our request due to an error in our request',
  429: 'the server has received too many requests and has asked us to try again later',
  503: 'the server is currently unable to handle the request',
  504: 'the server was unable to return a response in the time allotted, but may still be processing the request',
}

/** Upstream's `NewGenericServerResponse`. */
function unwelcome(status: number, body: string): string {
  const text = body.trim().slice(0, 2048) || 'unknown'
  if (status === 403) return text
  const known = statusTexts[status]
  if (known) return known
  if (status >= 500) return `an error on the server (${JSON.stringify(text)}) has prevented the request from succeeding`
  return `the server responded with the status code ${status} but did not return more information`
}

function urlOf({ url, service }: WebhookCall): URL {
  if (url !== undefined) return new URL(url)
  if (!service) throw new Error('webhook configuration must have either service or URL')
  const { namespace, name, path = '/', port = 443 } = service
  return new URL(`https://${name}.${namespace}.svc:${port}${path.startsWith('/') ? path : `/${path}`}`)
}

/** The address of a service names its port in any case. */
function shown(url: URL, { service }: WebhookCall): string {
  return service && url.port === '' ? `${url.origin}:443${url.pathname}${url.search}` : String(url)
}

async function dial(
  { service, serviceDialer, caBundle, identity }: WebhookCall,
  url: URL,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const ca = caBundle ? Buffer.from(caBundle, 'base64').toString('utf8') : undefined
  const host = url.hostname.replace(/^\[|\]$/g, '')
  let socket: Duplex
  if (service) {
    if (!serviceDialer) throw new Error(`no road to service ${service.namespace}/${service.name}`)
    const { namespace, name, port = 443 } = service
    // Plain, since the certificate is checked here: it names the service, not the endpoint that was dialed.
    socket = await serviceDialer.dial({ type: 'service', namespace, name, port: String(port), scheme: 'http' }, signal)
  } else socket = connectTcp({ host, port: Number(url.port || 443), signal })
  return secured(socket, { servername: service ? `${service.name}.${service.namespace}.svc` : host, ca, ...identity })
}

export interface TlsOptions {
  readonly servername: string
  readonly ca?: string | undefined
  readonly key?: string | undefined
  readonly cert?: string | undefined
  readonly rejectUnauthorized?: boolean
}

/** TLS on a connection that stands or is about to. */
export function secured(
  socket: Duplex,
  { servername, ca, key, cert, rejectUnauthorized = true }: TlsOptions,
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      socket.destroy()
      reject(error)
    }
    socket.once('error', fail)
    const tls = connectTls({
      socket,
      rejectUnauthorized,
      ...(isIP(servername) === 0 && { servername }),
      ...(isIP(servername) !== 0 && { host: servername }),
      ...(ca && { ca }),
      ...(key && cert && { key, cert }),
    })
    tls.once('error', fail)
    tls.once('secureConnect', () => {
      tls.removeListener('error', fail)
      tls.on('error', () => tls.destroy())
      resolve(tls)
    })
  })
}

function post(
  socket: TLSSocket,
  url: URL,
  {
    body,
    signal,
    traceparent,
    headers = {},
  }: Pick<WebhookCall, 'traceparent' | 'headers'> & { body: string; signal: AbortSignal },
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      method: 'POST',
      path: url.pathname + url.search,
      headers: {
        host: url.host,
        'content-type': 'application/json',
        accept: 'application/json',
        connection: 'close',
        'content-length': Buffer.byteLength(body),
        ...(traceparent && { traceparent }),
        ...(headers as OutgoingHttpHeaders),
      },
      createConnection: () => socket,
      signal,
    })
    request.once('error', reject)
    request.once('response', (response) => {
      read(response).then((text) => resolve({ status: response.statusCode ?? 0, text }), reject)
    })
    request.end(body)
  })
}

async function read(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxAnswer) throw new Error('the answer is too long')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** What Go says of a failed connection. */
export function wordsOf(error: NodeJS.ErrnoException & { address?: string; port?: number }): string {
  switch (error.code) {
    case 'ECONNREFUSED':
      return `dial tcp ${error.address}:${error.port}: connect: connection refused`
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return 'tls: failed to verify certificate: x509: certificate signed by unknown authority'
    case 'CERT_HAS_EXPIRED':
      return 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid'
    case 'ECONNRESET':
      return 'EOF'
    default:
      return error.message
  }
}
