/**
 * `httpsTransport`: carries calls to an API server over HTTPS.
 *
 * Guarantees: an error answer is thrown as the StatusError it holds, a broken connection as TransportError; 429 with
 * Retry-After is tried again up to twice; a read whose connection broke before the answer is tried once more. Writes are
 * never repeated unless the server said that it did not touch them.
 */
import type { ClientHttp2Stream } from 'node:http2'
import type { Readable } from 'node:stream'
import { sleep } from '#lib/clock.ts'
import { parseJson, stringifyJson } from '#schema/json.ts'
import { type Reason, StatusError, type StatusObject } from '#schema/status-error.ts'
import { type Call, type Transport, TransportError } from './client.ts'
import {
  type Answer,
  type Connection,
  type ConnectionOptions,
  type Exchange,
  type Headers,
  openConnection,
} from './connection.ts'
import { methodOf, pathOf } from './resource-path.ts'
import { watchEvents } from './watch-lines.ts'

export interface HttpsTransportOptions extends ConnectionOptions {
  /** A function is asked at each request, so that tokens may rotate; `refused` after the server answered 401. */
  readonly token?: string | TokenSource | undefined
  /** `nami/v1.36.0 (linux/amd64)`: the first word names the field manager. */
  readonly userAgent?: string | undefined
  /** Sent with every request: impersonation. */
  readonly headers?: Headers | undefined
}

export type TokenSource = (options: { readonly refused: boolean }) => string | undefined | Promise<string | undefined>

export interface HttpsTransport extends Transport {
  /** Any request, such as `/openapi/v3` or a log; the answer's status is not looked at. */
  raw(exchange: RawExchange): Promise<Answer>
}

export type RawExchange = Omit<Exchange, 'headers'> & { readonly headers?: Headers }

const mostRetries = 2

export function httpsTransport(options: HttpsTransportOptions): HttpsTransport {
  const connection = openConnection(options)
  const sender = { connection, options }
  return {
    raw: (exchange) => send(sender, exchange),
    request: (call) => request(sender, call),
    watch: (call) => watch(sender, call),
    close: async () => connection.close(),
  }
}

interface Sender {
  readonly connection: Connection
  readonly options: HttpsTransportOptions
}

async function request(sender: Sender, call: Call): Promise<unknown> {
  const answer = await sendCall(sender, call)
  const bytes = await collect(answer.body, call.signal)
  if (answer.status >= 300) throw errorOf(answer, bytes)
  return parse(bytes)
}

async function* watch(sender: Sender, call: Call & { readonly signal: AbortSignal }) {
  const answer = await sendCall(sender, call)
  if (answer.status >= 300) throw errorOf(answer, await collect(answer.body, call.signal))
  try {
    yield* watchEvents(answer.body)
  } catch (error) {
    if (call.signal.aborted) return
    if (error instanceof StatusError || error instanceof TransportError) throw error
    throw new TransportError(`the watch broke: ${(error as Error).message}`, { cause: error })
  } finally {
    answer.body.destroy()
  }
}

async function sendCall(sender: Sender, call: Call): Promise<Answer> {
  const body = call.body === undefined ? undefined : stringifyJson(call.body)
  const contentType = call.contentType ?? 'application/json'
  return send(sender, {
    method: methodOf(call),
    path: pathOf(call),
    headers: { accept: 'application/json', ...(body !== undefined && { 'content-type': contentType }) },
    body,
    signal: call.signal,
  })
}

async function send(sender: Sender, exchange: RawExchange): Promise<Answer> {
  const { clock, token } = sender.options
  const { signal } = exchange
  let refused = false
  for (let tries = 0; ; ) {
    const answer = await sendOnce(sender, exchange, refused)
    if (answer.status === 401 && typeof token === 'function' && !refused) {
      refused = true
      answer.body.resume()
      continue
    }
    const pause = Number(answer.headers['retry-after'])
    if (answer.status !== 429 || !(pause >= 0) || tries++ >= mostRetries) return answer
    answer.body.resume()
    await sleep(clock, pause * 1000, signal)
  }
}

async function sendOnce({ connection, options }: Sender, exchange: RawExchange, refused: boolean): Promise<Answer> {
  const { token, userAgent, headers } = options
  const bearer = typeof token === 'function' ? await token({ refused }) : token
  const full = {
    ...exchange,
    headers: {
      ...(userAgent && { 'user-agent': userAgent }),
      ...(bearer && { authorization: `Bearer ${bearer}` }),
      ...headers,
      ...exchange.headers,
    },
  }
  try {
    return await connection.send(full)
  } catch (error) {
    if (!(error instanceof TransportError) || !mayRepeat(exchange.method, error)) throw error
    return connection.send(full)
  }
}

/** Reads may; writes only where the stream was refused before it was looked at (RFC 9113, 8.7). */
function mayRepeat(method: string, error: TransportError): boolean {
  const cause = error.cause as (Error & { code?: string }) | undefined
  const refused = cause?.message.includes('NGHTTP2_REFUSED_STREAM') || cause?.code === 'ERR_HTTP2_GOAWAY_SESSION'
  const unreachable = cause?.code === 'ECONNREFUSED' || cause?.code === 'ENOTFOUND'
  return Boolean(refused) || (method === 'GET' && !unreachable)
}

/**
 * By events, and not by iteration: that takes an HTTP/2 stream for broken when the peer has closed it before the reading begins, though
 * all of it lies there (its `closed` is the protocol's).
 */
function collect(body: Readable, signal: AbortSignal | undefined): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const fail = (error?: Error) => {
    if (signal?.aborted) reject(signal.reason)
    else reject(new TransportError(`the connection broke: ${error?.message ?? 'the answer was cut off'}`, { cause: error }))
  }
  if (body.destroyed && !body.readableEnded) fail(body.errored ?? undefined)
  const chunks: Buffer[] = []
  body.on('data', (chunk: Buffer) => chunks.push(chunk))
  let ended = false
  body.once('end', () => {
    ended = true
  })
  body.once('error', fail)
  // A stream that is reset ends too; only its code tells, and only when it has closed.
  body.once('close', () => {
    const isWhole = ended && !signal?.aborted && !(body as Partial<ClientHttp2Stream>).rstCode
    if (isWhole) resolve(Buffer.concat(chunks))
    else fail()
  })
  return promise
}

function parse(bytes: Uint8Array): unknown {
  try {
    return parseJson(bytes).value
  } catch (error) {
    throw new TransportError('the server answered with something that is no JSON', { cause: error })
  }
}

/** The Status in the body, or one made from the HTTP status as client-go does. */
function errorOf({ status, headers }: Answer, bytes: Buffer): StatusError {
  const text = bytes.toString('utf8')
  if (String(headers['content-type']).startsWith('application/json')) {
    const body = parse(bytes) as Partial<StatusObject>
    if (body.kind === 'Status') return StatusError.from({ ...body, code: body.code ?? status } as StatusObject)
  }
  const message = text.trim() || `the server responded with the status code ${status} but did not return more information`
  return new StatusError(reasons[status] ?? 'InternalError', message, { code: status })
}

const reasons: Readonly<Record<number, Reason>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  406: 'NotAcceptable',
  409: 'Conflict',
  410: 'Expired',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
  429: 'TooManyRequests',
  503: 'ServiceUnavailable',
  504: 'Timeout',
}
