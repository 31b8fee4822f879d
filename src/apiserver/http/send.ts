/** Sends a Response over an Exchange: encodes, compresses, streams, and keeps the pace of the client. */
import { promisify } from 'node:util'
import { constants, gzip } from 'node:zlib'
import type { Clock } from '#lib/clock.ts'
import type { StatusObject } from '#schema/status-error.ts'
import { asStatus } from '../pipeline.ts'
import type { Request, Response } from '../request.ts'
import { type EncodeOptions, encode, watchFrame } from './encode.ts'
import type { Exchange } from './exchange.ts'
import { mediaTypes, negotiate, type Wanted } from './negotiate.ts'

const compress = promisify(gzip)

/** Smaller answers are not worth it (upstream's `defaultGzipThresholdBytes`). */
const gzipFrom = 128 * 1024
const chunkSize = 256 * 1024

export async function send(exchange: Exchange, response: Response, clock: Clock): Promise<void> {
  switch (response.type) {
    case 'upgraded':
      return
    case 'bytes':
      return exchange.respond(response.status, common(exchange.request, response.headers), response.bytes)
    case 'stream':
      return sendStream(exchange, response)
    case 'watch':
      return sendWatch(exchange, response, clock)
    default:
      return sendObject(exchange, response, clock)
  }
}

function common({ auditId, warnings }: Request, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return {
    'audit-id': auditId,
    'cache-control': 'no-cache, private',
    ...(warnings.length > 0 && { warning: warnings.map(warningValue).join(', ') }),
    ...more,
  }
}

/** RFC 9111 section 5.5 with upstream's agent `-`; control characters cannot stand in a header. */
function warningValue(text: string): string {
  const printable = [...text].map((char) => (char < ' ' || char === '\u007f' ? ' ' : char)).join('')
  return `299 - "${Buffer.from(printable.replace(/["\\]/g, '\\$&')).toString('latin1')}"`
}

async function sendObject(exchange: Exchange, response: Extract<Response, { type: 'object' }>, clock: Clock): Promise<void> {
  const { request } = exchange
  const answer = response
  let status = response.status
  let encoded: ReturnType<typeof encode>
  try {
    encoded = encode(answer, optionsOf(request, clock))
  } catch (error) {
    const refusal = asStatus(error).toStatus()
    status = refusal.code
    encoded = encode({ object: refusal }, { ...optionsOf(request, clock, { encoding: 'json' }) })
  }
  const headers = common(request, { ...response.headers, 'content-type': encoded.contentType })
  if (encoded.bytes.length < gzipFrom || !accepts(request, 'gzip')) {
    if (encoded.bytes.length <= chunkSize) return exchange.respond(status, headers, encoded.bytes)
    exchange.respond(status, headers)
    return sendChunks(exchange, encoded.bytes)
  }
  const small = await compress(encoded.bytes, { level: constants.Z_BEST_SPEED })
  exchange.respond(status, { ...headers, 'content-encoding': 'gzip', vary: 'Accept-Encoding' }, small)
}

/** In pieces, each when the client has taken the one before. */
async function sendChunks(exchange: Exchange, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; at += chunkSize) await exchange.write(bytes.subarray(at, at + chunkSize))
  exchange.end()
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
  try {
    for await (const chunk of chunks) await exchange.write(chunk)
    exchange.end()
  } catch {
    exchange.abort()
  }
}

/** All events of one batch go out as one buffer. */
async function sendWatch(exchange: Exchange, response: Extract<Response, { type: 'watch' }>, clock: Clock): Promise<void> {
  const { request } = exchange
  const options = { ...optionsOf(request, clock), kind: response.kind }
  const type = mediaTypes[options.wanted.encoding]
  exchange.respond(200, common(request, { 'content-type': options.wanted.encoding === 'json' ? type : `${type};stream=watch` }))
  let isFirst = true
  try {
    for await (const batch of response.events) {
      const frames = batch.map((event) => {
        const frame = watchFrame(event.type, event, { ...options, now: clock.now(), isFirst })
        isFirst = false
        return frame
      })
      if (frames.length > 0) await exchange.write(frames.length === 1 ? (frames[0] as Uint8Array) : Buffer.concat(frames))
    }
    exchange.end()
  } catch {
    exchange.abort()
  }
}

/** For errors that arise before a request reaches the pipeline. */
export function refuse(exchange: Exchange, status: StatusObject): void {
  exchange.respond(
    status.code,
    common(exchange.request, { 'content-type': mediaTypes.json }),
    Buffer.from(`${JSON.stringify(status)}\n`),
  )
}
