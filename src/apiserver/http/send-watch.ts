/** Sends the events of a watch at the pace of the client. What one batch brings goes out as few writes; frames are shared by all watchers. */
import type { Clock } from '#lib/clock.ts'
import type { ServedEvent } from '../request.ts'
import { chunkSize } from './chunks.ts'
import { type EncodeOptions, watchFrame } from './encode.ts'
import type { Exchange } from './exchange.ts'

type Batch = readonly ServedEvent[]

/**
 * Events that the client has not taken keep their bytes in memory. With so many of them it is cut off if it has taken nothing
 * for a while, and with yet more in any case; then it lists or watches anew. Bursts are no reason.
 */
const maxBehind = 8 * 1024 * 1024
const patience = 5_000
const farBehind = 64 * 1024 * 1024

export async function sendWatch(
  exchange: Exchange,
  events: AsyncIterable<Batch>,
  { options, clock }: { options: EncodeOptions; clock: Clock },
): Promise<void> {
  const frames = new Frames(options, clock)
  const waiting: Batch[] = []
  let behind = 0
  let tookAt = clock.monotonic()
  let writing: Promise<void> | undefined

  /** Undefined where the client took it all at once. */
  function write(batch: Batch): Promise<void> | undefined {
    const chunk = frames.chunk(batch, 0)
    const full = exchange.write(chunk.bytes)
    return full || chunk.next < batch.length ? writeRest(batch, chunk.next, full) : undefined
  }

  async function writeRest(batch: Batch, from: number, full: Promise<void> | undefined): Promise<void> {
    await full
    for (let at = from; at < batch.length; ) {
      const chunk = frames.chunk(batch, at)
      at = chunk.next
      tookAt = clock.monotonic()
      await exchange.write(chunk.bytes)
    }
  }

  async function catchUp(first: Promise<void>): Promise<void> {
    await first
    for (let batch = waiting.shift(); batch; batch = waiting.shift()) {
      behind -= sizeOf(batch)
      tookAt = clock.monotonic()
      await write(batch)
    }
    writing = undefined
  }

  try {
    for await (const batch of events) {
      if (batch.length === 0) continue
      if (writing) {
        waiting.push(batch)
        behind += sizeOf(batch)
        const isStuck = behind > maxBehind && clock.monotonic() - tookAt > patience
        if (isStuck || behind > farBehind) return exchange.abort()
        continue
      }
      const rest = write(batch)
      if (rest) {
        tookAt = clock.monotonic()
        writing = catchUp(rest)
        writing.catch(() => exchange.abort())
      }
    }
    await writing
    exchange.end()
  } catch {
    exchange.abort()
  }
}

function sizeOf(batch: Batch): number {
  return batch.reduce((sum, { bytes }) => sum + (bytes?.length ?? 1024), 0)
}

/** The frames of one watcher. */
class Frames {
  #options: EncodeOptions
  #clock: Clock
  #isFirst = true
  #isPlain: boolean

  constructor(options: EncodeOptions, clock: Clock) {
    this.#options = options
    this.#clock = clock
    this.#isPlain = options.wanted.encoding === 'json' && !options.wanted.as
  }

  /** As many events from `from` on as make a write; `next` is the first that is left. */
  chunk(batch: Batch, from: number): { bytes: Uint8Array; next: number } {
    const frames: Uint8Array[] = []
    let size = 0
    let next = from
    while (next < batch.length && size < chunkSize) {
      const frame = this.#frame(batch[next++] as ServedEvent)
      frames.push(frame)
      size += frame.length
    }
    return { bytes: frames.length === 1 ? (frames[0] as Uint8Array) : Buffer.concat(frames, size), next }
  }

  #frame(event: ServedEvent): Uint8Array {
    if (this.#isPlain && event.bytes) return sharedFrame(event.type, event.bytes)
    const frame = watchFrame(event.type, event, { ...this.#options, now: this.#clock.now(), isFirst: this.#isFirst })
    this.#isFirst = false
    return frame
  }
}

interface Shared {
  readonly type: string
  readonly frame: Uint8Array
}

/** The last frames: all watchers of a kind send the same ones within a moment. */
const recent = new Map<Uint8Array, Shared>()
const maxRecent = 64
const longestRecent = 64 * 1024

function sharedFrame(type: string, bytes: Uint8Array): Uint8Array {
  const known = recent.get(bytes)
  if (known?.type === type) return known.frame
  const frame = jsonFrame(type, bytes)
  if (bytes.length <= longestRecent) {
    if (recent.size >= maxRecent) recent.delete(recent.keys().next().value as Uint8Array)
    recent.set(bytes, { type, frame })
  }
  return frame
}

const heads: Readonly<Record<string, Buffer>> = Object.fromEntries(
  ['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR'].map((type) => [type, Buffer.from(`{"type":"${type}","object":`)]),
)

/** A line of its own; exact in size, for it may be kept. */
function jsonFrame(type: string, bytes: Uint8Array): Uint8Array {
  const head = heads[type] as Buffer
  const frame = new Uint8Array(head.length + bytes.length + 2)
  frame.set(head, 0)
  frame.set(bytes, head.length)
  frame[frame.length - 2] = '}'.charCodeAt(0)
  frame[frame.length - 1] = '\n'.charCodeAt(0)
  return frame
}
