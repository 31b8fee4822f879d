/** One request and the way to answer it, whichever version of HTTP carries it. */
import type { Duplex, Readable } from 'node:stream'
import { badRequest, StatusError } from '#schema/status-error.ts'
import type { Request } from '../request.ts'

export interface Exchange {
  readonly request: Request
  /** Sends the head; `body` follows at once where it is known. */
  respond(status: number, headers: Readonly<Record<string, string>>, body?: Uint8Array): void
  /** More of the body; resolves when the client can take more, rejects when it has gone. */
  write(chunk: Uint8Array): Promise<void>
  end(): void
  /** Breaks the answer off, so that the client sees that it is not whole. */
  abort(): void
}

/** Upstream's limit for request bodies (`MaxRequestBodyBytes`). */
export const maxBody = 3 * 1024 * 1024

/** Reads a body whole; more than the limit is refused before it is kept, and the rest is let go by. */
export function collectBody(source: Readable, declared: string | undefined): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
  const chunks: Uint8Array[] = []
  let size = 0
  if (Number(declared) > maxBody) reject(tooLarge())
  source.on('data', (chunk: Uint8Array) => {
    size += chunk.length
    if (size > maxBody) {
      chunks.length = 0
      reject(tooLarge())
    } else {
      chunks.push(chunk)
    }
  })
  source.on('end', () => resolve(chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks)))
  source.on('close', () => reject(badRequest('the request body was cut off')))
  return promise
}

function tooLarge(): StatusError {
  return new StatusError('RequestEntityTooLarge', `Request entity too large: limit is ${maxBody}`)
}

/** Splits a request target; the path stays percent-encoded nowhere. Throws on broken encoding. */
export function parseTarget(target: string): { path: string; query: URLSearchParams } {
  const mark = target.indexOf('?')
  const encoded = mark < 0 ? target : target.slice(0, mark)
  return {
    path: encoded.includes('%') ? decodeURIComponent(encoded) : encoded,
    query: new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1)),
  }
}

/** Resolves when `stream` has room again; rejects when it closes first. */
export function drained(stream: Duplex | NodeJS.WritableStream): Promise<void> {
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
      reject(new Error('the client has gone'))
    }
    stream.once('drain', drain)
    stream.once('close', close)
  })
}
