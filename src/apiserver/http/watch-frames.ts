/** The events of watches as bytes. Watchers of the same things are handed the same batches, and share their bytes. */
import type { ServedEvent } from '../request.ts'
import { type EncodeOptions, watchFrame } from './encode.ts'

export type Batch = readonly ServedEvent[]

/** By how they are encoded; kept as long as somebody holds the batch. */
type Encoded = Partial<Record<string, Uint8Array>>

const encoded = new WeakMap<Batch, Encoded>()

/** Several batches that many watchers write in one go. */
const joined = new WeakMap<Batch, { readonly batches: readonly Batch[]; readonly encoding: string; readonly bytes: Uint8Array }>()

/** The frames of all batches, for watchers that ask for the objects as they are. */
export function sharedFrames(batches: readonly Batch[], options: EncodeOptions): Uint8Array {
  const [first = []] = batches
  if (batches.length === 1) return framesOf(first, options)
  const known = joined.get(first)
  const { encoding } = options.wanted
  if (known?.encoding === encoding && isSame(known.batches, batches)) return known.bytes
  const bytes = Buffer.concat(batches.map((batch) => framesOf(batch, options)))
  joined.set(first, { batches, encoding, bytes })
  return bytes
}

function isSame(some: readonly Batch[], others: readonly Batch[]): boolean {
  return some.length === others.length && some.every((batch, i) => batch === others[i])
}

function framesOf(batch: Batch, options: EncodeOptions): Uint8Array {
  let known = encoded.get(batch)
  if (!known) encoded.set(batch, (known = {}))
  const { encoding } = options.wanted
  return (known[encoding] ??= concat(batch.map((event) => frameOf(event, { ...options, isFirst: false }))))
}

function concat(frames: readonly Uint8Array[]): Uint8Array {
  return frames.length === 1 ? (frames[0] as Uint8Array) : Buffer.concat(frames)
}

export function frameOf(event: ServedEvent, options: EncodeOptions & { readonly isFirst: boolean }): Uint8Array {
  const { encoding, as } = options.wanted
  if (encoding !== 'json' || as) return watchFrame(event.type, event, options)
  const { bytes } = event
  return bytes ? jsonFrame(event.type, bytes) : watchFrame(event.type, event, options)
}

/** What the batch holds in memory while it waits. */
export function sizeOf(batch: Batch): number {
  let size = sizes.get(batch)
  if (size === undefined) {
    size = batch.reduce((sum, { bytes }) => sum + (bytes?.length ?? 1024), 0)
    sizes.set(batch, size)
  }
  return size
}

const sizes = new WeakMap<Batch, number>()

const heads: Readonly<Record<string, Buffer>> = Object.fromEntries(
  ['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR'].map((type) => [type, Buffer.from(`{"type":"${type}","object":`)]),
)

function jsonFrame(type: string, bytes: Uint8Array): Uint8Array {
  const head = heads[type] as Buffer
  const frame = new Uint8Array(head.length + bytes.length + 2)
  frame.set(head, 0)
  frame.set(bytes, head.length)
  frame[frame.length - 2] = '}'.charCodeAt(0)
  frame[frame.length - 1] = '\n'.charCodeAt(0)
  return frame
}
