/** Bodies in pieces of a size that suits sockets: many small pieces become one write, large ones are sent without being copied. */

import { Readable } from 'node:stream'
import { constants, createGzip } from 'node:zlib'
import type { Exchange } from './exchange.ts'

export const chunkSize = 256 * 1024
/** What is not much larger is not cut. */
const largestChunk = 2 * chunkSize

/** Each when the client has taken the one before. */
export async function sendChunks(exchange: Exchange, chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of chunks) {
    const full = exchange.write(chunk)
    if (full) await full
  }
  exchange.end()
}

export function* coalesced(pieces: Iterable<Uint8Array>): Generator<Uint8Array> {
  let small: Uint8Array[] = []
  let size = 0
  for (const piece of pieces) {
    if (size + piece.length > chunkSize && size > 0) {
      yield small.length === 1 ? (small[0] as Uint8Array) : Buffer.concat(small, size)
      small = []
      size = 0
    }
    if (piece.length >= chunkSize && piece.length <= largestChunk) yield piece
    else if (piece.length > largestChunk) {
      for (let at = 0; at < piece.length; at += chunkSize) yield piece.subarray(at, at + chunkSize)
    } else {
      small.push(piece)
      size += piece.length
    }
  }
  if (size > 0) yield Buffer.concat(small, size)
}

/** Compressed off the main thread, as fast as it is read. */
export function gzipped(pieces: Iterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const zip = createGzip({ level: constants.Z_BEST_SPEED, chunkSize: 64 * 1024 })
  const source = Readable.from(coalesced(pieces), { highWaterMark: 1 })
  zip.on('close', () => source.destroy())
  return source.on('error', (error) => zip.destroy(error)).pipe(zip)
}
