/** Bytes on their way in: written and hashed at the same time, in large pieces. */
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import type { Digest } from '../image.ts'

/** Hashes of uploads that go on, so that finishing reads nothing again. After a restart they are computed from the file. */
const hashes = new Map<string, { readonly hash: Hash; readonly size: number }>()
/** Uploads that nobody finishes are forgotten, oldest first. */
const mostHashes = 256

const piece = 1 << 20

/** Appends; answers the size reached. */
export async function writeUpload(
  path: string,
  content: AsyncIterable<Uint8Array>,
  { offset, id }: { offset: number; id: string },
): Promise<number> {
  const known = hashes.get(id)
  const hash = offset === 0 ? createHash('sha256') : known?.size === offset ? known.hash : undefined
  hashes.delete(id)
  await using file = await open(path, 'r+')
  let position = offset
  let underway: Promise<unknown> = Promise.resolve()
  let waiting: Uint8Array[] = []
  let waitingSize = 0
  const flush = async () => {
    const pieces = waiting
    const start = position
    position += waitingSize
    waiting = []
    waitingSize = 0
    await underway
    const size = position - start
    underway = file.writev(pieces, start).then(({ bytesWritten }) => {
      if (bytesWritten !== size) throw new Error(`${path}: ${bytesWritten} of ${size} bytes were written; is the disk full?`)
    })
    underway.catch(() => {})
    for (const one of pieces) hash?.update(one)
  }
  try {
    for await (const chunk of content) {
      waiting.push(chunk)
      waitingSize += chunk.length
      if (waitingSize >= piece) await flush()
    }
  } finally {
    if (waitingSize > 0) await flush()
    await underway
    if (hash) remember(id, { hash, size: position })
  }
  await file.datasync()
  return position
}

/** Of an upload whose pieces are all there. */
export async function digestOfFile(path: string, id: string): Promise<Digest> {
  const known = hashes.get(id)
  hashes.delete(id)
  if (known) return `sha256:${known.hash.digest('hex')}`
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: piece })) hash.update(chunk)
  return `sha256:${hash.digest('hex')}`
}

function remember(id: string, state: { hash: Hash; size: number }): void {
  hashes.set(id, state)
  const [oldest] = hashes.keys()
  if (hashes.size > mostHashes && oldest !== undefined) hashes.delete(oldest)
}
