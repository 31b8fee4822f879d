/** Sends a Response over an Exchange: encodes, compresses, streams, and keeps the pace of the client. */
import type { Clock } from '#lib/clock.ts'
import type { StatusObject } from '#schema/status-error.ts'
import { asStatus } from '../pipeline.ts'
import type { Headers, Request, Response } from '../request.ts'
import { chunkSize, coalesced, gzipped, sendChunks } from './chunks.ts'
import { type EncodeOptions, encode } from './encode.ts'
import type { Exchange } from './exchange.ts'
import { mediaTypes, negotiate, type Wanted } from './negotiate.ts'
import { sendWatch } from './send-watch.ts'

/** Smaller answers are not worth it (upstream's `defaultGzipThresholdBytes`). */
const gzipFrom = 128 * 1024
const newline = Buffer.from('\n')

export async function send(exchange: Exchange, response: Response, clock: Clock): Promise<void> {
  switch (response.type) {
    case 'upgraded':
      return
    case 'bytes':
      return exchange.respond(response.status, common(exchange.request, response.headers), response.bytes)
    case 'stream':
      return sendStream(exchange, response)
    case 'watch':
      return startWatch(exchange, response, clock)
    default:
      return sendObject(exchange, response, clock)
  }
}

function common({ auditId, warnings }: Request, more?: Headers): Headers {
  const headers: Record<string, string | readonly string[]> = { 'audit-id': auditId, 'cache-control': 'no-cache, private' }
  if (warnings.length > 0) headers.warning = warnings.map(warningValue).join(', ')
  return more ? Object.assign(headers, more) : headers
}

/** RFC 9111 section 5.5 with upstream's agent `-`; control characters cannot stand in a header. */
function warningValue(text: string): string {
  const printable = [...text].map((char) => (char < ' ' || char === '\u007f' ? ' ' : char)).join('')
  return `299 - "${Buffer.from(printable.replace(/["\\]/g, '\\$&')).toString('latin1')}"`
}

type ObjectResponse = Extract<Response, { type: 'object' }>

async function sendObject(exchange: Exchange, response: ObjectResponse, clock: Clock): Promise<void> {
  const { request } = exchange
  let { status } = response
  let contentType = mediaTypes.json
  let pieces: readonly Uint8Array[]
  try {
    const options = optionsOf(request, clock)
    contentType = mediaTypes[options.wanted.encoding]
    pieces = piecesOf(response, options)
  } catch (error) {
    const refusal = asStatus(error).toStatus()
    status = refusal.code
    contentType = mediaTypes.json
    pieces = [encode({ object: refusal }, { ...optionsOf(request, clock, { encoding: 'json' }) }).bytes]
  }
  const headers = common(request, { ...response.headers, 'content-type': contentType })
  const size = pieces.reduce((sum, piece) => sum + piece.length, 0)
  if (size >= gzipFrom && accepts(request, 'gzip')) {
    exchange.respond(status, { ...headers, 'content-encoding': 'gzip', vary: 'Accept-Encoding' })
    return sendBody(exchange, gzipped(pieces))
  }
  if (size <= chunkSize) {
    return exchange.respond(status, headers, pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces, size))
  }
  exchange.respond(status, { ...headers, 'content-length': String(size) })
  return sendBody(exchange, coalesced(pieces))
}

/** What is ready is sent as it is; no object is turned into text for a request. */
function piecesOf(response: ObjectResponse, options: EncodeOptions): readonly Uint8Array[] {
  const { wanted, pretty } = options
  if (wanted.encoding === 'json' && !wanted.as && !pretty) {
    if (response.pieces) return [...response.pieces, newline]
    if (response.bytes) return [response.bytes, newline]
  }
  return [encode(response, options).bytes]
}

async function sendBody(exchange: Exchange, chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> {
  if (exchange.request.method === 'HEAD') return
  try {
    await sendChunks(exchange, chunks)
  } catch {
    exchange.abort()
  }
}

function accepts({ headers }: Request, encoding: string): boolean {
  return (headers['accept-encoding'] ?? '').split(',').some((part) => part.split(';')[0]?.trim() === encoding)
}

function optionsOf(request: Request, clock: Clock, fallback?: Wanted): EncodeOptions {
  const { headers, query, kind } = request
  const include = query.get('includeObject')
  return {
    wanted: fallback ?? negotiate(headers.accept),
    kind,
    now: clock.now(),
    pretty: isPretty(request),
    ...((include === 'None' || include === 'Object') && { includeObject: include }),
  }
}

/** By `?pretty`, and for people at a command line or browser. */
function isPretty({ query, headers }: Request): boolean {
  const asked = query.get('pretty')
  if (asked !== null) return asked !== '0' && asked !== 'false'
  return /^(curl|Wget|Mozilla\/5\.0)/.test(headers['user-agent'] ?? '')
}

async function sendStream(exchange: Exchange, { status, headers, chunks }: Extract<Response, { type: 'stream' }>): Promise<void> {
  exchange.respond(status, common(exchange.request, headers))
  await sendBody(exchange, chunks)
}

async function startWatch(exchange: Exchange, response: Extract<Response, { type: 'watch' }>, clock: Clock): Promise<void> {
  const { request } = exchange
  const options = { ...optionsOf(request, clock), kind: response.kind }
  const type = mediaTypes[options.wanted.encoding]
  exchange.respond(200, common(request, { 'content-type': options.wanted.encoding === 'json' ? type : `${type};stream=watch` }))
  await sendWatch(exchange, response.events, { options, clock })
}

/** For errors that arise before a request reaches the pipeline. */
export function refuse(exchange: Exchange, status: StatusObject): void {
  exchange.respond(
    status.code,
    common(exchange.request, { 'content-type': mediaTypes.json }),
    Buffer.from(`${JSON.stringify(status)}\n`),
  )
}
