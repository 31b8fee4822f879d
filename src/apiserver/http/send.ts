/** Sends a Response over an Exchange: encodes, compresses, streams, and keeps the pace of the client. */
import type { Clock } from '#lib/clock.ts'
import type { StatusObject } from '#schema/status-error.ts'
import { asStatus } from '../pipeline.ts'
import type { Headers, Request, Response } from '../request.ts'
import { begun, chunkSize, gzipped, type Pieces, sendChunks, sendPieces } from './chunks.ts'
import { type EncodeOptions, encode } from './encode.ts'
import type { Exchange } from './exchange.ts'
import { includedObject, mediaTypes, negotiate, type Wanted } from './negotiate.ts'
import { type Endable, sendWatch } from './send-watch.ts'

/** Smaller answers are not worth it (upstream's `defaultGzipThresholdBytes`). */
const gzipFrom = 128 * 1024

export interface SendContext {
  readonly clock: Clock
  /** Those under way, for who wants to end them. */
  readonly watches?: Set<Endable>
  /** Counts the events of a watch. */
  readonly watched?: { value: number }
  /** Told of what goes wrong in a watch that is under way. */
  readonly onError?: ((error: unknown) => void) | undefined
}

/** A promise only where the client is to be waited for. */
export function send(exchange: Exchange, response: Response, context: SendContext): Promise<void> | undefined {
  const { clock } = context
  switch (response.type) {
    case 'upgraded':
      return undefined
    case 'bytes':
      exchange.respond(response.status, common(exchange.request, response.headers), response.bytes)
      return undefined
    case 'stream':
      return sendStream(exchange, response)
    case 'watch':
      return startWatch(exchange, response, context)
    default:
      return sendObject(exchange, response, clock)
  }
}

function common({ auditId, warnings, flowHeaders }: Request, more?: Headers, contentType?: string): Headers {
  const headers: Record<string, string | readonly string[]> = contentType
    ? { 'audit-id': auditId, 'cache-control': 'no-cache, private', 'content-type': contentType }
    : { 'audit-id': auditId, 'cache-control': 'no-cache, private' }
  if (flowHeaders) for (const name in flowHeaders) headers[name] = flowHeaders[name] as string
  if (warnings.texts.length > 0) headers.warning = warnings.texts.map(warningValue).join(', ')
  return more ? Object.assign(headers, more) : headers
}

/** RFC 9111 section 5.5 with upstream's agent `-`; control characters cannot stand in a header. */
function warningValue(text: string): string {
  const printable = [...text].map((char) => (char < ' ' || char === '\u007f' ? ' ' : char)).join('')
  return `299 - "${Buffer.from(printable.replace(/["\\]/g, '\\$&')).toString('latin1')}"`
}

type ObjectResponse = Extract<Response, { type: 'object' }>

function sendObject(exchange: Exchange, response: ObjectResponse, clock: Clock): Promise<void> | undefined {
  const { request } = exchange
  let { status } = response
  let contentType = mediaTypes.json
  let pieces: Pieces
  try {
    const asked = negotiate(request)
    const { as: _, ...plain } = asked
    // Errors are what they are.
    const wanted = status < 400 ? asked : plain
    contentType = mediaTypes[wanted.encoding]
    pieces = begun(readyPieces(response, request, wanted) ?? [encode(response, optionsOf(request, clock, wanted)).bytes])
  } catch (error) {
    const refusal = asStatus(error).toStatus()
    status = refusal.code
    contentType = mediaTypes.json
    pieces = begun([encode({ object: refusal }, optionsOf(request, clock, { encoding: 'json' })).bytes])
  }
  return sendBody(exchange, pieces, { status, headers: common(request, response.headers, contentType) })
}

/** What is ready is sent as it is; no object is turned into text for a request. */
function readyPieces(
  response: ObjectResponse,
  request: Request,
  { encoding, as, pretty }: Wanted,
): Iterable<Uint8Array> | undefined {
  if (encoding !== 'json' || as || pretty || isPretty(request)) return undefined
  return response.pieces ?? (response.bytes && [response.bytes])
}

/** The length is told where it is known before the first byte leaves. */
function sendBody(
  exchange: Exchange,
  pieces: Pieces,
  { status, headers }: { status: number; headers: Headers },
): Promise<void> | undefined {
  const { first, size, rest } = pieces
  if (size >= gzipFrom && accepts(exchange.request, 'gzip')) {
    exchange.respond(status, { ...headers, 'content-encoding': 'gzip', vary: 'Accept-Encoding' })
    return untilGone(exchange, () => sendChunks(exchange, gzipped(pieces)))
  }
  if (!rest && size <= chunkSize) {
    exchange.respond(status, headers, first.length === 1 ? first[0] : Buffer.concat(first, size))
    return undefined
  }
  exchange.respond(status, rest ? headers : { ...headers, 'content-length': String(size) })
  return untilGone(exchange, () => sendPieces(exchange, pieces))
}

async function untilGone(exchange: Exchange, sendAll: () => Promise<void>): Promise<void> {
  if (exchange.request.method === 'HEAD') return
  try {
    await sendAll()
  } catch {
    exchange.abort()
  }
}

function accepts({ headers }: Request, encoding: string): boolean {
  return (headers['accept-encoding'] ?? '').split(',').some((part) => part.split(';')[0]?.trim() === encoding)
}

function optionsOf(request: Request, clock: Clock, wanted: Wanted): EncodeOptions {
  const { query, kind } = request
  const includeObject = includedObject(query, wanted)
  return {
    wanted,
    kind,
    now: clock.now(),
    pretty: wanted.pretty ?? isPretty(request),
    ...(includeObject && { includeObject }),
  }
}

/** What Go's `strconv.ParseBool` takes for true. */
const goTrue = new Set(['1', 't', 'T', 'TRUE', 'true', 'True'])

/** By `?pretty`, and for people at a command line or browser. */
function isPretty({ query, headers }: Request): boolean {
  const asked = query.get('pretty')
  if (asked) return goTrue.has(asked)
  return /^(curl|Wget|Mozilla\/5\.0)/.test(headers['user-agent'] ?? '')
}

async function sendStream(exchange: Exchange, { status, headers, chunks }: Extract<Response, { type: 'stream' }>): Promise<void> {
  exchange.respond(status, common(exchange.request, headers))
  await untilGone(exchange, () => sendChunks(exchange, chunks))
}

async function startWatch(
  exchange: Exchange,
  response: Extract<Response, { type: 'watch' }>,
  { clock, watches, watched, onError }: SendContext,
): Promise<void> {
  const { request } = exchange
  const options = {
    ...optionsOf(request, clock, negotiate(request)),
    kind: response.kind,
  }
  const type = mediaTypes[options.wanted.encoding]
  exchange.respond(200, common(request, { 'content-type': options.wanted.encoding === 'json' ? type : `${type};stream=watch` }))
  await sendWatch(exchange, response.events, { options, clock, watches, watched, onError })
}

/** For errors that arise before a request reaches the pipeline. */
export function refuse(exchange: Exchange, status: StatusObject): void {
  exchange.respond(
    status.code,
    common(exchange.request, { 'content-type': mediaTypes.json }),
    Buffer.from(`${JSON.stringify(status)}\n`),
  )
}
