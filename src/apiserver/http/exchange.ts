/** One request and the way to answer it, whichever version of HTTP carries it. */
import type { Readable, Writable } from 'node:stream'
import type { Clock } from '#lib/clock.ts'
import { Turnstile } from '#lib/turn.ts'
import { badRequest, StatusError } from '#schema/status-error.ts'
import type { Headers, Request } from '../request.ts'

export interface Exchange {
  readonly request: Request
  /** Sends the head; `body`, where it is known, follows at once and ends the answer. */
  respond(status: number, headers: Headers, body?: Uint8Array): void
  /** More of the body, in one go. Where the client is to be waited for: resolves when it can take more, rejects when it has gone. */
  write(...chunks: readonly Uint8Array[]): Promise<void> | undefined
  /** The last of the body, for which nobody waits. */
  end(...chunks: readonly Uint8Array[]): void
  /** Bytes of the body that were handed over until now. */
  readonly sent: number
  /** Whether the connection carries other requests at the same time. */
  readonly isShared: boolean
  /** The client is to come back on a new connection; what goes on on this one is finished. */
  leave(): void
  /** Breaks the answer off, so that the client sees that it is not whole. */
  abort(): void
}

/** A request as HTTP brings it. */
export interface Incoming extends Pick<Request, 'method' | 'path' | 'headers' | 'rawHeaders' | 'upgrade'> {
  readonly rawQuery: string
  readonly presence: Presence
  /** Undefined where there is no body. */
  readonly body: Readable | undefined
}

/** What ends when the client leaves. */
export interface Line {
  readonly destroyed: boolean
  readonly closed: boolean
  once(event: 'close', listener: () => void): unknown
}

/** Whether the client is still there. Most requests are answered before anybody asks, and then it costs nothing. */
export class Presence {
  #line: Line
  #controller: AbortController | undefined
  #isAnswered = false

  constructor(line: Line) {
    this.#line = line
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.#line.destroyed || this.#line.closed) this.#leave()
      else this.#line.once('close', () => this.#leave())
    }
    return this.#controller.signal
  }

  /** The answer is on its way: a connection that closes from now on is no news. */
  answered(): void {
    this.#isAnswered = true
  }

  #leave(): void {
    if (!this.#isAnswered) this.#controller?.abort(gone())
  }
}

export type MakeRequest = (incoming: Incoming) => Request

/** Upstream's limit for request bodies (`MaxRequestBodyBytes`). */
export const maxBody = 3 * 1024 * 1024
/** So much of a body that is refused is let go by, for the client to hear of it; more breaks the connection. */
const maxWaste = 32 * 1024 * 1024
/** A body must be there within upstream's `--request-timeout`. */
const bodyTimeout = 60_000
/** How long a client has to read that it was too slow. */
const farewell = 1_000

/** So many writes begin in a turn of the loop: 64 that arrive together then cost a fifth less each, and are answered sooner. */
const bodies = new Turnstile(8)

/** Reads a body whole; more than the limit is refused before it is kept. */
export function collectBody(source: Readable, declared: string | undefined, clock: Clock): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
  let timer = clock.after(bodyTimeout, () => {
    reject(new StatusError('Timeout', 'Timeout: request did not complete within the allotted timeout', { details: {} }))
    timer = clock.after(farewell, () => source.destroy())
  })
  const expected = declared === undefined ? -1 : Number(declared)
  let isWhole = false
  if (expected > maxBody) reject(tooLarge())
  const end = (body: Uint8Array) => {
    if (isWhole) return
    isWhole = true
    timer.cancel()
    bodies.pass(() => resolve(body))
  }
  if (isStream(source) && expected > 0 && expected <= maxBody) readInOne(source, expected, end)
  else readInParts(source, { end, refuse: () => reject(tooLarge()) })
  source.on('close', () => {
    if (isWhole) return
    timer.cancel()
    reject(badRequest('the request body was cut off'))
  })
  return promise
}

function isStream(source: Readable): boolean {
  return 'endAfterHeaders' in source
}

const unread = Buffer.from(' ')

/**
 * Leaves the end unread until the answer is out: Node destroys a stream that was read to its end and has sent its last
 * frame, and then makes an error with a stack, which nobody sees, when that frame is written.
 */
function readInOne(source: Readable, size: number, end: (body: Uint8Array) => void): void {
  let body: Uint8Array | null = null
  source.on('readable', () => {
    if (body) return
    body = source.read(size)
    if (!body) return
    source.unshift(unread)
    end(body)
  })
}

function readInParts(source: Readable, { end, refuse }: { end(body: Uint8Array): void; refuse(): void }): void {
  const chunks: Uint8Array[] = []
  let size = 0
  source.on('data', (chunk: Uint8Array) => {
    size += chunk.length
    if (size <= maxBody) chunks.push(chunk)
    else {
      chunks.length = 0
      refuse()
      if (size > maxWaste) source.destroy()
    }
  })
  source.on('end', () => end(chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks)))
}

function tooLarge(): StatusError {
  return new StatusError('RequestEntityTooLarge', `Request entity too large: limit is ${maxBody}`)
}

/** Splits a request target; the path stays percent-encoded nowhere. Throws on broken encoding. */
export function parseTarget(target: string): { path: string; rawQuery: string } {
  const mark = target.indexOf('?')
  const encoded = mark < 0 ? target : target.slice(0, mark)
  const path = encoded.includes('%') ? decodeURIComponent(encoded) : encoded
  return { path, rawQuery: mark < 0 ? '' : target.slice(mark + 1) }
}

type Sink = Pick<Writable, 'write' | 'end' | 'cork' | 'uncork'>

/** Hands them over in one go; answers whether there is room for more. */
export function writeAll(stream: Sink, chunks: readonly Uint8Array[]): boolean {
  if (chunks.length > 1) stream.cork()
  let hasRoom = true
  for (const chunk of chunks) hasRoom = stream.write(chunk)
  if (chunks.length > 1) stream.uncork()
  return hasRoom
}

/** The same for the last: HTTP/1.1 would end a body in chunks before those that it still holds back. */
export function endWith(stream: Sink, chunks: readonly Uint8Array[]): void {
  writeAll(stream, chunks)
  stream.end()
}

export function lengthOf(chunks: readonly Uint8Array[]): number {
  let length = 0
  for (const chunk of chunks) length += chunk.length
  return length
}

/** Resolves when `stream` has room again; rejects when it closes first. */
export function drained(stream: Writable): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = () => {
      stream.off('drain', drain)
      stream.off('close', close)
    }
    const drain = () => {
      done()
      resolve()
    }
    const close = () => {
      done()
      reject(gone())
    }
    stream.once('drain', drain)
    stream.once('close', close)
  })
}

export function gone(): Error {
  return new Error('the client has gone')
}

/** Answers that HTTP gives no body (RFC 9110 section 6.4.1). */
export function isBodiless(method: string, status: number): boolean {
  return method === 'HEAD' || status === 204 || status === 304
}
