/** Bodies in pieces of a size that suits sockets: many small pieces become one, large ones are sent without being copied. */
import { Readable } from 'node:stream'
import { constants, createGzip } from 'node:zlib'
import { nextTurn } from '#lib/turn.ts'
import type { Exchange } from './exchange.ts'

export const chunkSize = 256 * 1024
/** What is not much larger is not cut. */
const largestChunk = 2 * chunkSize
/** Smaller pieces are not worth being sent by themselves. */
const smallSize = 16 * 1024
const fewPieces = 16
/**
 * What one write to a socket takes of a long body, and then the loop turns. With less, encryption costs more; with more, the client has nothing to
 * do meanwhile, and others wait.
 */
const writeSize = 512 * 1024
/** So much is looked at before the first byte leaves, for its length to be told. */
const mostKnown = 2 * 1024 * 1024

/** Each when the client has taken the one before. */
export async function sendChunks(exchange: Exchange, chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of chunks) {
    const full = exchange.write(chunk)
    if (full) await full
  }
  exchange.end()
}

/** A body that is known to its end, or so far that the rest is made as it is sent. */
export interface Pieces {
  readonly first: readonly Uint8Array[]
  /** Of the first. */
  readonly size: number
  /** To be read once. */
  readonly rest: Iterable<Uint8Array> | undefined
}

export function begun(pieces: Iterable<Uint8Array>): Pieces {
  const first: Uint8Array[] = []
  const iterator = pieces[Symbol.iterator]()
  let size = 0
  for (let next = iterator.next(); !next.done; next = iterator.next()) {
    first.push(next.value)
    size += next.value.length
    if (size > mostKnown) return { first, size, rest: { [Symbol.iterator]: () => iterator } }
  }
  return { first, size, rest: undefined }
}

function* all({ first, rest }: Pieces): Generator<Uint8Array> {
  yield* first
  if (rest) yield* rest
}

/** The next write when the client has taken the one before. */
export async function sendPieces(exchange: Exchange, pieces: Pieces): Promise<void> {
  const writes = writesOf(pieces.rest ? all(pieces) : pieces.first)
  let next = writes.next()
  while (!next.done) {
    const write = next.value
    next = writes.next()
    if (next.done) exchange.end(...write)
    else await Promise.all([exchange.write(...write), nextTurn()])
  }
}

function* writesOf(pieces: Iterable<Uint8Array>): Generator<readonly Uint8Array[]> {
  let write: Uint8Array[] = []
  let size = 0
  for (const piece of pieces) {
    const step = piece.length <= largestChunk ? piece.length : chunkSize
    for (let at = 0; at < piece.length; at += step) {
      const part = step === piece.length ? piece : piece.subarray(at, at + step)
      if (size > 0 && size + part.length > writeSize) {
        yield packed(write)
        write = []
        size = 0
      }
      write.push(part)
      size += part.length
    }
  }
  if (size > 0) yield packed(write)
}

/** Many that are small are joined; what is large is not copied, for that costs time, and memory that must be collected. */
function packed(write: readonly Uint8Array[]): readonly Uint8Array[] {
  if (write.length <= fewPieces) return write
  const result: Uint8Array[] = []
  for (let at = 0; at < write.length; ) {
    let end = at + 1
    while (end < write.length && isSmall(write[end - 1]) && isSmall(write[end])) end++
    result.push(end === at + 1 ? (write[at] as Uint8Array) : Buffer.concat(write.slice(at, end)))
    at = end
  }
  return result
}

function isSmall(piece: Uint8Array | undefined): boolean {
  return piece !== undefined && piece.length < smallSize
}

/** Compressed off the main thread, piece by piece, as fast as it is read. */
export function gzipped(pieces: Pieces): AsyncIterable<Uint8Array> {
  const zip = createGzip({ level: constants.Z_BEST_SPEED, chunkSize: 64 * 1024 })
  const source = Readable.from(oneByOne(pieces), { highWaterMark: 1 })
  zip.on('close', () => source.destroy())
  return source.on('error', (error) => zip.destroy(error)).pipe(zip)
}

function* oneByOne(pieces: Pieces): Generator<Uint8Array> {
  for (const write of writesOf(all(pieces))) yield* write
}
